//! The values in columns.

use std::sync::Arc;

use super::{Date, Decimal, Timestamp};

/// The value of one column in one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits.
    Integer(i64),
    /// A floating-point number of 64 bits.
    Real(f64),
    /// An exact decimal number.
    Decimal(Decimal),
    /// Text of any length.
    Text(Arc<str>),
    /// A moment in UTC, to the microsecond.
    Timestamp(Timestamp),
    /// A day without a time.
    Date(Date),
    /// A list or another nested value, as JSON text.
    Json(Arc<str>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// False for a value that no database keeps as it is: `NaN`, an infinity, an inexact number.
    pub fn can_be_kept(&self) -> bool {
        match self {
            Self::Real(number) => number.is_finite(),
            Self::Decimal(number) => number.is_exact(),
            _ => true,
        }
    }

    /// True for [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// The values of one row, in the order of its table's columns.
pub type Row = Arc<[Value]>;
