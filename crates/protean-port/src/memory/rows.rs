//! Writes rows.

use std::sync::Arc;

use super::state::State;
use super::tables::{TableId, UniqueValues, unique_values};
use super::unit::{Refused, Unit};
use crate::Violations;
use crate::message::{Row, Table};
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
    for place in held(&write.table, id, row) {
        let holder = state.tables.unique.get(&place);
        if holder.is_some_and(|holder| *holder != write.key) {
            let (_, columns, _) = place;
            let names = columns.iter().map(|column| &write.table.columns[*column].name);
            names.for_each(|name| violations.add(name, "is already taken"));
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
        for place in row.into_iter().flat_map(|row| held(&write.table, id, row)) {
            unit.set(|state| &mut state.tables.unique, place, holder.cloned());
        }
    }
}

/// The unique values that a row has.
fn held(table: &Table, id: TableId, row: &Row) -> Vec<UniqueValues> {
    let of_row = |columns: Vec<usize>| {
        let values = unique_values(row, &columns)?;
        Some((id, columns, values))
    };
    table.unique_sets().into_iter().filter_map(of_row).collect()
}
