//! Values as text, and back.

use protean_port::message::{Column, ColumnKind, Timestamp, Value};

/// A value as text; nothing for null.
pub(super) fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Text(text) | Value::Json(text) => text.to_string(),
        Value::Timestamp(moment) => moment.as_micros().to_string(),
        Value::Date(day) => day.to_string(),
    })
}

/// The value of a column; `None` if no row can hold it.
pub(super) fn value(column: &Column, text: &str) -> Option<Value> {
    let value = match column.kind {
        ColumnKind::Bool => Value::Bool(text.parse().ok()?),
        ColumnKind::Integer => Value::Integer(text.parse().ok()?),
        ColumnKind::Real => Value::Real(text.parse().ok()?),
        ColumnKind::Decimal => Value::Decimal(text.parse().ok()?),
        ColumnKind::Text => Value::text(text),
        ColumnKind::Timestamp => Value::Timestamp(Timestamp::from_micros(text.parse().ok()?)),
        ColumnKind::Date => Value::Date(text.parse().ok()?),
        ColumnKind::Json => Value::Json(text.into()),
    };
    Some(value).filter(Value::can_be_kept)
}
