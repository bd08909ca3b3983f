//! A command with an idempotency key, issued by a unit of work.

use protean_port::message::Message;

use crate::model::Command;

/// The JSON of a command, written again as this program would write it; `None` if it cannot be read.
pub(crate) type Rewrite = fn(&str) -> Option<String>;

/// A command with an idempotency key that a unit of work has issued. Whether it is sent is decided
/// before the unit commits.
#[derive(Clone, Debug)]
pub(crate) struct KeyedCommand {
    pub(crate) message: Message,
    /// Rewrites an earlier command of the same type, to compare the two.
    pub(crate) rewrite: Rewrite,
}

/// The [`Rewrite`] of a type: a field that the type has got since then has its default.
pub(crate) fn rewrite<C: Command>(json: &str) -> Option<String> {
    let command: C = serde_json::from_str(json).ok()?;
    serde_json::to_string(&command).ok()
}
