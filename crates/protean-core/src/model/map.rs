//! Maps and free JSON, kept as one JSON column.

use std::borrow::Cow;
use std::collections::BTreeMap;

use protean_port::Violations;
use protean_port::message::{Column, Date, Id, Json, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::{Field, Values};
use super::list::Element;
use super::rules::Rules;
use super::shape::Shape;
use super::states::States;
use super::{json_column, nested};

/// A type for the keys of a map: its values are strings in JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a map",
    note = "keys are text in JSON: use `String`, `Id`, `Date`, or a `#[value_object]` that is an enum \
            or a newtype of `String` or `Id`"
)]
pub trait MapKey: Serialize + DeserializeOwned + Ord {
    /// The key as text.
    fn key(&self) -> Cow<'_, str>;

    /// The form of a key as JSON.
    fn key_shape() -> Shape {
        Shape::of_type::<Self>()
    }

    /// The violations of the key.
    fn check_key(&self) -> Violations {
        Violations::new()
    }
}

impl MapKey for String {
    fn key(&self) -> Cow<'_, str> {
        self.into()
    }

    fn key_shape() -> Shape {
        Self::shape()
    }
}

impl MapKey for Id {
    fn key(&self) -> Cow<'_, str> {
        self.as_str().into()
    }

    fn key_shape() -> Shape {
        Self::shape()
    }
}

impl MapKey for Date {
    fn key(&self) -> Cow<'_, str> {
        self.to_string().into()
    }

    fn key_shape() -> Shape {
        Self::shape()
    }
}

impl<K: MapKey, T: Element> Field for BTreeMap<K, T> {
    fn shape() -> Shape {
        Shape::Map { key: Box::new(K::key_shape()), value: Box::new(T::element_shape()) }
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        json_column::columns(name, rules)
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        let elements = self.iter().map(|(key, element)| {
            let mut found = key.check_key();
            found.merge(&element.check_element());
            (|| key.key().into_owned(), found)
        });
        json_column::check_elements(self, elements, rules, violations);
    }

    fn states(&self, states: &mut States) {
        for (key, element) in self {
            let key = key.key();
            states.element(&key, |states| match element.element_id() {
                Some(_) => element.element_states(states),
                None => states.identified(&key, |states| element.element_states(states)),
            });
        }
    }

    fn write(&self, row: &mut Vec<Value>) {
        json_column::write(self, row);
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        json_column::read("a JSON object", values)
    }
}

impl Field for Json {
    const MAY_BE_NULL: bool = true;

    fn shape() -> Shape {
        Shape::Plain("json".to_owned())
    }

    fn columns(name: &str, rules: &Rules) -> Vec<Column> {
        json_column::columns(name, rules)
    }

    fn check(&self, rules: &Rules, violations: &mut Violations) {
        nested::check(self, rules, violations, |violations| {
            // In a message it is part of an object.
            nested::check_depth(self.as_str(), 1, rules, violations);
        });
    }

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Json(self.as_str().into()));
    }

    fn read(values: &mut Values<'_>) -> Result<Self, String> {
        json_column::read("JSON", values)
    }
}
