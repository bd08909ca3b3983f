//! Compares values.

use std::cmp::Ordering;

use crate::message::Value;
use crate::port::Operator;

/// A value that sorts: null first, numbers by size, text by its bytes.
#[derive(Clone, Debug)]
pub(super) struct Sorted(pub(super) Value);

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
pub(super) fn order(left: &Value, right: &Value) -> Ordering {
    same_kind(left, right).unwrap_or_else(|| rank(left).cmp(&rank(right)))
}

/// True when the operator holds between `value` and `wanted`.
pub(super) fn holds(operator: Operator, value: &Value, wanted: &Value) -> bool {
    let ordering = same_kind(value, wanted);
    match operator {
        Operator::Equal => ordering == Some(Ordering::Equal),
        Operator::NotEqual => ordering != Some(Ordering::Equal),
        Operator::Less => ordering.is_some_and(Ordering::is_lt),
        Operator::AtMost => ordering.is_some_and(Ordering::is_le),
        Operator::Greater => ordering.is_some_and(Ordering::is_gt),
        Operator::AtLeast => ordering.is_some_and(Ordering::is_ge),
        Operator::Contains => match (text(value), text(wanted)) {
            (Some(text), Some(part)) => text.contains(part),
            _ => false,
        },
    }
}

/// The order of two values of the same kind; `None` for different kinds.
fn same_kind(left: &Value, right: &Value) -> Option<Ordering> {
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

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Json(text) => Some(text),
        _ => None,
    }
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
