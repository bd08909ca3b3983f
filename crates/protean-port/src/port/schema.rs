//! How the tables that are there differ from those a program declares.

use super::BoxFuture;
use crate::Result;
use crate::message::Table;

/// Compares tables without changing them.
pub trait Schema: Send + Sync {
    /// What preparing these tables would do, and what it leaves to a person. Changes nothing.
    ///
    /// # Errors
    /// When the database cannot be read, or a table has a name that no database takes.
    fn difference<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<SchemaDifference>>;
}

/// How the tables that are there differ from those a program declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaDifference {
    /// The statements that preparing the store runs by itself, in this order.
    pub automatic: Vec<String>,
    /// What needs a person first. While there is any, preparing the store changes nothing.
    pub manual: Vec<ManualChange>,
}

/// A difference that needs a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualChange {
    /// The table.
    pub table: String,
    /// The column, or the [index](Self::is_index): `unique(shelf, slot)`.
    pub column: String,
    /// True when it is about an index on several columns.
    pub is_index: bool,
    /// The name that a newer version of the program has given it.
    pub newer_name: Option<String>,
    /// What was found, what is declared, and what can be done in the program instead.
    pub why: String,
    /// What may be run in the database, each a statement or a comment that begins with `--`.
    /// `<value>`, and anything else in angle brackets, stands for what only a person can decide.
    pub statements: Vec<String>,
}

impl ManualChange {
    /// What it is about: `column 'email'`, `index 'unique(shelf, slot)'`.
    pub fn subject(&self) -> String {
        format!("{} '{}'", if self.is_index { "index" } else { "column" }, self.column)
    }
}
