//! Rows: tables of values, by key.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::compare::{Sorted, holds, order};
use super::unit::{Refused, State, Unit};
use crate::message::{Row, Table, Value};
use crate::port::{Direction, Filter, Outcome, Query, RowChange, RowState, RowWrite};
use crate::{Error, Result, Violations};

/// The prepared tables and their rows.
#[derive(Default)]
pub(super) struct Tables {
    prepared: BTreeMap<String, Prepared>,
    rows: BTreeMap<(TableId, Arc<str>), RowState>,
    /// Whose row holds a value that no two rows may hold.
    unique: BTreeMap<(TableId, usize, Sorted), Arc<str>>,
}

type TableId = usize;

struct Prepared {
    id: TableId,
    table: Table,
}

impl Tables {
    /// Creates or extends tables; changes nothing when one of them cannot be.
    pub(super) fn prepare(&mut self, tables: &[Table]) -> Result {
        tables.iter().try_for_each(|table| self.check(table))?;
        for table in tables {
            let id = self.prepared.get(&table.name).map_or(self.prepared.len(), |kept| kept.id);
            let prepared = Prepared { id, table: table.clone() };
            if let Some(before) = self.prepared.insert(table.name.clone(), prepared) {
                self.rearrange(id, &before.table, table);
            }
        }
        Ok(())
    }

    /// The row with a key.
    pub(super) fn row(&self, table: &Table, key: &str) -> Result<RowState> {
        let id = self.id(table)?;
        Ok(self.rows.get(&(id, key.into())).cloned().unwrap_or_default())
    }

    /// The rows a query selects.
    pub(super) fn query(&self, table: &Table, query: &Query) -> Result<Vec<RowState>> {
        // Rows come sorted by key and the sort is stable, so the key decides between equals.
        let mut rows: Vec<(&Row, &RowState)> = self.select(table, &query.filters)?.collect();
        rows.sort_by(|(left, _), (right, _)| by_columns(&query.order, left, right));
        rows.truncate(query.limit.unwrap_or(usize::MAX));
        Ok(rows.into_iter().map(|(_, state)| state.clone()).collect())
    }

    /// How many rows the filters of a query select.
    pub(super) fn count(&self, table: &Table, query: &Query) -> Result<u64> {
        Ok(self.select(table, &query.filters)?.map(|_| 1).sum())
    }

    fn id(&self, table: &Table) -> Result<TableId> {
        let prepared = self.prepared.get(&table.name);
        prepared.map(|prepared| prepared.id).ok_or_else(|| {
            Error::misused(format!("the table '{}' has not been prepared", table.name))
        })
    }

