//! Rows of any SQLite table, read from one database and written to another.

use std::ops::Range;

use protean_cli::Result;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Rows of one table.
pub(super) struct Rows {
    insert: String,
    columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Rows {
    /// Reads the rows of a table that match a condition, without the log position,
    /// which the other database assigns.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(super) fn read(connection: &Connection, table: &str, condition: &str) -> Result<Self> {
        let columns = columns(connection, table)?;
        let names = columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let select = format!("SELECT {names} FROM \"{table}\" WHERE {condition}");
        let mut statement = connection.prepare(&select)?;
        let width = columns.len();
        let row = |row: &rusqlite::Row<'_>| (0..width).map(|index| row.get(index)).collect();
        let rows = statement.query_map([], row)?.collect::<Result<_, rusqlite::Error>>()?;
        let places = vec!["?"; width].join(", ");
        let insert = format!("INSERT OR REPLACE INTO \"{table}\" ({names}) VALUES ({places})");
        Ok(Self { insert, columns, rows })
    }

    /// Writes some of the rows, within a transaction.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn write(&self, connection: &Connection, some: Range<usize>) -> Result<()> {
        let mut statement = connection.prepare_cached(&self.insert)?;
        for row in &self.rows[some] {
            statement.execute(params_from_iter(row))?;
        }
        Ok(())
    }

    /// Writes all of the rows, within a transaction.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn write_all(&self, connection: &Connection) -> Result<()> {
        self.write(connection, 0..self.rows.len())
    }

    /// The index of a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

/// The names of all tables.
pub(super) fn tables(connection: &Connection) -> Result<Vec<String>> {
    let all = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(all)?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, rusqlite::Error>>()?)
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get::<_, String>(0))?;
    let names: Vec<String> = names.collect::<Result<_, rusqlite::Error>>()?;
    Ok(names.into_iter().filter(|name| table != "messages" || name != "position").collect())
}
