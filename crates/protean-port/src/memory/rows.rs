//! Writes rows.

use std::sync::Arc;

use super::compare::Sorted;
use super::state::State;
use super::tables::TableId;
use super::unit::{Refused, Unit};
use crate::Violations;
use crate::message::{Row, Table, Value};
use crate::port::{Outcome, RowChange, RowState, RowWrite, left_out};

/// Changes one row when it has the expected version.
pub(super) fn write(unit: &mut Unit<'_>, write: &RowWrite) -> Refused {
    let tables = &unit.state().tables;
    let id = tables
        .id(&write.table)
        .map_err(|error| Outcome::Rejected(Violations::of(&write.table.name, error.to_string())))?;
    let key = (id, Arc::clone(&write.key));
    let before = tables.rows.get(&key).cloned().unwrap_or_default();
    let found = before.row.as_ref().and(before.version);
    if found != write.expected {
        return Err(left_out::row_changed(write, found));
    }
    // A row created again continues the versions of the removed one.
    if before.version.is_some_and(|version| write.version <= version) {
        return Err(left_out::row_version_used(write));
    }
    let row = match &write.change {
        RowChange::Put(row) => Some(Arc::clone(row)),
        RowChange::Remove => None,
    };
    if let Some(row) = &row {
        if row.len() != write.table.columns.len() {
            return Err(left_out::row_incomplete(&write.table, row));
        }
        check_unique(unit.state(), write, id, row)?;
    }
    move_unique(unit, write, id, before.row.as_ref(), row.as_ref());
    let state = RowState { row, version: Some(write.version) };
    unit.set(|state| &mut state.tables.rows, key, Some(state));
    Ok(())
}

fn check_unique(state: &State, write: &RowWrite, id: TableId, row: &Row) -> Refused {
    let mut violations = Violations::new();
    for (column, value) in unique_values(&write.table, row) {
        let holder = state.tables.unique.get(&(id, column, Sorted(value.clone())));
        if holder.is_some_and(|holder| *holder != write.key) {
            violations.add(&write.table.columns[column].name, "is already taken");
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
