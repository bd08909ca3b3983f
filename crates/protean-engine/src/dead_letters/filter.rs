//! Selects dead letters of a group.

use protean_port::message::Timestamp;
use protean_port::port::DeadLetter;

use super::shared_reason::shared_reason;

/// Selects dead letters of a group; all of them by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only the one at this log position.
    pub position: Option<u64>,
    /// Only those of this type, without domain and version.
    pub type_name: Option<String>,
    /// Only those with this reason, as [`shared_reason`] words it.
    pub reason: Option<String>,
    /// Only those given up before this moment.
    pub before: Option<Timestamp>,
}

impl DeadLetterFilter {
    /// The dead letter at a log position.
    pub fn at(position: u64) -> Self {
        Self { position: Some(position), ..Self::default() }
    }

    /// True for a dead letter that meets all conditions.
    pub fn matches(&self, dead: &DeadLetter) -> bool {
        let Self { position, type_name, reason, before } = self;
        position.is_none_or(|position| dead.recorded.position == position)
            && type_name.as_deref().is_none_or(|name| dead.recorded.message.name() == name)
            && before.is_none_or(|before| dead.time < before)
            && reason.as_deref().is_none_or(|reason| shared_reason(&dead.reason) == reason)
    }

    /// The conditions by name, as an operation keeps them.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Self { position, type_name, reason, before } = self.clone();
        let position = position.map(|position| ("position", position.to_string()));
        let type_name = type_name.map(|name| ("type", name));
        let reason = reason.map(|reason| ("reason", reason));
        let before = before.map(|before| ("given_up_before", before.to_string()));
        position.into_iter().chain(type_name).chain(reason).chain(before)
    }
}
