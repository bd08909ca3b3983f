//! `[custom]`: the application's own settings in the same file.

use std::fmt;
use std::ops::Deref;

use toml::{Table as TomlTable, Value as TomlValue};

use super::document::{Entry, Table, Value};

/// The table `[custom]`, free for the application, with variables filled in.
///
/// It may hold secrets, so `Debug` shows its keys only.
#[derive(Clone, Default, PartialEq)]
pub struct Custom(TomlTable);

impl Custom {
    pub(super) fn of(table: &Table) -> Self {
        Self(as_table(table))
    }
}

impl Deref for Custom {
    type Target = TomlTable;

    fn deref(&self) -> &TomlTable {
        &self.0
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn as_table(table: &Table) -> TomlTable {
    let value = |(name, entry): (&String, &Entry)| {
        as_value(&entry.value).map(|value| (name.clone(), value))
    };
    table.iter().filter_map(value).collect()
}

fn as_value(value: &Value) -> Option<TomlValue> {
    Some(match value {
        Value::Text { text, .. } => TomlValue::String(text.clone()),
        Value::Integer(number) => TomlValue::Integer(*number),
        Value::Float(number) => TomlValue::Float(*number),
        Value::Boolean(flag) => TomlValue::Boolean(*flag),
        Value::Moment(moment) => TomlValue::Datetime(*moment),
        Value::Array(items) => TomlValue::Array(items.iter().filter_map(as_value).collect()),
        Value::Table(table) => TomlValue::Table(as_table(table)),
        Value::Oversized | Value::Unset => return None,
    })
}
