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

#[cfg(test)]
mod tests {
    use super::{Cursor, Field, Rules, Values};

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for cursor in [Some(Cursor::from("WyJh")), Some("".into()), None] {
            let mut row = Vec::new();
            cursor.write(&mut row);
            assert_eq!(Option::<Cursor>::read(&mut Values::new(&row)), Ok(cursor));
        }
        assert_eq!(Option::<Cursor>::columns("after", &Rules::named("after")).len(), 1);
    }
}
