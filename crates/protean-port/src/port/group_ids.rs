//! What the ledger calls a group: its name, until the handler is renamed or its projection rebuilt.
//!
//! ```text
//! name, of the program     id, in the ledger
//! bank.Balances            bank.Balances        at first
//! bank.Balances            bank.Balances#2      its projection was rebuilt once
//! bank.Totals              bank.Balances#2      and the handler was renamed
//! ```
//! So both change one row, however many messages the group has handled.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BoxFuture, RegisteredGroup};
use crate::{Error, Result};

/// Separates the generation from the rest of an id. No handler has it in its name.
const GENERATION_MARK: char = '#';

/// The groups that a store knows, and the ids of those that have another one than their name.
pub trait GroupNames: Send + Sync {
    /// Every registered group, whether or not a program still has it.
    fn registered_groups(&self) -> BoxFuture<'_, Result<Vec<RegisteredGroup>>>;

    /// The ids; none while the store is not prepared.
    fn group_ids(&self) -> BoxFuture<'_, Result<GroupIds>>;

    /// Gives the group of this name another one. Its id stays, and with it everything the ledger
    /// holds of it. The old name is kept as one that no handler may have.
    ///
    /// # Errors
    /// When another rename came before, or the ledger knows a group by the new name.
    fn rename_group<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// The ids of groups, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupIds(BTreeMap<Arc<str>, Naming>);

/// What has become of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// The group of this name has this id.
    Id(Arc<str>),
    /// The group has another name now, this one.
    RenamedTo(Arc<str>),
}

impl GroupIds {
    /// Adds a name, in place of what was known of it.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, naming: Naming) {
        self.0.insert(name.into(), naming);
    }

    /// True when every group has its name as its id.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id of the group with this name, or that had it: servers of a former name go on until
    /// they end.
    pub fn id<'a>(&'a self, name: &'a str) -> &'a str {
        let now = self.renamed_to(name).unwrap_or(name);
        match self.0.get(now) {
            Some(Naming::Id(id)) => id,
            Some(Naming::RenamedTo(_)) | None => name,
        }
    }

    /// The name that a group has now instead of this one.
    pub fn renamed_to(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Naming::RenamedTo(to)) => Some(to),
            Some(Naming::Id(_)) | None => None,
        }
    }

    /// True for the id of a group whose projection was rebuilt since.
    pub fn is_former(&self, id: &str) -> bool {
        let is_later = |now: &str| {
            id_in_generation(now, 1) == id_in_generation(id, 1) && generation(now) > generation(id)
        };
        self.0.values().any(|naming| matches!(naming, Naming::Id(now) if is_later(now)))
    }

    /// The name of the group with this id; none when no group has it any more, or not yet.
    pub fn name<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        let is_id =
            |(_, naming): &(&Arc<str>, &Naming)| matches!(naming, Naming::Id(of) if **of == *id);
        if let Some((name, _)) = self.0.iter().find(is_id) {
            return Some(name);
        }
        let is_its_own = !self.0.contains_key(id) && !id.contains(GENERATION_MARK);
        is_its_own.then_some(id)
    }

    /// What changes when the group of this name gets another: the names that mean something else
    /// then. Nothing, when that was done before.
    ///
    /// # Errors
    /// When either name means another group now.
    pub fn renaming(&self, name: &str, to: &str) -> Result<Vec<(Arc<str>, Naming)>> {
        if let Some(now) = self.renamed_to(name) {
            return match now == to {
                true => Ok(Vec::new()),
                false => Err(Error::misused(format!(
                    "the group '{name}' is called '{now}' now: rename that one"
                ))),
            };
        }
        let is_free = match self.0.get(to) {
            None => true,
            Some(Naming::RenamedTo(now)) => **now == *name,
            Some(Naming::Id(_)) => false,
        };
        if !is_free || name == to {
            let message =
                format!("the name '{to}' is or was that of another group: choose another");
            return Err(Error::misused(message));
        }
        let earlier = self.0.iter().filter(|(earlier, naming)| {
            matches!(naming, Naming::RenamedTo(now) if **now == *name) && ***earlier != *to
        });
        let renamed = || Naming::RenamedTo(to.into());
        let mut changes: Vec<_> =
            earlier.map(|(earlier, _)| (Arc::clone(earlier), renamed())).collect();
        changes.push((name.into(), renamed()));
        changes.push((to.into(), Naming::Id(self.id(name).into())));
        Ok(changes)
    }

    /// # Errors
    /// When the ledger has a state of the group with the new name: `has_state` says so.
    pub fn check_unused(name: &str, has_state: bool) -> Result {
        if !has_state {
            return Ok(());
        }
        Err(Error::misused(format!(
            "a group '{name}' has handled messages already: choose another name, or stop its \
             servers and delete its state"
        )))
    }

    /// What was registered, under the names that the groups have now: those of earlier and of
    /// coming generations are left out.
    pub fn named(&self, registered: Vec<RegisteredGroup>) -> Vec<RegisteredGroup> {
        let named = |of: RegisteredGroup| {
            let name = self.name(&of.group)?.to_owned();
            Some(RegisteredGroup { group: name, ..of })
        };
        registered.into_iter().filter_map(named).collect()
    }
}

