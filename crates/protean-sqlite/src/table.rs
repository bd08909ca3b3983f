//! Lays out the tables of aggregates and projections, and extends them.

use std::path::Path;

use protean_port::message::{Column, ColumnKind, RESERVED, SNAPSHOTS, Table};
use protean_port::{Error, Result};
use rusqlite::Connection;

use crate::error;
use crate::value::declared_type;

/// Creates a table, or adds what it lacks. Runs inside a transaction.
///
/// # Errors
/// When the table exists in a form that cannot be extended to the declared one.
pub(crate) fn prepare(connection: &Connection, table: &Table, path: &Path) -> Result {
    check_names(table)?;
    let told = |e| error::told(e, path);
    let found = columns(connection, &table.name).map_err(told)?;
    if found.is_empty() {
        connection.execute(&definition(table), []).map_err(told)?;
        return prepare_indexes(connection, table, path);
    }
    let missing = missing(table, &found)?;
    match missing.iter().map(|index| &table.columns[*index]).find(|column| !column.nullable) {
        None => {
            for index in missing {
                let (name, column) = (&table.name, declaration(&table.columns[index], false));
                let sql = format!("ALTER TABLE \"{name}\" ADD COLUMN {column}");
                connection.execute(&sql, []).map_err(told)?;
            }
        }
        Some(column) if has_rows(connection, table).map_err(told)? => {
            let declared = declaration(column, true);
            let advice = "make the field optional, or add the column by hand with a default";
            return Err(differs(table, &column.name, ("no such column", &declared), advice));
        }
        // A required column has no value for the rows there are; here are none.
        Some(_) => {
            drop_table(connection, table).map_err(told)?;
            connection.execute(&definition(table), []).map_err(told)?;
        }
    }
    prepare_indexes(connection, table, path)
}

fn has_rows(connection: &Connection, table: &Table) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{}\")", table.name);
    connection.query_row(&sql, [], |row| row.get(0))
}

/// Drops a table. Runs inside a transaction.
pub(crate) fn drop_table(connection: &Connection, table: &Table) -> rusqlite::Result<()> {
    connection.execute(&format!("DROP TABLE IF EXISTS \"{}\"", table.name), []).map(drop)
}

/// Refuses names that are not ours to use, or that might be more than names.
pub(crate) fn check_names(table: &Table) -> Result {
    let name = &table.name;
    let reserved = RESERVED.contains(&name.as_str()) && name != SNAPSHOTS;
    if reserved || name.starts_with("sqlite_") {
        return Err(Error::misused(format!(
            "a table cannot be called '{name}', the store has one of that name; rename it"
        )));
    }
    let names = table.columns.iter().map(|column| &column.name);
    if let Some(odd) = std::iter::once(name).chain(names).find(|name| !is_plain(name)) {
        return Err(Error::misused(format!(
            "'{odd}' in the table '{name}' is no name for a table or a column: \
             use small letters, digits and '_', a letter or '_' first"
        )));
    }
    let repeated = |index: usize, column: &Column| {
        column.name == "_version" || table.columns[..index].iter().any(|c| c.name == column.name)
    };
    match table.columns.iter().enumerate().find(|(index, column)| repeated(*index, column)) {
        Some((_, column)) => Err(Error::misused(format!(
            "the table '{name}' cannot have the column '{}' (again); rename the field",
            column.name
        ))),
        None if table.key >= table.columns.len() => {
            Err(Error::misused(format!("the table '{name}' has no column for its identity")))
        }
        None => Ok(()),
    }
}

fn is_plain(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

fn definition(table: &Table) -> String {
    let columns = table.columns.iter().enumerate();
    let columns = columns.map(|(index, column)| declaration(column, index == table.key));
    let columns: Vec<String> = columns.collect();
    let (name, columns, key) = (&table.name, columns.join(", "), &table.key_column().name);
    format!(
        "CREATE TABLE \"{name}\" ({columns}, \"_version\" INTEGER NOT NULL, \
         PRIMARY KEY (\"{key}\")) WITHOUT ROWID"
    )
}

fn declaration(column: &Column, key: bool) -> String {
    let kind = declared_type(column.kind);
    let required = if column.nullable && !key { "" } else { " NOT NULL" };
    format!("\"{}\" {kind}{required}", column.name)
}

/// A column as it is in the file.
struct Found {
    name: String,
    kind: String,
    required: bool,
    has_default: bool,
    key: bool,
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Found>> {
    let mut statement = connection.prepare_cached(include_str!("sql/columns.sql"))?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Found {
            name: row.get(0)?,
            kind: row.get(1)?,
            required: row.get(2)?,
            has_default: row.get(3)?,
            key: row.get(4)?,
        })
    };
    statement.query_map([table], read)?.collect()
}

