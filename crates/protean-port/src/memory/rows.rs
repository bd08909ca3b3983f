//! Writes rows.

use std::sync::Arc;

use super::compare::Sorted;
use super::state::State;
use super::tables::TableId;
use super::unit::{Refused, Unit};
use crate::Violations;
use crate::message::{Row, Table, Value};
use crate::port::{Outcome, RowChange, RowState, RowWrite};

/// Changes one row when it has the expected version.
pub(super) fn write(unit: &mut Unit<'_>, write: &RowWrite) -> Refused {
    let tables = &unit.state().tables;
    let id =
        tables.id(&write.table).map_err(|error| reject(&write.table.name, &error.to_string()))?;
    let key = (id, Arc::clone(&write.key));
    let before = tables.rows.get(&key).cloned().unwrap_or_default();
    let found = before.row.as_ref().and(before.version);
    // A row created again continues the versions of the removed one.
    let falls_back = before.version.is_some_and(|version| write.version <= version);
    if found != write.expected || falls_back {
        let (table, key, expected) = (&write.table.name, &write.key, write.expected);
        let message = format!("{table} '{key}' has version {found:?}, not {expected:?}");
        return Err(Outcome::Stale(message));
    }
    let row = match &write.change {
        RowChange::Put(row) => Some(Arc::clone(row)),
        RowChange::Remove => None,
    };
    if let Some(row) = &row {
        check_form(&write.table, row)?;
        check_unique(unit.state(), write, id, row)?;
    }
    move_unique(unit, write, id, before.row.as_ref(), row.as_ref());
    let state = RowState { row, version: Some(write.version) };
    unit.set(|state| &mut state.tables.rows, key, Some(state));
    Ok(())
}

fn check_form(table: &Table, row: &Row) -> Refused {
    if row.len() == table.columns.len() {
        return Ok(());
    }
    let message =
        format!("the table has {} columns, but the row has {}", table.columns.len(), row.len());
    Err(reject(&table.name, &message))
}

fn check_unique(state: &State, write: &RowWrite, id: TableId, row: &Row) -> Refused {
    let mut violations = Violations::new();
    for (column, value) in unique_values(&write.table, row) {
        let holder = state.tables.unique.get(&(id, column, Sorted(value.clone())));
        if holder.is_some_and(|holder| *holder != write.key) {
            violations.add(&write.table.columns[column].name, "is taken already");
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Outcome::Rejected(violations)) }
}

/// Frees the unique values of the former row and takes those of the new one.
fn move_unique(
    unit: &mut Unit<'_>,
    write: &RowWrite,
    id: TableId,
    before: Option<&Row>,
    after: Option<&Row>,
) {
    for (row, holder) in [(before, None), (after, Some(&write.key))] {
        for (column, value) in row.into_iter().flat_map(|row| unique_values(&write.table, row)) {
            let place = (id, column, Sorted(value.clone()));
            unit.set(|state| &mut state.tables.unique, place, holder.cloned());
        }
    }
}

fn unique_values<'a>(table: &'a Table, row: &'a Row) -> impl Iterator<Item = (usize, &'a Value)> {
    let columns = table.columns.iter().enumerate().zip(row.iter());
    let unique = columns.filter(|((_, column), value)| column.unique && !value.is_null());
    unique.map(|((index, _), value)| (index, value))
}

fn reject(field: &str, message: &str) -> Outcome {
    Outcome::Rejected(Violations::of(field, message))
}
