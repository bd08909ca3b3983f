//! The order of values.

use std::cmp::Ordering;

use super::Value;

/// A value that sorts: null first, numbers by size, text by its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Sorted(pub(crate) Value);

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sorted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sorted {}

/// The order of any two values. Values of different kinds sort by kind, null first.
pub(crate) fn order(left: &Value, right: &Value) -> Ordering {
    compare(left, right).unwrap_or_else(|| rank(left).cmp(&rank(right)))
}

/// The order of two values of the same kind; `None` for different kinds.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    Some(match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Real(left), Value::Real(right)) => {
            left.partial_cmp(right).unwrap_or_else(|| left.total_cmp(right))
        }
        (Value::Decimal(left), Value::Decimal(right)) => left.cmp(right),
        (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
        (Value::Date(left), Value::Date(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) | (Value::Json(left), Value::Json(right)) => {
            left.as_bytes().cmp(right.as_bytes())
        }
        _ => return None,
    })
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Integer(_) => 2,
        Value::Real(_) => 3,
        Value::Decimal(_) => 4,
        Value::Text(_) => 5,
        Value::Timestamp(_) => 6,
        Value::Date(_) => 7,
        Value::Json(_) => 8,
    }
}
