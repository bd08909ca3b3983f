//! The groups of a store, the versions of a program that have had each, and which messages those take.
//! Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Correlation;
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

impl RegisteredGroup {
    /// What a process claims to read for it.
    pub fn claim(&self) -> String {
        claim(&self.group, &self.category)
    }
}

/// What a process claims to read a category for a group: `bank.Mailer@bank::account`.
pub fn claim(group: &str, category: &Category) -> String {
    format!("{group}@{category}")
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
    /// The version of the program that registers it; empty when the group is the same in all.
    pub version: ProgramVersion,
    /// The version is the newest from now on, even if the store has met others after it.
    pub is_newest: bool,
    /// The events that it takes, when it is a process manager; its category is that of its
    /// processes. What the store knows of it already stays.
    pub correlations: Vec<Correlation>,
}

impl GroupRegistration {
    /// A group that takes the same messages in every version of the program.
    pub fn new(group: impl Into<String>, category: Category, start: Start) -> Self {
        let (group, version) = (group.into(), ProgramVersion::default());
        Self { group, category, start, version, is_newest: false, correlations: Vec::new() }
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

/// A version of a program, as it registers a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramVersion {
    /// The message types that it takes in the group.
    pub types: MessageTypes,
    /// All its groups, as they are claimed: `bank.Mailer@bank::account`.
    pub groups: BTreeSet<Arc<str>>,
}

/// The versions of a program that have had a group, in the order in which the store has met them.
///
/// While an older and a newer version run side by side, the older one learns from it which message
/// types and which groups only the newer one has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupVersions(Vec<ProgramVersion>);

impl GroupVersions {
    /// Reads what [`to_json`](Self::to_json) has written; `None` when the text is something else.
    pub fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// The versions as JSON, to be kept by a store.
    pub fn to_json(&self) -> String {
        serde_json::json!(self.0).to_string()
    }

    /// Adds the version of a registration as the newest, unless it is known or empty; one that is
    /// to be the newest moves there. True when that changes anything.
    pub fn add(&mut self, registration: &GroupRegistration) -> bool {
        let GroupRegistration { version, is_newest, .. } = registration;
        let is_in_place = match is_newest {
            true => self.0.last() == Some(version),
            false => self.0.contains(version),
        };
        if *version == ProgramVersion::default() || is_in_place {
            return false;
        }
        self.0.retain(|known| known != version);
        self.0.push(version.clone());
        true
    }

    /// The newest version.
    pub fn newest(&self) -> Option<&ProgramVersion> {
        self.0.last()
    }

    /// Every version, the newest at the end.
    pub fn in_order(&self) -> &[ProgramVersion] {
        &self.0
    }

    /// True when this version is known, and a newer one is.
    pub fn has_newer(&self, own: &ProgramVersion) -> bool {
        self.0.contains(own) && self.newest() != Some(own)
    }

    /// The types that only this version takes, whatever their versions, when the store is about to
    /// meet it; none when it has met it, or no version at all.
    pub fn unknown_types(&self, own: &ProgramVersion) -> MessageTypes {
        if self.0.is_empty() || self.0.contains(own) {
            return MessageTypes::new();
        }
        let stem = |name: &str| {
            split_version(name).map_or_else(|| name.to_owned(), |(stem, _)| stem.to_owned())
        };
        let known: BTreeSet<String> =
            self.0.iter().flat_map(|version| &version.types).map(|name| stem(name)).collect();
        own.types.iter().filter(|name| !known.contains(&stem(name))).cloned().collect()
    }

    /// True when a newer version than this one takes a message of this type.
    pub fn newer_takes(&self, own: &ProgramVersion, type_name: &str) -> bool {
        let (_, newer) = self.around(own);
        newer.iter().flat_map(|version| &version.types).any(|taken| takes(taken, type_name))
    }