    fn select<'a>(
        &'a self,
        table: &Table,
        filters: &'a [Filter],
    ) -> Result<impl Iterator<Item = (&'a Row, &'a RowState)>> {
        let matches = |row: &Row| {
            filters.iter().all(|filter| {
                let value = row.get(filter.column).unwrap_or(&Value::Null);
                holds(filter.operator, value, &filter.value)
            })
        };
        let existing =
            self.of(self.id(table)?).filter_map(|(_, state)| Some((state.row.as_ref()?, state)));
        Ok(existing.filter(move |(row, _)| matches(row)))
    }

    fn of(&self, id: TableId) -> impl Iterator<Item = (&Arc<str>, &RowState)> {
        let rows = self.rows.range((id, "".into())..(id + 1, "".into()));
        rows.map(|((_, key), state)| (key, state))
    }

    fn check(&self, table: &Table) -> Result {
        let Some(Prepared { id, table: kept }) = self.prepared.get(&table.name) else {
            return Ok(());
        };
        let refuse = |column: &str, why: &str| {
            let message = format!("the column '{column}' of the table '{}' {why}", table.name);
            Err(Error::misused(message))
        };
        if kept.key_column().name != table.key_column().name {
            return refuse(&kept.key_column().name, "would no longer be the key");
        }
        for column in &kept.columns {
            match table.columns.iter().find(|declared| declared.name == column.name) {
                None => return refuse(&column.name, "exists and is not declared any more"),
                Some(declared) if declared != column => {
                    return refuse(&column.name, "exists in another form");
                }
                Some(_) => {}
            }
        }
        let added =
            table.columns.iter().find(|new| kept.position(&new.name).is_none() && !new.nullable);
        match added {
            Some(column) if self.of(*id).next().is_some() => {
                refuse(&column.name, "is new and has no value for the rows there are")
            }
            _ => Ok(()),
        }
    }

    /// Brings the rows of an extended table into the order of its new columns.
    fn rearrange(&mut self, id: TableId, before: &Table, table: &Table) {
        if before == table {
            return;
        }
        let old: Vec<_> =
            table.columns.iter().map(|column| before.position(&column.name)).collect();
        for (_, state) in self.rows.range_mut((id, "".into())..(id + 1, "".into())) {
            let value = |row: &Row, from: Option<usize>| {
                from.and_then(|index| row.get(index)).cloned().unwrap_or(Value::Null)
            };
            state.row =
                state.row.take().map(|row| old.iter().map(|from| value(&row, *from)).collect());
        }
        let kept = std::mem::take(&mut self.unique);
        self.unique = kept
            .into_iter()
            .filter_map(|((of, column, value), key)| {
                let moved = old.iter().position(|from| *from == Some(column));
                let column = if of == id { moved? } else { column };
                Some(((of, column, value), key))
            })
            .collect();
    }
}

fn by_columns(columns: &[(usize, Direction)], left: &Row, right: &Row) -> Ordering {
    let orderings = columns.iter().map(|(column, direction)| {
        let value = |row: &Row| row.get(*column).cloned().unwrap_or(Value::Null);
        let ordering = order(&value(left), &value(right));
        if *direction == Direction::Descending { ordering.reverse() } else { ordering }
    });
    orderings.fold(Ordering::Equal, Ordering::then)
}

/// Changes one row when it has the expected version.
pub(super) fn write(unit: &mut Unit<'_>, write: &RowWrite) -> Refused {
    let rows = &unit.state().rows;
    let id =
        rows.id(&write.table).map_err(|error| reject(&write.table.name, &error.to_string()))?;
    let key = (id, Arc::clone(&write.key));
    let before = rows.rows.get(&key).cloned().unwrap_or_default();
    let found = before.row.as_ref().and(before.version);
    // A row made again goes on counting where the removed one stopped.
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
    hold_unique(unit, write, id, (before.row.as_ref(), row.as_ref()));
    let state = RowState { row, version: Some(write.version) };
    unit.set(|state| &mut state.rows.rows, key, Some(state));
    Ok(())
}

fn check_form(table: &Table, row: &Row) -> Refused {
    if row.len() == table.columns.len() {
        return Ok(());
    }
    let message = format!("has {} columns, the row has {}", table.columns.len(), row.len());
    Err(reject(&table.name, &message))
}

fn check_unique(state: &State, write: &RowWrite, id: TableId, row: &Row) -> Refused {
    let mut violations = Violations::new();
    for (column, value) in unique_values(&write.table, row) {
        let holder = state.rows.unique.get(&(id, column, Sorted(value.clone())));
        if holder.is_some_and(|holder| *holder != write.key) {
            violations.add(&write.table.columns[column].name, "is taken already");
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Outcome::Rejected(violations)) }
}

fn hold_unique(
    unit: &mut Unit<'_>,
    write: &RowWrite,
    id: TableId,
    (before, after): (Option<&Row>, Option<&Row>),
) {
    for (row, holder) in [(before, None), (after, Some(&write.key))] {
        for (column, value) in row.into_iter().flat_map(|row| unique_values(&write.table, row)) {
            let place = (id, column, Sorted(value.clone()));
            unit.set(|state| &mut state.rows.unique, place, holder.cloned());
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
