//! Lays out the tables of aggregates and projections, and extends them.

use std::path::Path;

use protean_port::message::Table;
use protean_port::{Error, Result};
use protean_sql::{FoundColumn, TablePlan, UniqueIndex, check_names, unique_indexes};
use rusqlite::{Connection, ErrorCode, Row};

use crate::dialect::SqliteDialect;
use crate::error;

/// Creates a table, or adds what it lacks. Runs inside a transaction.
///
/// # Errors
/// When the table exists in a form that cannot be extended to the declared one.
pub(crate) fn prepare(connection: &Connection, table: &Table, path: &Path) -> Result {
    check_names(table)?;
    let explain = |e| error::explain(e, path);
    let found = columns(connection, &table.name).map_err(explain)?;
    let plan = TablePlan::of::<SqliteDialect>(table, &found)?;
    if let Some(error) = plan.error_unless_empty
        && has_rows(connection, table).map_err(explain)?
    {
        return Err(error);
    }
    for statement in &plan.statements {
        connection.execute(statement, []).map_err(explain)?;
    }
    let mut present =
        connection.prepare_cached(include_str!("sql/has_index.sql")).map_err(explain)?;
    for index in unique_indexes::<SqliteDialect>(table) {
        if let Some(statement) = index.plan(
            present.exists((&index.name, &table.name, index.column_name())).map_err(explain)?,
        )? {
            connection.execute(statement, []).map_err(|e| not_created(&index, e, path))?;
        }
    }
    Ok(())
}

/// Drops a table. Runs inside a transaction.
pub(crate) fn drop_table(connection: &Connection, table: &Table) -> rusqlite::Result<()> {
    connection.execute(&protean_sql::drop_table(table), []).map(drop)
}

fn has_rows(connection: &Connection, table: &Table) -> rusqlite::Result<bool> {
    connection.prepare(&protean_sql::has_rows(table))?.exists([])
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

fn not_created(index: &UniqueIndex<'_>, error: rusqlite::Error, path: &Path) -> Error {
    if error.sqlite_error_code() != Some(ErrorCode::ConstraintViolation) {
        return error::explain(error, path);
    }
    index.shared_value(format_args!("'{}'", path.display())).with_source(error)
}