/// The declared columns the file lacks, when it differs in nothing else.
fn missing(table: &Table, found: &[Found]) -> Result<Vec<usize>> {
    let mut missing = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        match found.iter().find(|there| there.name == column.name) {
            Some(there) => compare(table, index, there)?,
            None if index != table.key => missing.push(index),
            None => {
                let (declared, advice) =
                    (declaration(column, true), "an identity cannot be renamed");
                return Err(differs(table, &column.name, ("no such column", &declared), advice));
            }
        }
    }
    if !found.iter().any(|there| there.name == "_version") {
        let advice = "the table was made by another program; rename one of the two";
        return Err(differs(table, "_version", ("no such column", "INTEGER NOT NULL"), advice));
    }
    let declared = |name: &str| name == "_version" || table.position(name).is_some();
    match found.iter().find(|f| !declared(&f.name) && f.required && !f.has_default) {
        Some(extra) => {
            let there = format!("{} NOT NULL", extra.kind);
            let advice = "declare the field again, or drop the column by hand";
            Err(differs(table, &extra.name, (&there, "no such column"), advice))
        }
        None => Ok(missing),
    }
}

fn compare(table: &Table, index: usize, there: &Found) -> Result {
    let column = &table.columns[index];
    let key = index == table.key;
    let required = key || !column.nullable;
    let same = there.kind.eq_ignore_ascii_case(declared_type(column.kind))
        && there.required == required
        && there.key == key;
    if same {
        return Ok(());
    }
    let describe = |kind: &str, required: bool, key: bool| {
        let required = if required { " NOT NULL" } else { "" };
        format!("{kind}{required}{}", if key { " PRIMARY KEY" } else { "" })
    };
    let found = describe(&there.kind, there.required, there.key);
    let declared = describe(declared_type(column.kind), required, key);
    let advice = "declare a new field beside the old one, or convert the column by hand";
    Err(differs(table, &column.name, (&found, &declared), advice))
}

fn differs(table: &Table, column: &str, (found, declared): (&str, &str), advice: &str) -> Error {
    Error::misused(format!(
        "the table '{}' cannot be extended: column '{column}': found {found}, declared {declared}; {advice}",
        table.name
    ))
}

/// A unique column is kept by an index named `table.column`, which no declared
/// name can be.
fn prepare_indexes(connection: &Connection, table: &Table, path: &Path) -> Result {
    let told = |e| error::told(e, path);
    let mut there = connection.prepare_cached(include_str!("sql/has_index.sql")).map_err(told)?;
    for (index, column) in table.columns.iter().enumerate() {
        let name = format!("{}.{}", table.name, column.name);
        let exists = there.exists([&name]).map_err(told)?;
        match (column.unique && index != table.key, exists) {
            (true, false) => {
                create_index(connection, table, column, &name).map_err(told_of(&name, path))?
            }
            (false, true) => {
                let advice = format!("declare it unique again, or run DROP INDEX \"{name}\"");
                return Err(differs(table, &column.name, ("unique", "not unique"), &advice));
            }
            _ => {}
        }
    }
    Ok(())
}

fn create_index(
    connection: &Connection,
    table: &Table,
    column: &Column,
    name: &str,
) -> rusqlite::Result<()> {
    let field = format!("\"{}\"", column.name);
    let value = match column.kind {
        // Equal numbers have many texts: what counts is the one without zeros at its end.
        ColumnKind::Decimal => {
            format!("(iif(instr({field}, '.'), rtrim(rtrim({field}, '0'), '.'), {field}))")
        }
        _ => field,
    };
    let sql = format!("CREATE UNIQUE INDEX \"{name}\" ON \"{}\" ({value})", table.name);
    connection.execute(&sql, []).map(drop)
}

fn told_of(index: &str, path: &Path) -> impl Fn(rusqlite::Error) -> Error {
    move |e| {
        if e.sqlite_error_code() != Some(rusqlite::ErrorCode::ConstraintViolation) {
            return error::told(e, path);
        }
        Error::misused(format!(
            "'{index}' is declared unique, but rows in '{}' share a value; make them differ first",
            path.display()
        ))
        .with_source(e)
    }
}