/// How often the projection of a group with this id was built: once at first.
pub fn generation(id: &str) -> u64 {
    let number = id.rsplit_once(GENERATION_MARK).and_then(|(_, number)| number.parse().ok());
    number.unwrap_or(1)
}

/// The id of a group in this generation; any id of the group serves to name it.
pub fn id_in_generation(id: &str, generation: u64) -> String {
    let base = id.rsplit_once(GENERATION_MARK).map_or(id, |(base, _)| base);
    match generation {
        1 => base.to_owned(),
        _ => format!("{base}{GENERATION_MARK}{generation}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{GroupIds, Naming, generation, id_in_generation};

    fn ids() -> GroupIds {
        let mut ids = GroupIds::default();
        ids.insert("bank.Balances", Naming::RenamedTo("bank.Totals".into()));
        ids.insert("bank.Totals", Naming::Id("bank.Balances#2".into()));
        ids
    }

    #[test]
    fn a_group_has_its_name_as_its_id_until_something_changes_that() {
        let ids = ids();
        assert_eq!(ids.id("bank.Mailer"), "bank.Mailer");
        assert_eq!(ids.name("bank.Mailer"), Some("bank.Mailer"));
        for name in ["bank.Totals", "bank.Balances"] {
            assert_eq!(ids.id(name), "bank.Balances#2", "{name}");
        }
        assert_eq!(ids.name("bank.Balances#2"), Some("bank.Totals"));
        assert_eq!(ids.renamed_to("bank.Balances"), Some("bank.Totals"));
        assert_eq!(ids.renamed_to("bank.Totals"), None);
    }

    fn renamed(mut ids: GroupIds, name: &str, to: &str) -> GroupIds {
        for (name, naming) in ids.renaming(name, to).unwrap() {
            ids.insert(name, naming);
        }
        ids
    }

    #[test]
    fn a_group_is_renamed_again_and_back() {
        let ids = renamed(ids(), "bank.Totals", "bank.Sums");
        assert_eq!(ids.id("bank.Sums"), "bank.Balances#2");
        for earlier in ["bank.Totals", "bank.Balances"] {
            assert_eq!(ids.renamed_to(earlier), Some("bank.Sums"), "{earlier}");
        }
        assert!(ids.renaming("bank.Totals", "bank.Sums").unwrap().is_empty(), "it was done before");
        let ids = renamed(ids, "bank.Sums", "bank.Balances");
        assert_eq!(ids.id("bank.Balances"), "bank.Balances#2");
        assert_eq!(ids.renamed_to("bank.Totals"), Some("bank.Balances"));
    }

    #[test]
    fn a_name_of_another_group_is_refused() {
        let ids = renamed(ids(), "bank.Mailer", "bank.Letters");
        for (name, to) in [
            ("bank.Letters", "bank.Totals"),
            ("bank.Letters", "bank.Balances"),
            ("bank.Letters", "bank.Letters"),
            ("bank.Balances", "bank.Sums"),
        ] {
            assert!(ids.renaming(name, to).unwrap_err().is_misuse(), "{name} to {to}");
        }
    }

    #[test]
    fn ids_of_other_generations_have_no_name() {
        for id in ["bank.Balances", "bank.Balances#3", "bank.Mailer#2"] {
            assert_eq!(ids().name(id), None, "{id}");
        }
    }

    #[test]
    fn an_id_is_former_once_there_is_a_later_generation() {
        let ids = ids();
        assert!(ids.is_former("bank.Balances"));
        for id in ["bank.Balances#2", "bank.Balances#3", "bank.Mailer", "bank.Totals"] {
            assert!(!ids.is_former(id), "{id}");
        }
    }

    #[test]
    fn generations_are_counted_from_the_first() {
        assert_eq!(generation("bank.Balances"), 1);
        assert_eq!(generation("bank.Balances#12"), 12);
        for of in ["bank.Balances", "bank.Balances#2"] {
            assert_eq!(id_in_generation(of, 1), "bank.Balances");
            assert_eq!(id_in_generation(of, 3), "bank.Balances#3");
        }
    }
}
