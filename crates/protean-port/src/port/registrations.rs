//! The groups of a store, the versions of a program that have had each, and which messages those take.
//! Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::message::Category;
use crate::message::type_name::split_version;

/// A group that the store knows, and a category that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredGroup {
    /// The group.
    pub group: String,
    /// The category it reads.
    pub category: Category,
    /// The versions of the program that have had it.
    pub versions: GroupVersions,
}

/// A group that reads a category, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRegistration {
    /// The group.
    pub group: String,
    /// The category it reads.
    pub category: Category,
    /// Where it begins when the store does not know it yet.
    pub start: Start,
    /// The message types that this version of the program takes in it; none when that does not
    /// depend on the version.
    pub types: MessageTypes,
    /// This version is the newest from now on, whichever the store has met after it.
    pub is_newest: bool,
}

impl GroupRegistration {
    /// A group that takes the same messages in every version of the program.
    pub fn new(group: impl Into<String>, category: Category, start: Start) -> Self {
        let (group, types) = (group.into(), MessageTypes::new());
        Self { group, category, start, types, is_newest: false }
    }
}

/// Where a new group begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first message of the log.
    Beginning,
    /// With the first message committed after its registration.
    Head,
}

/// Message types, such as `Fidelis.AccountOpened.v2`: the newest version of each.
pub type MessageTypes = BTreeSet<Arc<str>>;

/// The message types that each version of a program takes in a group, in the order in which the
/// store has met the versions.
///
/// While an older and a newer version run side by side, the older one learns from it that a type
/// which it does not know is not nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupVersions(Vec<MessageTypes>);

impl GroupVersions {
    /// Reads what [`to_json`](Self::to_json) has written; `None` when the text is something else.
    pub fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// The versions as JSON, to be kept by a store.
    pub fn to_json(&self) -> String {
        serde_json::json!(self.0).to_string()
    }

    /// Adds the version of a registration as the newest, unless it is known or takes nothing; one
    /// that is to be the newest moves there. True when that changes anything.
    pub fn add(&mut self, registration: &GroupRegistration) -> bool {
        let GroupRegistration { types, is_newest, .. } = registration;
        let is_in_place = match is_newest {
            true => self.0.last() == Some(types),
            false => self.0.contains(types),
        };
        if types.is_empty() || is_in_place {
            return false;
        }
        self.0.retain(|known| known != types);
        self.0.push(types.clone());
        true
    }

    /// True when a version that is newer than the one with these types takes a message of this
    /// type.
    pub fn newer_takes(&self, own: &MessageTypes, type_name: &str) -> bool {
        let first_newer = self.0.iter().position(|types| types == own).map_or(0, |at| at + 1);
        let mut newer = self.0[first_newer..].iter().flatten();
        newer.any(|taken| takes(taken, type_name))
    }
}

/// True when a handler of a type takes a message of another: of the same name, and not newer.
fn takes(taken: &str, found: &str) -> bool {
    match (split_version(taken), split_version(found)) {
        (Some((taken, newest)), Some((found, version))) => taken == found && version <= newest,
        _ => taken == found,
    }
}

#[cfg(test)]
mod tests {
    use super::{GroupRegistration, GroupVersions, MessageTypes, Start};
    use crate::message::Category;

    fn registration(types: MessageTypes) -> GroupRegistration {
        let category = Category::named("bank::account");
        GroupRegistration { types, ..GroupRegistration::new("b.G", category, Start::Beginning) }
    }

    fn types<const N: usize>(names: [&str; N]) -> MessageTypes {
        names.into_iter().map(Into::into).collect()
    }

    fn versions() -> GroupVersions {
        let mut versions = GroupVersions::default();
        let all = [types(["B.Opened.v1"]), types(["B.Opened.v2", "B.Closed.v1"]), types([])];
        assert_eq!(all.map(|types| versions.add(&registration(types))), [true, true, false]);
        let again = registration(types(["B.Opened.v1"]));
        assert!(!versions.add(&again), "an older program starts again");
        versions
    }

    #[test]
    fn only_a_newer_version_takes_what_an_older_one_does_not_know() {
        let (versions, old) = (versions(), types(["B.Opened.v1"]));
        for (name, is_taken) in [
            ("B.Closed.v1", true),
            ("B.Closed.v2", false),
            ("B.Opened.v2", true),
            ("B.Renamed.v1", false),
            ("C.Closed.v1", false),
        ] {
            assert_eq!(versions.newer_takes(&old, name), is_taken, "{name}");
        }
        let newest = types(["B.Opened.v2", "B.Closed.v1"]);
        assert!(!versions.newer_takes(&newest, "B.Opened.v1"), "the older one's do not count");
    }

    #[test]
    fn an_older_version_can_be_made_the_newest() {
        let (mut versions, old) = (versions(), types(["B.Opened.v1"]));
        let newest = GroupRegistration { is_newest: true, ..registration(old.clone()) };
        assert_eq!([versions.add(&newest), versions.add(&newest)], [true, false]);
        assert!(!versions.newer_takes(&old, "B.Closed.v1"));
        let other = types(["B.Opened.v2", "B.Closed.v1"]);
        assert!(versions.newer_takes(&other, "B.Opened.v1"), "it is the older one now");
    }

    #[test]
    fn is_read_as_it_is_written() {
        let versions = versions();
        assert_eq!(GroupVersions::read(&versions.to_json()), Some(versions));
        assert_eq!(GroupVersions::read("[]"), Some(GroupVersions::default()));
        assert_eq!(GroupVersions::read("of somebody else"), None);
    }
}
