//! Maps and free JSON, kept as one JSON column.

use std::collections::BTreeMap;

use protean_port::Violations;
use protean_port::message::{Column, ColumnKind, Date, Id, Json, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::{Field, Values, column};
use super::json::depth;
use super::list::{Element, check_length, read_json, write_json};
use super::nested;
use super::rules::Rules;
use super::shape::Shape;
use super::states::States;

/// A type for the keys of a map: its values are strings in JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a map",
    note = "keys are text in JSON: use `String`, `Id`, `Date`, or a `#[value_object]` that is an enum \
            or a newtype of `String` or `Id`"
)]
pub trait MapKey: Serialize + DeserializeOwned + Ord {
    /// The key as text.
    fn key(&self) -> String;

    /// The form of a key as JSON.
    fn key_shape() -> Shape {
        Shape::of_type::<Self>()
    }

    /// The violations of the key.
    fn check_key(&self) -> Violations {
        Violations::new()
    }
}

macro_rules! keys {
    ($($type:ty),*) => {$(
        impl MapKey for $type {
            fn key(&self) -> String {
                self.to_string()
            }

            fn key_shape() -> Shape {
                Self::shape()
            }
        }
    )*};
}
keys!(String, Id, Date);

impl<K: MapKey, T: Element> Field for BTreeMap<K, T> {
    fn shape() -> Shape {
        Shape::Map { key: Box::new(K::key_shape()), value: Box::new(T::element_shape()) }
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        column(name, ColumnKind::Json, rules)
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        check_length(self.len(), rules, violations);
        nested::check(self, rules, violations, |violations| {
            for (key, element) in self {
                let name = format!("{}[{}]", rules.name, key.key());
                violations.nest(&name, &key.check_key());
                violations.nest(&name, &element.check_element());
            }
        });
    }

    fn states(&self, states: &mut States) {
        for (key, element) in self {
            states.within(&format!("[{}]", key.key()), |states| element.element_states(states));
        }
    }

    fn write(&self, row: &mut Vec<Value>) {
        write_json(self, "{}", row);
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        read_json("a JSON object", values)
    }
}

impl Field for Json {
    fn shape() -> Shape {
        Shape::Plain("json".to_owned())
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        column(name, ColumnKind::Json, rules)
    }

    /// A value nested this deep, inside an object.
    fn check(&self, rules: &Rules, violations: &mut Violations) {
        nested::check_depth(depth(self.as_str()) + 1, rules, violations);
    }

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Json(self.as_str().into()));
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        read_json("JSON", values)
    }
}

impl Element for Json {
    fn element_shape() -> Shape {
        Self::shape()
    }

    fn check_element(&self) -> Violations {
        let mut violations = Violations::new();
        self.check(&Rules::named(""), &mut violations);
        violations
    }
}
