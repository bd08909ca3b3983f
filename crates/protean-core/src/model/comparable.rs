//! Values that a field can be compared with.

use protean_port::message::{Decimal, Id};

use super::Field;

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

impl Comparable<String> for &str {
    fn into_field(self) -> String {
        self.to_owned()
    }
}

impl Comparable<Option<String>> for &str {
    fn into_field(self) -> Option<String> {
        Some(self.to_owned())
    }
}

impl Comparable<Id> for &str {
    fn into_field(self) -> Id {
        self.into()
    }
}

impl Comparable<Option<Id>> for &str {
    fn into_field(self) -> Option<Id> {
        Some(self.into())
    }
}

impl Comparable<Decimal> for i64 {
    fn into_field(self) -> Decimal {
        self.into()
    }
}
