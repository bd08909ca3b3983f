//! Writes rows.

use std::sync::Arc;

use super::state::State;
use super::tables::{TableId, UniqueValues, unique_values};
use super::unit::{Refused, Unit};
use crate::Violations;
use crate::message::Row;
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
    let sets = write.table.unique_sets();
    let taken = match &row {
        Some(row) if row.len() != write.table.columns.len() => {
            return Err(left_out::row_incomplete(&write.table, row));
        }
        Some(row) => held(&sets, id, row),
        None => Vec::new(),
    };
    check_unique(unit.state(), write, &taken)?;
    let freed = before.row.map_or_else(Vec::new, |row| held(&sets, id, &row));
    for place in freed {
        unit.set(|state| &mut state.tables.unique, place, None);
    }
    for place in taken {
        unit.set(|state| &mut state.tables.unique, place, Some(Arc::clone(&write.key)));
    }
    let state = RowState { row, version: Some(write.version) };
    unit.set(|state| &mut state.tables.rows, key, Some(state));
    Ok(())
}

fn check_unique(state: &State, write: &RowWrite, taken: &[UniqueValues]) -> Refused {
    let mut violations = Violations::new();
    for place in taken {
        let holder = state.tables.unique.get(place);
        if holder.is_some_and(|holder| *holder != write.key) {
            let (_, columns, _) = place;
            let names = columns.iter().map(|column| &write.table.columns[*column].name);
            names.for_each(|name| violations.add(name, "is already taken"));
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Outcome::Rejected(violations)) }
}

/// The unique values that a row has.
fn held(sets: &[Vec<usize>], id: TableId, row: &Row) -> Vec<UniqueValues> {
    let of_row = |columns: &Vec<usize>| Some((id, columns.clone(), unique_values(row, columns)?));
    sets.iter().filter_map(of_row).collect()
}
