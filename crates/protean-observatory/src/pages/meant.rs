//! Which dead letters an address or a form means.

use std::sync::Arc;

use protean_core::domain::Group;
use protean_engine::DeadLetterFilter;
use protean_port::message::Timestamp;

use crate::query::Query;
use crate::visit::Visit;

/// The dead letters that an address or a form means.
pub(crate) struct Meant {
    /// The handler's group; `None` for all.
    pub(crate) group: Option<Arc<Group>>,
    pub(crate) filter: DeadLetterFilter,
}

impl Meant {
    /// Reads what is meant; `None` when there is no such group.
    pub(crate) fn read(visit: &Visit<'_>, query: &Query) -> Option<Self> {
        let group = match query.get("group") {
            None => None,
            Some(claim) => Some(group(visit, claim)?),
        };
        let position = match query.get("position") {
            None => None,
            Some(position) => Some(position.parse().ok()?),
        };
        let filter = DeadLetterFilter {
            position,
            type_name: query.get("type").map(str::to_owned),
            reason: query.get("reason").map(str::to_owned),
            before: match query.get("before") {
                None => None,
                Some(micros) => Some(Timestamp::from_micros(micros.parse().ok()?)),
            },
        };
        Some(Self { group, filter })
    }

    /// The groups that are meant.
    pub(crate) fn groups(&self, visit: &Visit<'_>) -> Vec<Arc<Group>> {
        match &self.group {
            Some(group) => vec![Arc::clone(group)],
            None => visit.domain().groups().to_vec(),
        }
    }

    /// What says in an address or a form which letters are meant.
    pub(crate) fn fields(&self) -> [(&'static str, Option<String>); 5] {
        [
            ("group", self.group.as_ref().map(|group| group.claim())),
            ("type", self.filter.type_name.clone()),
            ("reason", self.filter.reason.clone()),
            ("position", self.filter.position.map(|position| position.to_string())),
            ("before", self.filter.before.map(|before| before.as_micros().to_string())),
        ]
    }

    /// The address of a page about these letters.
    pub(crate) fn address(&self, visit: &Visit<'_>, path: &str) -> String {
        let fields = self.fields();
        visit.address_with(path, &fields.each_ref().map(|(name, value)| (*name, value.as_deref())))
    }
}

/// The group with this claim: `fidelis.Mailer@fidelis::account`.
fn group(visit: &Visit<'_>, claim: &str) -> Option<Arc<Group>> {
    visit.domain().groups().iter().find(|group| group.claim() == claim).cloned()
}