    /// True when a group came with a newer version than this one.
    pub fn is_of_newer(&self, own: &ProgramVersion, group: &str) -> bool {
        let (older, newer) = self.around(own);
        let has = |versions: &[ProgramVersion]| {
            versions.iter().any(|version| version.groups.contains(group))
        };
        has(newer) && !has(older)
    }

    /// The versions up to this one, and those after it.
    fn around(&self, own: &ProgramVersion) -> (&[ProgramVersion], &[ProgramVersion]) {
        let first_newer = self.0.iter().position(|version| version == own).map_or(0, |at| at + 1);
        self.0.split_at(first_newer)
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
    use super::{GroupRegistration, GroupVersions, ProgramVersion, Start};
    use crate::message::Category;

    fn version(types: &[&str], groups: &[&str]) -> ProgramVersion {
        let set = |names: &[&str]| names.iter().copied().map(Into::into).collect();
        ProgramVersion { types: set(types), groups: set(groups) }
    }

    fn registration(version: ProgramVersion) -> GroupRegistration {
        let category = Category::named("bank::account");
        GroupRegistration { version, ..GroupRegistration::new("b.G", category, Start::Beginning) }
    }

    fn old() -> ProgramVersion {
        version(&["B.Opened.v1"], &["b.G", "b.Gone"])
    }

    fn new() -> ProgramVersion {
        version(&["B.Opened.v2", "B.Closed.v1"], &["b.G", "b.New"])
    }

    fn versions() -> GroupVersions {
        let mut versions = GroupVersions::default();
        let all = [old(), new(), ProgramVersion::default()];
        assert_eq!(all.map(|known| versions.add(&registration(known))), [true, true, false]);
        assert!(!versions.add(&registration(old())), "an older program starts again");
        versions
    }

    #[test]
    fn only_a_newer_version_takes_what_an_older_one_does_not_know() {
        for (name, is_taken) in [
            ("B.Closed.v1", true),
            ("B.Closed.v2", false),
            ("B.Opened.v2", true),
            ("B.Renamed.v1", false),
            ("C.Closed.v1", false),
        ] {
            assert_eq!(versions().newer_takes(&old(), name), is_taken, "{name}");
        }
        assert!(!versions().newer_takes(&new(), "B.Opened.v1"), "the older one's do not count");
    }

    #[test]
    fn a_group_is_of_a_newer_version_when_no_older_one_had_it() {
        for (group, of_newer_than_old) in [("b.New", true), ("b.G", false), ("b.Gone", false)] {
            assert_eq!(versions().is_of_newer(&old(), group), of_newer_than_old, "{group}");
            assert!(!versions().is_of_newer(&new(), group), "{group}");
        }
    }

    #[test]
    fn an_older_version_can_be_made_the_newest() {
        let mut versions = versions();
        let newest = GroupRegistration { is_newest: true, ..registration(old()) };
        assert_eq!([versions.add(&newest), versions.add(&newest)], [true, false]);
        assert!(!versions.newer_takes(&old(), "B.Closed.v1"));
        assert!(versions.newer_takes(&new(), "B.Opened.v1"), "it is the older one now");
    }

    #[test]
    fn a_type_is_unknown_when_no_version_took_it_before() {
        let of = |types| versions().unknown_types(&version(types, &["b.G"]));
        assert_eq!(of(&["B.Opened.v3", "B.Closed.v1"]).len(), 0, "a new version of a type");
        let found = of(&["B.Opened.v1", "B.Moved.v1"]);
        assert_eq!(found.iter().map(|name| &**name).collect::<Vec<_>>(), ["B.Moved.v1"]);
        assert_eq!(versions().unknown_types(&old()).len(), 0, "it was met before");
        assert_eq!(GroupVersions::default().unknown_types(&old()).len(), 0, "the group is new");
    }

    #[test]
    fn is_read_as_it_is_written() {
        assert_eq!(GroupVersions::read(&versions().to_json()), Some(versions()));
        assert_eq!(GroupVersions::read("[]"), Some(GroupVersions::default()));
        assert_eq!(GroupVersions::read("of somebody else"), None);
    }
}
