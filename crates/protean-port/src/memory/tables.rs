//! Tables of rows, found by key.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::message::{Column, ColumnKind, Row, Sorted, Table, Value, order};
use crate::port::{Direction, RowQuery, RowState, SortKey};
use crate::{Error, Result};

/// The prepared tables and their rows.
#[derive(Default)]
pub(super) struct Tables {
    prepared: BTreeMap<String, Prepared>,
    pub(super) rows: BTreeMap<(TableId, Arc<str>), RowState>,
    /// The key of the row that holds unique values.
    pub(super) unique: BTreeMap<UniqueValues, Arc<str>>,
}

/// Columns of a table, and values that one row may have in them.
pub(super) type UniqueValues = (TableId, Vec<usize>, Vec<Sorted>);

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
        let (rows, keys) = (self.select(table, query)?, query.sort_keys(table));
        let sorted = rows.into_iter().map(|(row, state)| (sorted_by(&keys, row), state));
        let mut rows: Vec<_> = sorted.collect();
        rows.sort_by(|(left, _), (right, _)| by_keys(&keys, left, right));
        if let Some(after) = &query.after {
            rows.retain(|(values, _)| by_keys(&keys, values, after).is_gt());
        }
        let rows = rows.into_iter().skip(query.offset).take(query.limit.unwrap_or(usize::MAX));
        Ok(rows.map(|(_, state)| state.clone()).collect())
    }

    /// The number of rows that the condition of a query selects.
    pub(super) fn count(&self, table: &Table, query: &RowQuery) -> Result<u64> {
        let rows = self.select(table, query)?.len();
        Ok(query.limit.map_or(rows, |limit| rows.min(limit)) as u64)
    }

    /// What a query does.
    pub(super) fn explain(&self, table: &Table, query: &RowQuery) -> Result<String> {
        let (name, all) = (&table.name, self.of(self.id(table)?).count());
        let found = self.select(table, query)?.len();
        Ok(format!("memory: scan {all} rows of '{name}', sort {found}"))
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
        query: &RowQuery,
    ) -> Result<Vec<(&'a Row, &'a RowState)>> {
        if let Some(fault) = query.fault(table) {
            return Err(Error::misused(fault));
        }
        let rows =
            self.of(self.id(table)?).filter_map(|(_, state)| Some((state.row.as_ref()?, state)));
        Ok(rows.filter(|(row, _)| query.condition.holds(row)).collect())
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
            _ => self.check_unique(*id, kept, table),
        }
    }

    /// Refuses a unique index that existing rows violate.
    fn check_unique(&self, id: TableId, before: &Table, table: &Table) -> Result {
        let sets = table.unique_sets();
        if sets.is_empty() {
            return Ok(());
        }
        let moved = Moved::new(before, table);
        let rows = self.of(id).filter_map(|(_, state)| state.row.as_ref());
        let rows: Vec<Row> = rows.map(|row| moved.row(row)).collect();
        for columns in sets {
            let mut values: Vec<_> =
                rows.iter().filter_map(|row| unique_values(row, &columns)).collect();
            let all = values.len();
            values.sort_unstable();
            values.dedup();
            if values.len() < all {
                let names = columns.iter().map(|column| &*table.columns[*column].name);
                return Err(Error::misused(format!(
                    "'unique({})' of '{}' cannot be created: rows share values; make them differ \
                     first",
                    names.collect::<Vec<_>>().join(", "),
                    table.name
                )));
            }
        }
        Ok(())
    }

    /// Rearranges the rows of an extended table to match its new columns.
    fn rearrange(&mut self, id: TableId, before: &Table, table: &Table) {
        if before == table {
            return;
        }
        let moved = Moved::new(before, table);
        for (_, state) in self.rows.range_mut((id, "".into())..(id + 1, "".into())) {
            state.row = state.row.take().map(|row| moved.row(&row));
        }
        self.unique.retain(|(of, ..), _| *of != id);
        let rows = self.of(id).filter_map(|(key, state)| Some((key, state.row.as_ref()?)));
        let sets = table.unique_sets();
        let held = rows.flat_map(|(key, row)| {
            sets.iter().filter_map(move |columns| {
                Some(((id, columns.clone(), unique_values(row, columns)?), Arc::clone(key)))
            })
        });
        let held: Vec<_> = held.collect();
        self.unique.extend(held);
    }
}

/// How rows of a table become those of its next declaration.
struct Moved<'t> {
    /// Each column, and where it was.
    columns: Vec<(&'t Column, Option<usize>)>,
}

impl<'t> Moved<'t> {
    fn new(before: &Table, table: &'t Table) -> Self {
        let was = |column: &Column| before.columns.iter().position(|old| is_or_was(column, old));
        Self { columns: table.columns.iter().map(|column| (column, was(column))).collect() }
    }

    fn row(&self, row: &Row) -> Row {
        let value = |(column, was): &(&Column, Option<usize>)| match was {
            Some(index) => row.get(*index).cloned().unwrap_or(Value::Null),
            None => column.default.clone().unwrap_or(Value::Null),
        };
        self.columns.iter().map(value).collect()
    }
}

/// The values of a row that no other may share; none when one of them is null.
pub(super) fn unique_values(row: &Row, columns: &[usize]) -> Option<Vec<Sorted>> {
    let values = columns.iter().map(|column| {
        let value = row.get(*column).filter(|value| !value.is_null());
        value.cloned().map(Sorted)
    });
    values.collect()
}

/// True when a declared column is the one that is kept, perhaps under a new name.
fn is_or_was(declared: &Column, kept: &Column) -> bool {
    declared.name == kept.name || declared.renamed_from.contains(&kept.name)
}

/// What may not change. The rows there are keep their values, whatever the default is now.
fn form(column: &Column) -> (ColumnKind, bool, bool) {
    (column.kind, column.nullable, column.unique)
}

/// The values that a row is sorted by.
fn sorted_by<'r>(keys: &[SortKey], row: &'r Row) -> Vec<&'r Value> {
    keys.iter().map(|key| row.get(key.column).unwrap_or(&Value::Null)).collect()
}

fn by_keys<L: Borrow<Value>, R: Borrow<Value>>(
    keys: &[SortKey],
    left: &[L],
    right: &[R],
) -> Ordering {
    let orderings = keys.iter().zip(left.iter().zip(right)).map(|(key, (left, right))| {
        let ordering = order(left.borrow(), right.borrow());
        if key.direction == Direction::Descending { ordering.reverse() } else { ordering }
    });
    orderings.fold(Ordering::Equal, Ordering::then)
}
