//! Tables of rows, found by key.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::compare::{Sorted, holds, order};
use crate::message::{Column, ColumnKind, Row, Table, Value};
use crate::port::{Direction, Filter, RowQuery, RowState};
use crate::{Error, Result};

/// The prepared tables and their rows.
#[derive(Default)]
pub(super) struct Tables {
    prepared: BTreeMap<String, Prepared>,
    pub(super) rows: BTreeMap<(TableId, Arc<str>), RowState>,
    /// The key of the row that holds a unique value.
    pub(super) unique: BTreeMap<(TableId, usize, Sorted), Arc<str>>,
}

pub(super) type TableId = usize;

struct Prepared {
    id: TableId,
    table: Table,
}

impl Tables {
    /// Creates or extends tables; changes nothing when one of them cannot be extended.
    pub(super) fn prepare(&mut self, tables: &[Table]) -> Result {
        tables.iter().try_for_each(|table| self.check(table))?;
        for table in tables {
            let unused = || self.prepared.values().map(|kept| kept.id + 1).max().unwrap_or(0);
            let id = self.prepared.get(&table.name).map_or_else(unused, |kept| kept.id);
            let prepared = Prepared { id, table: table.clone() };
            if let Some(before) = self.prepared.insert(table.name.clone(), prepared) {
                self.rearrange(id, &before.table, table);
            }
        }
        Ok(())
    }

    /// Gives a table another name; a table that has it is gone then.
    pub(super) fn rename(&mut self, table: &str, to: &str) {
        if let Some(mut prepared) = self.prepared.remove(table) {
            prepared.table.name = to.to_owned();
            self.remove(to);
            self.prepared.insert(to.to_owned(), prepared);
        }
    }

    /// Deletes a table with its rows.
    pub(super) fn remove(&mut self, table: &str) {
        if let Some(Prepared { id, .. }) = self.prepared.remove(table) {
            self.rows.retain(|(of, _), _| *of != id);
            self.unique.retain(|(of, ..), _| *of != id);
        }
    }

    /// The row with a key.
    pub(super) fn row(&self, table: &Table, key: &str) -> Result<RowState> {
        let id = self.id(table)?;
        Ok(self.rows.get(&(id, key.into())).cloned().unwrap_or_default())
    }

    /// The rows that a query selects.
    pub(super) fn query(&self, table: &Table, query: &RowQuery) -> Result<Vec<RowState>> {
        // Rows are sorted by key and the sort is stable, so the key decides between equal rows.
        let mut rows: Vec<(&Row, &RowState)> = self.select(table, &query.filters)?.collect();
        rows.sort_by(|(left, _), (right, _)| by_columns(&query.order, left, right));
        rows.truncate(query.limit.unwrap_or(usize::MAX));
        Ok(rows.into_iter().map(|(_, state)| state.clone()).collect())
    }

    /// The number of rows that the filters of a query select.
    pub(super) fn count(&self, table: &Table, query: &RowQuery) -> Result<u64> {
        Ok(self.select(table, &query.filters)?.map(|_| 1).sum())
    }

    /// The id of a prepared table.
    pub(super) fn id(&self, table: &Table) -> Result<TableId> {
        let prepared = self.prepared.get(&table.name);
        prepared.map(|prepared| prepared.id).ok_or_else(|| {
            let name = &table.name;
            Error::misused(format!("the table '{name}' is not prepared: call `prepare` first"))
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
        if !is_or_was(table.key_column(), kept.key_column()) {
            return refuse(&kept.key_column().name, "would no longer be the key; rename the table");
        }
        for column in &kept.columns {
            match table.columns.iter().find(|declared| is_or_was(declared, column)) {
                None => {
                    return refuse(
                        &column.name,
                        "exists but is no longer declared; declare it again",
                    );
                }
                Some(declared) if form(declared) != form(column) => {
                    return refuse(&column.name, "exists with another type or rule; rename it");
                }
                Some(_) => {}
            }
        }
        let there =
            |column: &Column| kept.columns.iter().filter(|old| is_or_was(column, old)).count();
        if let Some(twice) = table.columns.iter().find(|column| there(column) > 1) {
            return refuse(&twice.name, "exists under a former name as well; keep one of the two");
        }
        let has_value = |column: &Column| column.nullable || column.default.is_some();
        let is_added = |column: &&Column| there(column) == 0 && !has_value(column);
        let added = table.columns.iter().find(is_added);
        match added {
            Some(column) if self.of(*id).next().is_some() => {
                let why = "is new and has no value for existing rows; give it a default, or make \
                           it optional";
                refuse(&column.name, why)
            }
            _ => Ok(()),
        }
    }

    /// Rearranges the rows of an extended table to match its new columns.
    fn rearrange(&mut self, id: TableId, before: &Table, table: &Table) {
        if before == table {
            return;
        }
        let position =
            |column: &Column| before.columns.iter().position(|old| is_or_was(column, old));
        let old: Vec<_> = table.columns.iter().map(position).collect();
        for (_, state) in self.rows.range_mut((id, "".into())..(id + 1, "".into())) {
            let value = |row: &Row, from: Option<usize>, column: &Column| match from {
                Some(index) => row.get(index).cloned().unwrap_or(Value::Null),
                None => column.default.clone().unwrap_or(Value::Null),
            };
            let moved = |row: Row| {
                let columns = old.iter().zip(&table.columns);
                columns.map(|(from, column)| value(&row, *from, column)).collect()
            };
            state.row = state.row.take().map(moved);
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

/// True when a declared column is the one that is kept, perhaps under a new name.
fn is_or_was(declared: &Column, kept: &Column) -> bool {
    declared.name == kept.name || declared.renamed_from.contains(&kept.name)
}

/// What may not change. The rows there are keep their values, whatever the default is now.
fn form(column: &Column) -> (ColumnKind, bool, bool) {
    (column.kind, column.nullable, column.unique)
}

fn by_columns(columns: &[(usize, Direction)], left: &Row, right: &Row) -> Ordering {
    let orderings = columns.iter().map(|(column, direction)| {
        let value = |row: &Row| row.get(*column).cloned().unwrap_or(Value::Null);
        let ordering = order(&value(left), &value(right));
        if *direction == Direction::Descending { ordering.reverse() } else { ordering }
    });
    orderings.fold(Ordering::Equal, Ordering::then)
}
