//! Structs of fields.

use protean_port::Violations;
use protean_port::message::{Column, Value};

use super::{Rules, Values};

/// A struct whose fields have rules.
pub trait Fields {
    /// The rules, in the order of the fields.
    const RULES: &'static [Rules];

    /// What is wrong, for all fields at once.
    fn check(&self) -> Violations;
}

/// A struct whose fields are columns.
pub trait Columns: Fields + Sized {
    /// The columns, in the order of the fields.
    fn columns() -> Vec<Column>;

    /// Appends the columns to a row.
    fn write(&self, row: &mut Vec<Value>);

    /// Takes the columns from a row.
    ///
    /// # Errors
    /// When a column holds something else; told for a person.
    fn read(values: &mut Values<'_>) -> Result<Self, String>;
}
