//! Values that a field can be compared with.

use protean_port::message::Decimal;

use super::{Field, TextValue};

/// A value that a field of the type `T` can be compared with.
pub trait Comparable<T> {
    /// Converts the value to the type of the field.
    fn into_field(self) -> T;
}

impl<T: Field> Comparable<T> for T {
    fn into_field(self) -> T {
        self
    }
}

impl<T: Field> Comparable<Option<T>> for T {
    fn into_field(self) -> Option<T> {
        Some(self)
    }
}

impl<T: TextValue> Comparable<T> for &str {
    fn into_field(self) -> T {
        self.into()
    }
}

impl<T: TextValue> Comparable<Option<T>> for &str {
    fn into_field(self) -> Option<T> {
        Some(self.into())
    }
}

impl Comparable<Decimal> for i64 {
    fn into_field(self) -> Decimal {
        self.into()
    }
}

impl Comparable<Option<Decimal>> for i64 {
    fn into_field(self) -> Option<Decimal> {
        Some(self.into())
    }
}
