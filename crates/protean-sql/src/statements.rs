//! The statements that create and change tables.

use protean_port::message::{Column, Table, VERSION_COLUMN};

use crate::Dialect;

/// The statement that drops a table, if it exists.
pub fn drop_table(table: &Table) -> String {
    format!("DROP TABLE IF EXISTS \"{}\"", table.name)
}

/// The statement that selects one row when a table has any.
pub fn has_rows(table: &str) -> String {
    format!("SELECT 1 FROM \"{table}\" LIMIT 1")
}

pub(crate) fn rename_column(table: &Table, from: &str, to: &str) -> String {
    format!("ALTER TABLE \"{}\" RENAME COLUMN \"{from}\" TO \"{to}\"", table.name)
}

pub(crate) fn drop_index(name: &str) -> String {
    format!("DROP INDEX \"{name}\"")
}

/// The statement that drops what a failed creation of an index has left, outside of a transaction.
pub fn drop_invalid_index<D: Dialect>(name: &str) -> String {
    format!("DROP INDEX{} IF EXISTS \"{name}\"", D::CONCURRENTLY)
}

/// The statement that creates a table.
pub(crate) fn create_table<D: Dialect>(table: &Table) -> String {
    let declared = |(index, column)| declaration::<D>(column, index == table.key);
    let columns: Vec<String> = table.columns.iter().enumerate().map(declared).collect();
    format!(
        "CREATE TABLE \"{}\" ({}, \"{VERSION_COLUMN}\" {} NOT NULL, PRIMARY KEY (\"{}\")){}",
        table.name,
        columns.join(", "),
        D::VERSION_TYPE,
        table.key_column().name,
        D::TABLE_OPTIONS
    )
}

/// The statement that adds a column, with the value of the rows that are there.
pub(crate) fn add_column<D: Dialect>(table: &Table, column: &Column) -> String {
    let (name, declared) = (&table.name, declaration::<D>(column, false));
    let default = column.default.as_ref().map(D::literal);
    let default = default.map_or_else(String::new, |value| format!(" DEFAULT {value}"));
    format!("ALTER TABLE \"{name}\" ADD COLUMN {declared}{default}")
}

/// A column as it is declared.
pub(crate) fn declaration<D: Dialect>(column: &Column, required: bool) -> String {
    let required = if column.nullable && !required { "" } else { " NOT NULL" };
    format!("\"{}\" {}{required}", column.name, kind::<D>(column))
}

/// The type of a column, and how its values sort.
pub(crate) fn kind<D: Dialect>(column: &Column) -> String {
    format!("{}{}", D::declared_type(column.kind), D::declared_collation(column.kind))
}
