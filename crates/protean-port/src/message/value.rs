//! Values as columns hold them.

use std::sync::Arc;

use super::{Date, Decimal, Timestamp};

/// One column of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// An exact number.
    Decimal(Decimal),
    /// Text.
    Text(Arc<str>),
    /// A moment.
    Timestamp(Timestamp),
    /// A day.
    Date(Date),
    /// A list or another nested value, as JSON text.
    Json(Arc<str>),
}

impl Value {
    /// Text from anything that can be shared.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// True for [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// The values of one row, in the order of its table's columns.
pub type Row = Arc<[Value]>;
