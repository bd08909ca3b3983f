//! Fields kept as one JSON column: lists, maps, entities and free JSON.

use protean_port::Violations;
use protean_port::message::{Column, ColumnKind, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::{Fields, Values, column, mismatch};
use super::nested;
use super::rules::Rules;

/// The column of a field with this name.
pub fn columns(name: &str, rules: &Rules) -> Vec<Column> {
    column(name, ColumnKind::Json, rules)
}

/// Adds the violations of an entity's fields, under the name of the field that holds it.
pub fn check_entity<T: Fields + Serialize>(entity: &T, rules: &Rules, violations: &mut Violations) {
    nested::check(entity, rules, violations, |violations| {
        violations.nest(rules.name, &entity.check());
    });
}

/// Checks a list or a map: how many elements it has, and each of them with its place.
pub(super) fn check_elements<P: FnOnce() -> String>(
    whole: &impl Serialize,
    elements: impl ExactSizeIterator<Item = (P, Violations)>,
    rules: &Rules,
    violations: &mut Violations,
) {
    check_length(elements.len(), rules, violations);
    nested::check(whole, rules, violations, |violations| {
        for (place, found) in elements {
            if !found.is_empty() {
                violations.nest(&format!("{}[{}]", rules.name, place()), &found);
            }
        }
    });
}

fn check_length(length: usize, rules: &Rules, violations: &mut Violations) {
    if let Some(most) = rules.max_length.filter(|most| length > *most) {
        violations.add(rules.name, format!("must have {most} or fewer elements, has {length}"));
    }
    if let Some(fewest) = rules.min_length.filter(|fewest| length < *fewest) {
        violations.add(rules.name, format!("must have {fewest} or more elements, has {length}"));
    }
}

/// Appends a value to a row. One that JSON cannot represent, such as NaN, is refused by the check
/// before it is written; until then it is `null`.
pub fn write(value: &impl Serialize, row: &mut Vec<Value>) {
    row.push(Value::Json(
        serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()).into(),
    ));
}

/// Takes a value from a row.
///
/// # Errors
/// When the column holds something else; the text is meant for people.
pub fn read<T: DeserializeOwned>(wanted: &str, values: &mut Values<'_>) -> Result<T, String> {
    match values.take() {
        Value::Json(json) => serde_json::from_str(json).map_err(|error| error.to_string()),
        other => mismatch(wanted, other),
    }
}
