//! Converts values to columns and back.

use std::cmp::Ordering;
use std::str::FromStr;
use std::sync::Arc;

use protean_port::message::{self, ColumnKind, Date, Decimal, Timestamp, Value};
use rusqlite::functions::Context;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ParamsFromIter, ToSql, params_from_iter};

/// A value as a parameter of a statement.
pub(crate) struct Bound<'a>(pub(crate) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Bool(truth) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*truth))),
            Value::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Real(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
            Value::Decimal(number) => ToSqlOutput::from(number.to_string()),
            Value::Text(text) | Value::Json(text) => {
                ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
            }
            Value::Timestamp(moment) => {
                ToSqlOutput::Borrowed(ValueRef::Integer(moment.as_micros()))
            }
            Value::Date(day) => ToSqlOutput::from(day.to_string()),
        })
    }
}

/// Values as the parameters of a statement.
pub(crate) fn bound(values: &[Value]) -> ParamsFromIter<impl Iterator<Item = Bound<'_>>> {
    params_from_iter(values.iter().map(Bound))
}

/// The value in a column.
///
/// # Errors
/// With a description of the value when it is of another kind.
pub(crate) fn read(found: ValueRef<'_>, kind: ColumnKind) -> Result<Value, String> {
    match (kind, found) {
        (_, ValueRef::Null) => Ok(Value::Null),
        (ColumnKind::Bool, ValueRef::Integer(number)) => Ok(Value::Bool(number != 0)),
        (ColumnKind::Integer, ValueRef::Integer(number)) => Ok(Value::Integer(number)),
        (ColumnKind::Real, ValueRef::Real(number)) => Ok(Value::Real(number)),
        (ColumnKind::Timestamp, ValueRef::Integer(micros)) => {
            Ok(Value::Timestamp(Timestamp::from_micros(micros)))
        }
        (ColumnKind::Text, ValueRef::Text(bytes)) => Ok(Value::Text(text(bytes)?)),
        (ColumnKind::Json, ValueRef::Text(bytes)) => Ok(Value::Json(text(bytes)?)),
        (ColumnKind::Decimal, ValueRef::Text(bytes)) => Ok(Value::Decimal(parsed(bytes)?)),
        (ColumnKind::Date, ValueRef::Text(bytes)) => Ok(Value::Date(parsed::<Date>(bytes)?)),
        (ColumnKind::Timestamp, ValueRef::Text(bytes)) => Ok(Value::Timestamp(parsed(bytes)?)),
        (kind, found) => Err(format!("{} instead of {kind:?}", found.data_type())),
    }
}

/// Compares decimals by their value; text that is not a decimal comes last.
pub(crate) fn compare_decimals(left: &str, right: &str) -> Ordering {
    match (left.parse::<Decimal>(), right.parse::<Decimal>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}

/// Whether a list in JSON has an element; false for `NULL`.
pub(crate) fn list_has(context: &Context<'_>) -> rusqlite::Result<bool> {
    let [list, element] = [0, 1].map(|at| context.get_raw(at).as_str_or_null());
    let (list, element) = (list?, element?);
    Ok(list.zip(element).is_some_and(|(list, element)| message::list_has(list, element)))
}

fn text(bytes: &[u8]) -> Result<Arc<str>, String> {
    std::str::from_utf8(bytes).map(Arc::from).map_err(|e| format!("text that is not UTF-8: {e}"))
}

fn parsed<T: FromStr<Err = String>>(bytes: &[u8]) -> Result<T, String> {
    std::str::from_utf8(bytes).map_err(|e| e.to_string())?.parse()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::compare_decimals;

    #[test]
    fn decimals_compare_by_value() {
        assert_eq!(compare_decimals("9.90", "9.9"), Ordering::Equal);
        assert_eq!(compare_decimals("10", "9.99"), Ordering::Greater);
        assert_eq!(compare_decimals("-2", "-1"), Ordering::Less);
        let (a, b) = ("12345678901234567890.12", "12345678901234567890.13");
        assert_eq!(compare_decimals(a, b), Ordering::Less);
    }
}
