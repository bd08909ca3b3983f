//! Cursors as fields, so that a query says where its page begins.

use protean_port::Violations;
use protean_port::message::{Column, Value};

use super::page::Cursor;
use crate::model::{Field, Rules, Shape, Values};

/// It is text, and any text is allowed: only the query it is used with can tell a cursor.
impl Field for Cursor {
    fn shape() -> Shape {
        String::shape()
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        String::columns(name, rules)
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        self.to_string().check(rules, violations);
    }

    fn write(&self, row: &mut Vec<Value>) {
        self.to_string().write(row);
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        String::read(values).map(Self::from)
    }
}
