//! Lists, kept as one JSON column.

use protean_port::Violations;
use protean_port::message::{Column, Date, Decimal, Id, Json, Timestamp, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::{Field, Values};
use super::json_column;
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
    fn element_id(&self) -> Option<&str> {
        None
    }

    /// Records the states of this element.
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
checked_elements!(f64, Decimal, Json);

impl<T: Element> Field for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::element_shape()))
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        json_column::columns(name, rules)
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        let elements = self.iter().enumerate();
        let elements =
            elements.map(|(at, element)| (move || at.to_string(), element.check_element()));
        json_column::check_elements(self, elements, rules, violations);
    }

    fn states(&self, states: &mut States) {
        for (at, element) in self.iter().enumerate() {
            // Without identities, elements cannot be matched with their earlier versions.
            if element.element_id().is_some() {
                states.element(at, |states| element.element_states(states));
            }
        }
    }

    fn write(&self, row: &mut Vec<Value>) {
        json_column::write(self, row);
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        json_column::read("a JSON list", values)
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
