//! Writes one row, if it has the expected version.

use std::collections::HashMap;
use std::sync::Arc;

use protean_port::message::{Row, Table};
use protean_port::port::{RowChange, RowWrite, left_out};
use protean_sql::{check_values, signed, unsigned};
use rusqlite::{Connection, ErrorCode, OptionalExtension};

use crate::refusal::Refusal;
use crate::value::Bound;

const REMEMBER_REMOVED: &str = include_str!("sql/remember_removed.sql");
const FORGET_REMOVED: &str = include_str!("sql/forget_removed.sql");
const READ_REMOVED: &str = include_str!("sql/read_removed.sql");

/// The statements for each table, composed once.
#[derive(Default)]
pub(crate) struct Statements(HashMap<String, Arc<TableStatements>>);

struct TableStatements {
    table: Arc<Table>,
    insert: String,
    update: String,
    remove: String,
    version: String,
}

impl Statements {
    /// Applies one write.
    pub(crate) fn write(
        &mut self,
        connection: &Connection,
        write: &RowWrite,
    ) -> Result<(), Refusal> {
        let statements = self.of(&write.table);
        if write.expected.is_some_and(|expected| write.version <= expected) {
            return Err(Refusal::LeftOut(left_out::row_version_used(write)));
        }
        match &write.change {
            RowChange::Put(row) => statements.put(connection, write, row),
            RowChange::Remove => statements.remove(connection, write),
        }
    }

    fn of(&mut self, table: &Arc<Table>) -> Arc<TableStatements> {
        match self.0.get(&table.name) {
            Some(known) if Arc::ptr_eq(&known.table, table) => Arc::clone(known),
            _ => {
                let fresh = Arc::new(TableStatements::compose(table));
                self.0.insert(table.name.clone(), Arc::clone(&fresh));
                fresh
            }
        }
    }
}

impl TableStatements {
    fn compose(table: &Arc<Table>) -> Self {
        let (name, key) = (&table.name, &table.key_column().name);
        let columns: Vec<String> =
            table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let holders: Vec<String> = (1..=columns.len()).map(|index| format!("?{index}")).collect();
        let pair = |(column, holder)| format!("{column} = {holder}");
        let pairs: Vec<String> = columns.iter().zip(&holders).map(pair).collect();
        let (version, expected, itself) =
            (columns.len() + 1, columns.len() + 2, format!("\"{key}\" = ?{}", table.key + 1));
        Self {
            insert: format!(
                "INSERT INTO \"{name}\" ({}, \"_version\") VALUES ({}, ?{version})",
                columns.join(", "),
                holders.join(", ")
            ),
            update: format!(
                "UPDATE \"{name}\" SET {}, \"_version\" = ?{version} \
                 WHERE {itself} AND \"_version\" = ?{expected}",
                pairs.join(", ")
            ),
            remove: format!("DELETE FROM \"{name}\" WHERE \"{key}\" = ?1 AND \"_version\" = ?2"),
            version: format!("SELECT \"_version\" FROM \"{name}\" WHERE \"{key}\" = ?1"),
            table: Arc::clone(table),
        }
    }

    fn put(&self, connection: &Connection, write: &RowWrite, row: &Row) -> Result<(), Refusal> {
        check_values(&self.table, row).map_err(Refusal::LeftOut)?;
        let sql = if write.expected.is_some() { &self.update } else { &self.insert };
        match self.bound(connection, sql, write, row) {
            Ok(1) => {}
            Ok(_) => return Err(self.stale(connection, write)),
            Err(error) if self.exists_already(connection, write, &error) => {
                return Err(self.stale(connection, write));
            }
            Err(error) => return Err(Refusal::of_user_tables(error, &self.table.name)),
        }
        if write.expected.is_none() {
            self.forget_removed(connection, write)?;
        }
        Ok(())
    }

    fn remove(&self, connection: &Connection, write: &RowWrite) -> Result<(), Refusal> {
        let table = &self.table.name;
        let gone = match write.expected {
            None => self.found(connection, write).is_none(),
            Some(version) => {
                let run = |sql: &str| {
                    connection.prepare_cached(sql)?.execute((&*write.key, signed(version)))
                };
                run(&self.remove).map_err(|e| Refusal::of_user_tables(e, table))? == 1
            }
        };
        if !gone {
            return Err(self.stale(connection, write));
        }
        if write.expected.is_none() {
            self.forget_removed(connection, write)?;
        }
        let removed = (table, &*write.key, signed(write.version));
        connection.prepare_cached(REMEMBER_REMOVED)?.execute(removed)?;
        Ok(())
    }

    /// A row that is created again continues the versions of the removed one.
    fn forget_removed(&self, connection: &Connection, write: &RowWrite) -> Result<(), Refusal> {
        let name = (&self.table.name, &*write.key);
        // Most rows were never removed, and a lookup costs less than a DELETE without effect.
        let mut removed = connection.prepare_cached(READ_REMOVED)?;
        let last = removed.query_row(name, |row| row.get::<_, i64>(0)).optional()?;
        match last {
            None => Ok(()),
            Some(last) if signed(write.version) <= last => {
                Err(Refusal::LeftOut(left_out::row_version_used(write)))
            }
            Some(_) => {
                connection.prepare_cached(FORGET_REMOVED)?.execute(name)?;
                Ok(())
            }
        }
    }

    fn bound(
        &self,
        connection: &Connection,
        sql: &str,
        write: &RowWrite,
        row: &Row,
    ) -> rusqlite::Result<usize> {
        let mut statement = connection.prepare_cached(sql)?;
        for (index, value) in row.iter().enumerate() {
            if index == self.table.key {
                statement.raw_bind_parameter(index + 1, &*write.key)?;
            } else {
                statement.raw_bind_parameter(index + 1, Bound(value))?;
            }
        }
        statement.raw_bind_parameter(row.len() + 1, signed(write.version))?;
        if let Some(expected) = write.expected {
            statement.raw_bind_parameter(row.len() + 2, signed(expected))?;
        }
        statement.raw_execute()
    }

    /// SQLite may blame a unique field although the row itself exists.
    fn exists_already(
        &self,
        connection: &Connection,
        write: &RowWrite,
        error: &rusqlite::Error,
    ) -> bool {
        error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
            && write.expected.is_none()
            && self.found(connection, write).is_some()
    }

    fn stale(&self, connection: &Connection, write: &RowWrite) -> Refusal {
        let found = self.found(connection, write).map(unsigned);
        Refusal::LeftOut(left_out::row_changed(write, found))
    }

    fn found(&self, connection: &Connection, write: &RowWrite) -> Option<i64> {
        let mut statement = connection.prepare_cached(&self.version).ok()?;
        statement.query_row([&*write.key], |row| row.get(0)).optional().ok().flatten()
    }
}
