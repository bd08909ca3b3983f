//! Entities as fields, each kept as one JSON column. `#[entity]` expands to calls of these.

use protean_port::Violations;
use protean_port::message::Value;
use serde::Serialize;

use super::list::{Element, write_json};
use super::nested;
use super::rules::Rules;

pub use super::list::read_json as read_object;

/// Adds the violations of an entity's fields, under the name of the field that holds it.
pub fn check_object<T: Element>(object: &T, rules: &Rules, violations: &mut Violations) {
    nested::check(object, rules, violations, |violations| {
        violations.nest(rules.name, &object.check_element());
    });
}

/// Appends an entity to a row.
pub fn write_object(object: &impl Serialize, row: &mut Vec<Value>) {
    write_json(object, "{}", row);
}
