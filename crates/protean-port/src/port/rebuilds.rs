//! Replacing the table of a projection by one that was filled anew.
//!
//! ```text
//! table ◀─ groups of generation 1        serve meanwhile
//! successor ◀─ groups of generation 2    filled from the log
//!        swap: the successor is the table, generation 2 are the groups, in one transaction
//! ```

use super::BoxFuture;
use super::group_ids::{GroupIds, generation, id_in_generation};
use crate::message::Table;
use crate::{Error, Result};

/// Replaces tables of projections.
pub trait Rebuilds: Send + Sync {
    /// What rests on a table and would not go along with a swap, each as a person knows it:
    /// "the view 'best_customers'".
    fn dependents<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;

    /// Gives the successor the indexes and the grants that were added to the table by hand.
    /// Safe to repeat.
    fn equip<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>>;

    /// Makes the successor the table, and the groups that have filled it those of their names.
    /// What is under way for the former groups is left out from then on. Takes the same time
    /// however many rows there are.
    ///
    /// # Errors
    /// When something rests on the table, a group has parked or dead messages, or another swap
    /// came before; nothing is changed then.
    fn swap<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<()>>;

    /// Deletes some of the former table and of what the ledger holds of the former groups, but for
    /// an id that a group has; true when there may be more.
    fn clear<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>>;

    /// Deletes some of a successor that is not wanted any more, and of what the ledger holds of its
    /// groups, their registrations first, but for an id that a group has; true when there may be
    /// more.
    fn abandon<'a>(&'a self, swap: &'a TableSwap) -> BoxFuture<'a, Result<bool>>;
}

/// A table, the one that takes its place, and the groups that go along.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSwap {
    /// The table as it is declared.
    pub table: Table,
    /// The name of the table that takes its place, and what its rows are filled in.
    pub successor: String,
    /// What the former table is called until it is deleted.
    pub former: String,
    /// The groups that fill it.
    pub groups: Vec<GroupSwap>,
}

/// A group of a projector, before and after a swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSwap {
    /// Its name.
    pub name: String,
    /// Its id before.
    pub before: String,
    /// Its id after.
    pub after: String,
}

impl TableSwap {
    /// The swap that brings a table to this generation, with its groups: their names and ids.
    pub fn to_generation(table: Table, number: u64, groups: &[(&str, &str)]) -> Self {
        let named = |number| format!("{}__g{number}", table.name);
        let (successor, former) = (named(number), named(number - 1));
        let groups = groups.iter().map(|(name, id)| GroupSwap {
            name: (*name).to_owned(),
            before: (*id).to_owned(),
            after: id_in_generation(id, number),
        });
        Self { successor, former, groups: groups.collect(), table }
    }

    /// The swap to the generation after the one that these groups have.
    pub fn to_next_generation(table: Table, groups: &[(&str, &str)]) -> Self {
        let now = groups.iter().map(|(_, id)| generation(id)).max().unwrap_or(1);
        Self::to_generation(table, now + 1, groups)
    }

    /// The generation that it leads to.
    pub fn number(&self) -> u64 {
        self.groups.first().map_or(1, |group| generation(&group.after))
    }

    /// What the names of the successor and of its indexes end with.
    pub fn suffix(&self) -> &str {
        self.successor.strip_prefix(&*self.table.name).unwrap_or_default()
    }

    /// What the names of the indexes of the former table end with.
    pub fn former_suffix(&self) -> &str {
        self.former.strip_prefix(&*self.table.name).unwrap_or_default()
    }

    /// The successor, with the columns of the table.
    pub fn successor(&self) -> Table {
        Table { name: self.successor.clone(), ..self.table.clone() }
    }

    /// # Errors
    /// When a group has another name or id than it had before the successor was filled.
    pub fn check_ids(&self, ids: &GroupIds) -> Result {
        for GroupSwap { name, before, .. } in &self.groups {
            if let Some(to) = ids.renamed_to(name) {
                let message = format!("the group '{name}' was renamed to '{to}' meanwhile");
                return Err(Error::conflict(message));
            }
            if ids.id(name) != before {
                let message = format!("the projection of '{name}' was rebuilt meanwhile");
                return Err(Error::conflict(message));
            }
        }
        Ok(())
    }

    /// # Errors
    /// When something rests on the table.
    pub fn check_dependents(&self, dependents: &[String]) -> Result {
        if dependents.is_empty() {
            return Ok(());
        }
        Err(Error::misused(format!(
            "{} would stay with the former table '{}': drop it, and create it again after the rebuild",
            dependents.join(", "),
            self.table.name
        )))
    }
}

impl GroupSwap {
    /// # Errors
    /// When messages of the group are parked or dead after the successor was filled.
    pub fn check_held(&self, parked: u64, dead: u64) -> Result {
        if parked + dead == 0 {
            return Ok(());
        }
        let name = &self.name;
        Err(Error::failed(format!("{name} has {parked} parked and {dead} dead messages")))
    }
}

/// The name of a table without the generation that a [rebuild](TableSwap) has added.
pub fn without_generation(name: &str) -> &str {
    match name.rsplit_once("__g") {
        Some((base, number))
            if !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) =>
        {
            base
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::without_generation;

    #[test]
    fn only_a_number_is_a_generation() {
        for (name, base) in [
            ("by_owner__g12", "by_owner"),
            ("by_owner", "by_owner"),
            ("by__game", "by__game"),
            ("by__g", "by__g"),
        ] {
            assert_eq!(without_generation(name), base);
        }
    }
}
