//! Runs the user's own SQL.

use protean_port::port::{Outcome, Statement, StatementRead, left_out};
use protean_port::{Error, Result};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value};

use crate::refusal::{Refusal, STATEMENT};
use crate::value::Bound;

/// Runs the user's own SQL, which may write but not end the transaction.
pub(crate) fn run(connection: &Connection, statement: &Statement) -> Result<(), Refusal> {
    let refused = |e| Refusal::of_user_tables(e, STATEMENT);
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(refused)?;
    if prepared.readonly() {
        let message = "must be an INSERT, UPDATE or DELETE; the unit of work owns the transaction";
        return Err(Refusal::rejected(STATEMENT, message));
    }
    let parameters = rusqlite::params_from_iter(statement.parameters.iter().map(Bound));
    let mut rows = prepared.query(parameters).map_err(refused)?;
    // Rows of a RETURNING clause must be fetched; they are ignored.
    while rows.next().map_err(refused)?.is_some() {}
    Ok(())
}

/// Repeats a read of a unit.
pub(crate) fn check(connection: &Connection, read: &StatementRead) -> Result<(), Refusal> {
    match read.is_repeated_by(fetch(connection, &read.statement)?) {
        true => Ok(()),
        false => Err(Refusal::LeftOut(left_out::read_changed(read))),
    }
}

/// Runs the user's own SELECT; each row is a JSON object.
pub(crate) fn fetch(
    connection: &Connection,
    statement: &Statement,
) -> Result<Vec<String>, Refusal> {
    let refused = |e| Refusal::of_user_tables(e, STATEMENT);
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(refused)?;
    if !statement.is_read() || !prepared.readonly() {
        return Err(Refusal::rejected(STATEMENT, "must be a SELECT"));
    }
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let parameters = rusqlite::params_from_iter(statement.parameters.iter().map(Bound));
    let mut rows = prepared.query(parameters).map_err(refused)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(refused)? {
        found.push(object(&names, row)?);
    }
    Ok(found)
}

fn object(names: &[String], row: &Row<'_>) -> Result<String, Refusal> {
    let mut object = Map::new();
    for (column, name) in names.iter().enumerate() {
        let value = match row.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(bytes) => match str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => return Err(Refusal::rejected(name, "is not valid UTF-8")),
            },
            ValueRef::Blob(_) => {
                return Err(Refusal::rejected(name, "is a BLOB: select `hex(…)` of it"));
            }
        };
        object.insert(name.clone(), value);
    }
    Ok(Value::Object(object).to_string())
}

/// The error that a refused read returns to its caller.
pub(crate) fn explained(refusal: Refusal) -> Result<Error, rusqlite::Error> {
    match refusal {
        Refusal::LeftOut(Outcome::Rejected(violations)) => Ok(Error::invalid(violations)),
        Refusal::LeftOut(outcome) => Ok(Error::unavailable(format!("{outcome:?}"))),
        Refusal::Broken(error) => Err(error),
    }
}
