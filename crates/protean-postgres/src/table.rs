//! Lays out the tables of aggregates and projections, and extends them.

use protean_port::message::{Column, RESERVED, SNAPSHOTS, Table};
use protean_port::{Error, Result};
use tokio_postgres::error::SqlState;

use crate::connection::{Session, Settings};
use crate::error::Fault;
use crate::value::declared_type;

/// The longest name of a table, a column or an index, in bytes.
const LONGEST: usize = 63;

/// Creates a table, or adds what it lacks. Runs inside a transaction.
///
/// # Errors
/// When the table exists in a form that cannot be extended to the declared one.
pub(crate) async fn prepare(session: &Session, table: &Table, settings: &Settings) -> Result {
    check_names(table)?;
    let told = |fault: Fault| settings.told(fault);
    let found = columns(session, &table.name).await.map_err(told)?;
    if found.is_empty() {
        session.batch(&definition(table)).await.map_err(told)?;
        return prepare_indexes(session, table, settings).await;
    }
    let missing = missing(table, &found)?;
    let mut columns = missing.iter().map(|index| &table.columns[*index]);
    let required = columns.find(|column| !column.nullable);
    drop(columns);
    match required {
        None => {
            for index in missing {
                let (name, column) = (&table.name, declaration(&table.columns[index], false));
                let sql = format!("ALTER TABLE \"{name}\" ADD COLUMN {column}");
                session.batch(&sql).await.map_err(told)?;
            }
        }
        Some(column) if has_rows(session, table).await.map_err(told)? => {
            let declared = declaration(column, true);
            let advice = "make the field optional, or add the column by hand with a default";
            return Err(differs(table, &column.name, ("no such column", &declared), advice));
        }
        // A required column has no value for the rows there are; here are none.
        Some(_) => {
            drop_table(session, table).await.map_err(told)?;
            session.batch(&definition(table)).await.map_err(told)?;
        }
    }
    prepare_indexes(session, table, settings).await
}

async fn has_rows(session: &Session, table: &Table) -> Result<bool, Fault> {
    let sql = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
    Ok(session.first(&sql, &[]).await?.is_some())
}

/// Drops a table. Runs inside a transaction.
pub(crate) async fn drop_table(session: &Session, table: &Table) -> Result<(), Fault> {
    session.batch(&format!("DROP TABLE IF EXISTS \"{}\"", table.name)).await
}

/// Refuses names that are not ours to use, or that might be more than names.
pub(crate) fn check_names(table: &Table) -> Result {
    let name = &table.name;
    let reserved = RESERVED.contains(&name.as_str()) && name != SNAPSHOTS;
    if reserved || name.starts_with("pg_") {
        return Err(Error::misused(format!(
            "a table cannot be called '{name}', the store has one of that name; rename it"
        )));
    }
    let names = table.columns.iter().map(|column| &column.name);
    if let Some(odd) = std::iter::once(name).chain(names).find(|name| !is_plain(name)) {
        return Err(Error::misused(format!(
            "'{odd}' in the table '{name}' is no name for a table or a column: use small \
             letters, digits and '_', a letter or '_' first, at most {LONGEST} in all"
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
    let plain = name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
    plain && name.len() <= LONGEST
}

fn definition(table: &Table) -> String {
    let columns = table.columns.iter().enumerate();
    let columns = columns.map(|(index, column)| declaration(column, index == table.key));
    let columns: Vec<String> = columns.collect();
    let (name, columns, key) = (&table.name, columns.join(", "), &table.key_column().name);
    format!(
        "CREATE TABLE \"{name}\" ({columns}, \"_version\" bigint NOT NULL, PRIMARY KEY (\"{key}\"))"
    )
}

fn declaration(column: &Column, key: bool) -> String {
    let kind = declared_type(column.kind);
    // Text sorts by its bytes, as in every other store.
    let collation = if kind == "text" { " COLLATE \"C\"" } else { "" };
    let required = if column.nullable && !key { "" } else { " NOT NULL" };
    format!("\"{}\" {kind}{collation}{required}", column.name)
}

/// A column as it is in the database.
struct Found {
    name: String,
    kind: String,
    required: bool,
    has_default: bool,
    key: bool,
}

async fn columns(session: &Session, table: &str) -> Result<Vec<Found>, Fault> {
    let rows = session.query(include_str!("sql/columns.sql"), &[&table]).await?;
    let found = rows.iter().map(|row| {
        Ok(Found {
            name: row.try_get(0)?,
            kind: row.try_get(1)?,
            required: row.try_get(2)?,
            has_default: row.try_get(3)?,
            key: row.try_get(4)?,
        })
    });
    found.collect()
}

/// The declared columns the database lacks, when it differs in nothing else.
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
        return Err(differs(table, "_version", ("no such column", "bigint NOT NULL"), advice));
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
    let kind = declared_type(column.kind);
    if there.kind == kind && there.required == required && there.key == key {
        return Ok(());
    }
    let describe = |kind: &str, required: bool, key: bool| {
        let required = if required { " NOT NULL" } else { "" };
        format!("{kind}{required}{}", if key { " PRIMARY KEY" } else { "" })
    };
    let found = describe(&there.kind, there.required, there.key);
    let declared = describe(kind, required, key);
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
async fn prepare_indexes(session: &Session, table: &Table, settings: &Settings) -> Result {
    for (index, column) in table.columns.iter().enumerate() {
        let name = index_name(&table.name, &column.name);
        let there = session.first(include_str!("sql/has_index.sql"), &[&name]).await;
        let exists = there.map_err(|e| settings.told(e))?.is_some();
        match (column.unique && index != table.key, exists) {
            (true, false) => {
                let (name, of, column) = (&name, &table.name, &column.name);
                let sql = format!("CREATE UNIQUE INDEX \"{name}\" ON \"{of}\" (\"{column}\")");
                session.batch(&sql).await.map_err(|fault| told_of(name, fault, settings))?;
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

/// What is cut off of a long name is told apart by a hash.
fn index_name(table: &str, column: &str) -> String {
    let mut name = format!("{table}.{column}");
    if name.len() > LONGEST {
        let hash = crate::claim::hash(&name);
        name.truncate(LONGEST - 17);
        name.push_str(&format!("~{hash:016x}"));
    }
    name
}

fn told_of(index: &str, fault: Fault, settings: &Settings) -> Error {
    if fault.code() != Some(&SqlState::UNIQUE_VIOLATION) {
        return settings.told(fault);
    }
    let place = &settings.place;
    Error::misused(format!(
        "'{index}' is declared unique, but rows in the database {place} share a value; \
         make them differ first"
    ))
}
