//! Decides the writes to users' tables and makes them: the rows that a transaction deletes,
//! updates and inserts in one table take one statement each.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use protean_port::message::{Column, Row, Table};
use protean_port::port::{Outcome, RowChange, RowWrite, left_out};
use protean_sql::{Dialect, check_values, signed};

use crate::connection::{Parameter, Session};
use crate::dialect::PostgresDialect;
use crate::error::{Fault, all};
use crate::refusal::Refusal;
use crate::staged::StagedMap;
use crate::value::{Text, escaped, number, shared, words};

/// The table and the key of a row.
pub(crate) type RowKey = (Arc<str>, Arc<str>);

/// The state of a row in the middle of a transaction.
#[derive(Clone)]
pub(crate) struct RowState {
    table: Arc<Table>,
    /// Its version, if it exists.
    present: Option<u64>,
    /// Its last version, if it was removed.
    removed: Option<u64>,
    /// Its new values, once it is written.
    values: Option<Row>,
}

/// Loads the versions of these rows.
pub(crate) async fn load(
    session: &Session,
    table: &Arc<Table>,
    keys: &BTreeSet<Arc<str>>,
) -> Result<BTreeMap<Arc<str>, RowState>, Fault> {
    let key = table.key_column();
    let (name, column, kind) = (&table.name, &key.name, PostgresDialect::declared_type(key.kind));
    let sql = format!(
        "SELECT \"{column}\"::text, \"_version\" FROM \"{name}\" \
         WHERE \"{column}\" = ANY ($1::text[]::{kind}[])"
    );
    let texts: Vec<Text<'_>> = keys.iter().map(|key| Text(key)).collect();
    let tables = vec![Text(name); texts.len()];
    let removed: [Parameter<'_>; 2] = [&tables, &texts];
    let versions: [Parameter<'_>; 1] = [&texts];
    let loaded = tokio::join!(
        session.query(&sql, &versions),
        session.query(include_str!("sql/load_removed.sql"), &removed)
    );
    let [present, removed] = all(loaded.into())?;
    let absent = RowState { table: Arc::clone(table), present: None, removed: None, values: None };
    let mut rows: BTreeMap<Arc<str>, RowState> = BTreeMap::new();
    for row in &present {
        let now = rows.entry(shared(row, 0)?).or_insert_with(|| absent.clone());
        now.present = Some(number(row, 1)?);
    }
    for row in &removed {
        let now = rows.entry(shared(row, 1)?).or_insert_with(|| absent.clone());
        now.removed = Some(number(row, 2)?);
    }
    Ok(rows)
}

/// Applies one write, if the row has the expected version.
pub(crate) fn write(
    rows: &mut StagedMap<RowKey, RowState>,
    write: &RowWrite,
) -> Result<(), Refusal> {
    let names: RowKey = (Arc::from(write.table.name.as_str()), Arc::clone(&write.key));
    let now = rows.get(&names);
    let (present, removed) = now.map_or((None, None), |now| (now.present, now.removed));
    if write.expected.is_some_and(|expected| write.version <= expected) {
        return Err(Refusal::LeftOut(left_out::row_version_used(write)));
    }
    if let RowChange::Put(row) = &write.change {
        check_values(&write.table, row).map_err(Refusal::LeftOut)?;
    }
    if write.expected != present {
        return Err(Refusal::LeftOut(left_out::row_changed(write, present)));
    }
    if write.expected.is_none() && removed.is_some_and(|last| write.version <= last) {
        return Err(Refusal::LeftOut(left_out::row_version_used(write)));
    }
    let (table, version) = (Arc::clone(&write.table), Some(write.version));
    let now = match &write.change {
        RowChange::Put(row) => {
            let values = Some(Arc::clone(row));
            RowState { table, present: version, removed: None, values }
        }
        RowChange::Remove => RowState { table, present: None, removed: version, values: None },
    };
    rows.set(names, now);
    Ok(())
}

/// Writes the changed rows, table by table and sorted by key.
pub(crate) async fn flush(
    session: &Session,
    rows: &StagedMap<RowKey, RowState>,
) -> Result<(), Refusal> {
    let mut tables: BTreeMap<&str, TableWrites<'_>> = BTreeMap::new();
    for ((name, key), before, now) in rows.changes() {
        let fresh = || TableWrites::new(&now.table);
        tables.entry(name).or_insert_with(fresh).add(key, before, now);
    }
    let written = join_all(tables.values().map(|writes| writes.run(session))).await;
    Refusal::first(written)
}

/// A row to insert or update.
struct RowPut<'a> {
    key: &'a str,
    state: &'a RowState,
    /// Its version before; zero for an insert.
    before: u64,
}

/// The writes to one table.
struct TableWrites<'a> {
    table: &'a Arc<Table>,
    inserts: Vec<RowPut<'a>>,
    updates: Vec<RowPut<'a>>,
    deletes: Vec<(&'a str, u64)>,
    remembered: Vec<(&'a str, u64)>,
    forgotten: Vec<&'a str>,
}

impl<'a> TableWrites<'a> {
    fn new(table: &'a Arc<Table>) -> Self {
        let (inserts, updates, deletes) = (Vec::new(), Vec::new(), Vec::new());
        Self { table, inserts, updates, deletes, remembered: Vec::new(), forgotten: Vec::new() }
    }

    fn add(&mut self, key: &'a str, before: Option<&RowState>, now: &'a RowState) {
        let was = before.and_then(|before| before.present);
        match (was, now.present) {
            (None, Some(_)) => self.inserts.push(RowPut { key, state: now, before: 0 }),
            (Some(before), Some(_)) => self.updates.push(RowPut { key, state: now, before }),
            (Some(version), None) => self.deletes.push((key, version)),
            (None, None) => {}
        }
        match now.removed {
            Some(version) => self.remembered.push((key, version)),
            None if before.is_some_and(|before| before.removed.is_some()) => {
                self.forgotten.push(key);
            }
            None => {}
        }
    }

    /// Deletes go first, which frees unique values. A statement that has to be compiled is sent
    /// later; if that makes two rows collide, the units are run one by one.
    async fn run(&self, session: &Session) -> Result<(), Refusal> {
        let (deleted, updated, inserted, remembered) = tokio::join!(
            self.delete(session),
            self.put(session, &self.updates, true),
            self.put(session, &self.inserts, false),
            self.remember(session),
        );
        Refusal::first(vec![deleted, updated, inserted, remembered])
    }

    async fn remember(&self, session: &Session) -> Result<(), Refusal> {
        let name = Text(&self.table.name);
        if !self.remembered.is_empty() {
            let tables = vec![name; self.remembered.len()];
            let keys: Vec<_> = self.remembered.iter().map(|(key, _)| Text(key)).collect();
            let versions: Vec<_> = self.remembered.iter().map(|(_, at)| signed(*at)).collect();
            let sql = include_str!("sql/remember_removed.sql");
            session.execute(sql, &[&tables, &keys, &versions]).await?;
        }
        if !self.forgotten.is_empty() {
            let tables = vec![name; self.forgotten.len()];
            let keys: Vec<_> = self.forgotten.iter().map(|key| Text(key)).collect();
            session.execute(include_str!("sql/forget_removed.sql"), &[&tables, &keys]).await?;
        }
        Ok(())
    }

    async fn delete(&self, session: &Session) -> Result<(), Refusal> {
        if self.deletes.is_empty() {
            return Ok(());
        }
        let (name, key) = (&self.table.name, self.table.key_column());
        let (column, kind) = (&key.name, PostgresDialect::declared_type(key.kind));
        let sql = format!(
            "DELETE FROM \"{name}\" t USING unnest($1::text[], $2::bigint[]) AS u (k, e) \
             WHERE t.\"{column}\" = u.k::{kind} AND t.\"_version\" = u.e"
        );
        let keys: Vec<_> = self.deletes.iter().map(|(key, _)| Text(key)).collect();
        let versions: Vec<_> = self.deletes.iter().map(|(_, at)| signed(*at)).collect();
        let done = session.execute(&sql, &[&keys, &versions]).await;
        self.counted(done, self.deletes.len())
    }

    async fn put(
        &self,
        session: &Session,
        rows: &[RowPut<'_>],
        update: bool,
    ) -> Result<(), Refusal> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns: Vec<Vec<Option<Cow<'_, str>>>> =
            (0..self.table.columns.len()).map(|index| self.column(rows, index)).collect();
        let version = |row: &RowPut<'_>| signed(row.state.present.unwrap_or(0));
        let versions: Vec<i64> = rows.iter().map(version).collect();
        let expected: Vec<i64> = rows.iter().map(|row| signed(row.before)).collect();
        let mut parameters: Vec<Parameter<'_>> = columns.iter().map(|c| c as _).collect();
        parameters.push(&versions);
        if update {
            parameters.push(&expected);
        }
        let sql = if update { self.update_sql() } else { self.insert_sql() };
        let done = session.execute(&sql, &parameters).await;
        self.counted(done, rows.len())
    }

    fn column<'b>(&self, rows: &'b [RowPut<'_>], index: usize) -> Vec<Option<Cow<'b, str>>> {
        let value = |row: &'b RowPut<'_>| match &row.state.values {
            _ if index == self.table.key => Some(escaped(row.key)),
            Some(values) => values.get(index).and_then(words),
            None => None,
        };
        rows.iter().map(value).collect()
    }

    fn insert_sql(&self) -> String {
        let (name, columns) = (&self.table.name, &self.table.columns);
        let names: Vec<_> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let values: Vec<_> = (0..columns.len()).map(|index| self.cast(index)).collect();
        format!(
            "INSERT INTO \"{name}\" ({}, \"_version\") SELECT {}, u.v FROM {}",
            names.join(", "),
            values.join(", "),
            self.arrays(false)
        )
    }

    fn update_sql(&self) -> String {
        let (name, columns) = (&self.table.name, &self.table.columns);
        let set = |(index, column): (usize, &Column)| {
            format!("\"{}\" = {}", column.name, self.cast(index))
        };
        let sets: Vec<_> = columns.iter().enumerate().map(set).collect();
        format!(
            "UPDATE \"{name}\" t SET {}, \"_version\" = u.v FROM {} \
             WHERE t.\"{}\" = {} AND t.\"_version\" = u.e",
            sets.join(", "),
            self.arrays(true),
            self.table.key_column().name,
            self.cast(self.table.key)
        )
    }

    fn cast(&self, index: usize) -> String {
        format!("u.c{index}::{}", PostgresDialect::declared_type(self.table.columns[index].kind))
    }

    /// The array parameters as a table `u`.
    fn arrays(&self, expected: bool) -> String {
        let count = self.table.columns.len();
        let mut arrays: Vec<_> = (1..=count).map(|at| format!("${at}::text[]")).collect();
        let mut names: Vec<_> = (0..count).map(|at| format!("c{at}")).collect();
        arrays.push(format!("${}::bigint[]", count + 1));
        names.push("v".into());
        if expected {
            arrays.push(format!("${}::bigint[]", count + 2));
            names.push("e".into());
        }
        format!("unnest({}) AS u ({})", arrays.join(", "), names.join(", "))
    }

    /// Fewer rows than expected mean that another program changed them without the lock.
    fn counted(&self, done: Result<u64, Fault>, expected: usize) -> Result<(), Refusal> {
        let name = &self.table.name;
        let done = done.map_err(|fault| Refusal::of_user_tables(fault, name))?;
        if done == expected as u64 {
            return Ok(());
        }
        let message = format!("rows of '{name}' were changed by another program");
        Err(Refusal::LeftOut(Outcome::Stale(message)))
    }
}
