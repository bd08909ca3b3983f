//! Lays out the tables of aggregates and projections, and extends them.

use std::path::Path;

use protean_port::message::Table;
use protean_port::{Error, Result};
use protean_sql::{FoundColumn, FoundTable, Step, TablePlan, check_names};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};

use crate::dialect::SqliteDialect;
use crate::error;
use crate::step::reached;

/// Creates tables, or adds what they lack, and renames columns. Runs inside a transaction.
///
/// # Errors
/// When a table exists in a form that needs a person first.
pub(crate) fn prepare(connection: &Connection, tables: &[Table], path: &Path) -> Result {
    let explain = |e| error::explain(e, path);
    connection.execute(include_str!("sql/create_renamed_columns.sql"), []).map_err(explain)?;
    for table in tables {
        check_names(table)?;
        let found = found(connection, &table.name).map_err(explain)?;
        let plan = TablePlan::of::<SqliteDialect>(table, &found);
        plan.check()?;
        for step in &plan.steps {
            reached("before a change of a table");
            connection.execute(&step.statement, []).map_err(|e| not_done(step, e, path))?;
        }
        note_names(connection, table, &found).map_err(explain)?;
    }
    reached("before the tables are committed");
    Ok(())
}

/// Drops a table, and what rebuilds have left of it. Runs inside a transaction.
pub(crate) fn drop_table(connection: &Connection, table: &Table) -> rusqlite::Result<()> {
    connection.execute(&protean_sql::drop_table(table), [])?;
    for generation in generations(connection, &table.name)? {
        let generation = Table { name: generation, ..table.clone() };
        connection.execute(&protean_sql::drop_table(&generation), [])?;
    }
    Ok(())
}

fn generations(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(include_str!("sql/generations.sql"))?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// A table as it is in the file.
pub(crate) fn found(connection: &Connection, table: &str) -> rusqlite::Result<FoundTable> {
    let columns = columns(connection, table)?;
    if columns.is_empty() {
        return Ok(FoundTable::default());
    }
    let mut indexes = connection.prepare_cached(include_str!("sql/indexes.sql"))?;
    let indexes = indexes.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let has_rows = connection.prepare(&protean_sql::has_rows(table))?.exists([])?;
    let (invalid_indexes, renamed) = (Vec::new(), renamed(connection, table)?);
    Ok(FoundTable { columns, indexes, invalid_indexes, has_rows, renamed })
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<FoundColumn>> {
    let mut statement = connection.prepare_cached(include_str!("sql/columns.sql"))?;
    let read = |row: &Row<'_>| {
        Ok(FoundColumn {
            name: row.get(0)?,
            kind: row.get(1)?,
            required: row.get(2)?,
            has_default: row.get(3)?,
            key: row.get(4)?,
        })
    };
    statement.query_map([table], read)?.collect()
}

/// The names that columns had before, each with the one that it was given.
fn renamed(connection: &Connection, table: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let is_noted =
        connection.query_row(include_str!("sql/has_renamed_columns.sql"), [], |_| Ok(()));
    if is_noted.optional()?.is_none() {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(include_str!("sql/read_renamed_columns.sql"))?;
    statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Notes the former names of columns, so that an older version of the program does not add them
/// again.
fn note_names(connection: &Connection, table: &Table, found: &FoundTable) -> rusqlite::Result<()> {
    for (former, present) in found.names_to_note(table) {
        let row = (&table.name, former, present);
        connection.execute(include_str!("sql/write_renamed_columns.sql"), row)?;
    }
    Ok(())
}

fn not_done(step: &Step, error: rusqlite::Error, path: &Path) -> Error {
    if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
        && let Some(shared) = step.shared_value(format_args!("'{}'", path.display()))
    {
        return shared.with_source(error);
    }
    error::explain(error, path)
}
