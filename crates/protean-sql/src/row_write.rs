//! Why a row is not written.

use protean_port::Violations;
use protean_port::message::{Row, Table, Value};
use protean_port::port::{Outcome, RowWrite};

/// Checks that a row has a value for each column, and no value that a database would
/// refuse or give back as another one.
///
/// # Errors
/// With the outcome of the unit that writes the row.
pub fn check_values(table: &Table, row: &Row) -> Result<(), Outcome> {
    if row.len() != table.columns.len() {
        let (found, declared) = (row.len(), table.columns.len());
        let message = format!("a row of {found} values for {declared} columns");
        return Err(Outcome::Rejected(Violations::of(&table.name, message)));
    }
    let is_nan = |value: &Value| matches!(value, Value::Real(number) if number.is_nan());
    match row.iter().position(is_nan) {
        Some(index) => {
            let column = &table.columns[index].name;
            Err(Outcome::Rejected(Violations::of(column, "is not a number")))
        }
        None => Ok(()),
    }
}

/// The outcome of a write whose version is not above the one the row has or had.
pub fn falls_back(write: &RowWrite) -> Outcome {
    let (key, table, version) = (&write.key, &write.table.name, write.version);
    Outcome::Stale(format!("the row '{key}' of '{table}' is already past version {version}"))
}

/// The outcome of a write that expects another version than the row has: `found`, or
/// none when it does not exist.
pub fn changed_meanwhile(write: &RowWrite, found: Option<u64>) -> Outcome {
    let describe = |version: Option<u64>| version.map_or("none".into(), |v| format!("version {v}"));
    Outcome::Stale(format!(
        "the row '{}' of '{}' was changed by another unit: expected {}, found {}",
        write.key,
        write.table.name,
        describe(write.expected),
        describe(found)
    ))
}
