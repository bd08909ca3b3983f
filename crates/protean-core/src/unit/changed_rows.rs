//! Changes or removes all rows that match a condition.

use std::collections::BTreeSet;
use std::sync::Arc;

use protean_port::message::{Id, RowCondition, RowQuery, Table};
use protean_port::{Error, Result};

use super::repository::Repository;
use super::selection::{check, key_of};
use super::storage::Queryable;
use super::unit::Unit;
use crate::model::{Condition, Stored};

/// The maximum number of rows for one call. One transaction changes all of them, and production
/// waits for it.
const MAX_ROWS: usize = 1_000;

impl<T> Repository<T>
where
    T: Stored,
    T::Storage: Queryable<T>,
{
    /// Changes every instance that matches a condition, as this unit of work sees them: committed
    /// rows, with the unit's own changes. Returns the number of instances.
    ///
    /// Each one is loaded, changed and [added](Self::add) as usual, so invariants are checked,
    /// events are stored, and the unit runs again if another unit has changed one of them by then.
    /// An instance that begins to match while the unit runs is not included.
    ///
    /// # Errors
    /// If more than 1,000 instances match, which is too many for one transaction: nothing is
    /// changed. If the closure fails or an instance breaks a rule: return the error from the
    /// handler, so that the whole unit is discarded.
    pub async fn update_where(
        &self,
        condition: Condition<T>,
        mut change: impl FnMut(&mut T) -> Result,
    ) -> Result<u64> {
        let (table, ids) = selected::<T>(self.unit(), &condition.of_row).await?;
        for id in &ids {
            let mut instance = self.get(id).await?;
            change(&mut instance)?;
            if T::Storage::key(&instance) != *id {
                return Err(Error::misused(format!(
                    "the identity '{id}' of '{}' cannot be changed: remove the row, and add another",
                    table.name
                )));
            }
            self.add(instance).await?;
        }
        Ok(ids.len() as u64)
    }

    /// Removes every instance that matches a condition, selected as in
    /// [`update_where`](Self::update_where). Returns the number of instances.
    ///
    /// # Errors
    /// If more than 1,000 instances match, which is too many for one transaction: nothing is
    /// removed.
    pub async fn remove_where(&self, condition: Condition<T>) -> Result<u64> {
        let (_, ids) = selected::<T>(self.unit(), &condition.of_row).await?;
        for id in &ids {
            let instance = self.get(id).await?;
            self.remove(instance).await?;
        }
        Ok(ids.len() as u64)
    }
}

/// The identities of the rows that match a condition, as a unit sees them.
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
    let found = unit.query(&table, &query).await?;
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
