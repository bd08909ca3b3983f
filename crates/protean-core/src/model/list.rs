//! Lists, kept as one JSON column.

use std::cell::Cell;

use protean_port::Violations;
use protean_port::message::{Column, ColumnKind, Date, Decimal, Id, Timestamp, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::{column, mismatch};
use super::json::{DEEPEST, depth};
use super::{Field, Rules, Shape, Values};

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

fn check_length(length: usize, rules: &Rules, violations: &mut Violations) {
    if let Some(most) = rules.max_length.filter(|most| length > *most) {
        violations.add(rules.name, format!("must have {most} or fewer elements, has {length}"));
    }
    if let Some(fewest) = rules.min_length.filter(|fewest| length < *fewest) {
        violations.add(rules.name, format!("must have {fewest} or more elements, has {length}"));
    }
}

thread_local! {
    /// How many lists that hold each other are being checked.
    static NESTED: Cell<usize> = const { Cell::new(0) };
    /// How many lists have held each other at most since the outermost one was checked.
    static DEEPEST_SEEN: Cell<usize> = const { Cell::new(0) };
}

/// A list that is being checked, inside of others perhaps.
struct Nested;

impl Nested {
    /// True while this list holds others, and no other one holds it.
    fn is_outermost() -> bool {
        NESTED.get() == 1
    }

    /// Nothing when it is nested too deep to be read back.
    fn enter() -> Option<Self> {
        let nested = NESTED.get();
        (nested < DEEPEST).then(|| {
            NESTED.set(nested + 1);
            DEEPEST_SEEN.set(DEEPEST_SEEN.get().max(nested + 1));
            Self
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() - 1);
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
        let Some(_nested) = Nested::enter() else {
            return violations
                .add(rules.name, format!("is nested deeper than {DEEPEST} lists: flatten it"));
        };
        for (index, element) in self.iter().enumerate() {
            violations.nest(&format!("{}[{index}]", rules.name), &element.check_element());
        }
        // Between two lists there are objects, which nest as well.
        if Nested::is_outermost() && DEEPEST_SEEN.take() > 1 && violations.is_empty() {
            let deep = serde_json::to_string(self).map_or(0, |json| depth(&json));
            if deep > DEEPEST {
                let text = format!(
                    "is nested {deep} levels deep, at most {DEEPEST} can be read back: flatten it"
                );
                violations.add(rules.name, text);
            }
        }
    }

    fn write(&self, row: &mut Vec<Value>) {
        // A value that is not JSON (a NaN) is refused by the check before it is written.
        row.push(Value::Json(serde_json::to_string(self).unwrap_or_else(|_| "[]".into()).into()));
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        match values.take() {
            Value::Json(json) => serde_json::from_str(json).map_err(|error| error.to_string()),
            other => mismatch("a JSON list", other),
        }
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
