//! Changes and removes all rows for which a condition holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use protean_port::message::{Id, RowCondition, RowQuery, Table};
use protean_port::{Error, Result};

use super::repository::Repository;
use super::selection::{check, key_of};
use super::storage::Storage;
use super::unit::Unit;
use crate::catalog::Queryable;
use crate::model::{Columns, Condition, Stored};

/// The most rows of one call. All of them are changed in one transaction, which production waits
/// for.
const MAX_ROWS: usize = 1_000;

impl<T> Repository<T>
where
    T: Stored + Columns,
    T::Storage: Storage<T> + Queryable<T>,
{
    /// Changes every instance for which a condition holds, as this unit of work sees them: what is
    /// committed, and what the unit has changed itself. Returns how many there were.
    ///
    /// Each is loaded, changed and [added](Self::add) like one of its own, so invariants are checked,
    /// events are kept, and the unit runs again when somebody else has changed one of them by then.
    /// An instance that begins to match while the unit runs is not among them.
    ///
    /// # Errors
    /// When there are more than 1,000, which is too much for one transaction: nothing is changed
    /// then. When the closure fails, or an instance breaks a rule: return the error from the handler,
    /// so that nothing of the unit is kept.
    pub async fn update_where(
        &self,
        condition: Condition<T>,
        mut change: impl FnMut(&mut T) -> Result,
    ) -> Result<u64> {
        let (table, ids) = selected::<T>(self.unit(), &condition.of_row).await?;
        for id in &ids {
            let mut instance = self.get(id).await?;
            change(&mut instance)?;
            let mut row = Vec::new();
            instance.write(&mut row);
            if key_of(&table, &row) != id.as_str() {
                return Err(Error::misused(format!(
                    "the identity '{id}' of '{}' cannot be changed: remove the row, and add another",
                    table.name
                )));
            }
            self.add(instance).await?;
        }
        Ok(ids.len() as u64)
    }

    /// Removes every instance for which a condition holds, as [`update_where`](Self::update_where)
    /// changes them. Returns how many there were.
    ///
    /// # Errors
    /// When there are more than 1,000, which is too much for one transaction: nothing is removed
    /// then.
    pub async fn remove_where(&self, condition: Condition<T>) -> Result<u64> {
        let (_, ids) = selected::<T>(self.unit(), &condition.of_row).await?;
        for id in &ids {
            let instance = self.get(id).await?;
            self.remove(instance).await?;
        }
        Ok(ids.len() as u64)
    }
}

/// The identities of the rows for which a condition holds, as a unit sees them.
async fn selected<T>(unit: &Unit, condition: &RowCondition) -> Result<(Arc<Table>, Vec<Id>)>
where
    T: Stored,
    T::Storage: Queryable<T>,
{
    let table = Arc::clone(unit.env.catalog.table::<T>()?);
    check(&table, condition)?;
    let limit = Some(MAX_ROWS + 1);
    let query = RowQuery { condition: condition.clone(), limit, ..RowQuery::default() };
    let mut keys: BTreeSet<Arc<str>> = unit.changed_keys(&table)?;
    let found = unit.store.query(&table, &query).await?;
    let is_too_much = found.len() > MAX_ROWS;
    for state in found {
        let Some(row) = &state.row else { continue };
        let key = key_of(&table, row);
        unit.see(&table, &key, &state)?;
        keys.insert(key.into());
    }
    let mut ids = Vec::new();
    for key in keys {
        let row = unit.row(&table, &key).await?.row;
        if row.is_some_and(|row| condition.holds(&row)) {
            ids.push(Id::from(key));
        }
    }
    if is_too_much || ids.len() > MAX_ROWS {
        return Err(Error::misused(format!(
            "the condition selects more than {MAX_ROWS} rows of '{}', too many for one unit of work: \
             narrow it, and change them in several units",
            table.name
        )));
    }
    Ok((table, ids))
}
