//! Why a row is not written.

use protean_port::Violations;
use protean_port::message::{Row, Table, Value};
use protean_port::port::{Outcome, left_out};

/// Checks that a row has a value for each column, and no value that a database would
/// refuse or give back as another one.
///
/// # Errors
/// With the outcome of the unit that writes the row.
pub fn check_values(table: &Table, row: &Row) -> Result<(), Outcome> {
    if row.len() != table.columns.len() {
        return Err(left_out::row_incomplete(table, row));
    }
    let is_nan = |value: &Value| matches!(value, Value::Real(number) if number.is_nan());
    match row.iter().position(is_nan) {
        Some(index) => {
            let column = &table.columns[index].name;
            Err(Outcome::Rejected(Violations::of(column, "must be a number, is NaN")))
        }
        None => Ok(()),
    }
}
