//! Lists, kept as one JSON column.

use protean_port::Violations;
use protean_port::message::{Column, ColumnKind, Date, Decimal, Id, Timestamp, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::{Field, Values, column, mismatch};
use super::nested;
use super::rules::Rules;
use super::shape::Shape;
use super::states::States;

/// A type that a list can hold: plain values, value objects and entities.
pub trait Element: Serialize + DeserializeOwned {
    /// What is wrong with this element, by field; `""` for the element itself.
    fn check_element(&self) -> Violations {
        Violations::new()
    }

    /// The form of this element as JSON.
    fn element_shape() -> Shape {
        Shape::of_type::<Self>()
    }

    /// The identity of an entity, to match it with its earlier version in the list.
    fn element_id(&self) -> Option<Id> {
        None
    }

    /// Notes the states that it is in.
    fn element_states(&self, _states: &mut States) {}
}

macro_rules! elements {
    ($($type:ty),*) => {$(
        impl Element for $type {
            fn element_shape() -> Shape {
                Self::shape()
            }
        }
    )*};
}
elements!(String, Id, bool, i8, i16, i32, i64, u8, u16, u32, u64, Timestamp, Date);

macro_rules! checked_elements {
    ($($type:ty),*) => {$(
        impl Element for $type {
            fn element_shape() -> Shape {
                Self::shape()
            }

            fn check_element(&self) -> Violations {
                let mut violations = Violations::new();
                self.check(&Rules::named(""), &mut violations);
                violations
            }
        }
    )*};
}
// Those of which not every value can be read back.
checked_elements!(f64, Decimal);

pub(super) fn check_length(length: usize, rules: &Rules, violations: &mut Violations) {
    if let Some(most) = rules.max_length.filter(|most| length > *most) {
        violations.add(rules.name, format!("must have {most} or fewer elements, has {length}"));
    }
    if let Some(fewest) = rules.min_length.filter(|fewest| length < *fewest) {
        violations.add(rules.name, format!("must have {fewest} or more elements, has {length}"));
    }
}

impl<T: Element> Field for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::element_shape()))
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        column(name, ColumnKind::Json, rules)
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        check_length(self.len(), rules, violations);
        nested::check(self, rules, violations, |violations| {
            for (index, element) in self.iter().enumerate() {
                violations.nest(&format!("{}[{index}]", rules.name), &element.check_element());
            }
        });
    }

    fn states(&self, states: &mut States) {
        for element in self {
            // Without identities, elements cannot be matched with their earlier versions.
            if let Some(id) = element.element_id() {
                states.within(&format!("[{id}]"), |states| element.element_states(states));
            }
        }
    }

    fn write(&self, row: &mut Vec<Value>) {
        write_json(self, "[]", row);
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        read_json("a JSON list", values)
    }
}

/// Appends a JSON column. A value that JSON cannot represent, such as NaN, is refused by the check
/// before it is written; until then `empty` takes its place.
pub(super) fn write_json(value: &impl Serialize, empty: &str, row: &mut Vec<Value>) {
    row.push(Value::Json(serde_json::to_string(value).unwrap_or_else(|_| empty.to_owned()).into()));
}

/// Takes a column of JSON from a row.
///
/// # Errors
/// When it holds something else; the text is meant for people.
pub fn read_json<T: DeserializeOwned>(wanted: &str, values: &mut Values<'_>) -> Result<T, String> {
    match values.take() {
        Value::Json(json) => serde_json::from_str(json).map_err(|error| error.to_string()),
        other => mismatch(wanted, other),
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Rules};
    use protean_port::Violations;

    #[test]
    fn a_list_has_as_many_elements_as_it_may() {
        let rules = Rules::named("lines").min_length(1).max_length(2);
        let check = |list: &[u32]| {
            let mut violations = Violations::new();
            list.to_vec().check(&rules, &mut violations);
            violations.get("lines").to_vec()
        };
        assert_eq!(check(&[]), ["must have 1 or more elements, has 0"]);
        assert!(check(&[1]).is_empty() && check(&[1, 2]).is_empty());
        assert_eq!(check(&[1, 2, 3]), ["must have 2 or fewer elements, has 3"]);
    }

    #[test]
    fn a_list_of_numbers_holds_finite_ones() {
        let mut violations = Violations::new();
        vec![1.5, f64::NAN, f64::INFINITY].check(&Rules::named("rates"), &mut violations);
        assert_eq!(violations.get("rates[1]"), ["must be a finite number, is NaN"]);
        assert_eq!(violations.get("rates[2]"), ["must be a finite number, is inf"]);
        assert!(violations.get("rates[0]").is_empty());
    }
}
