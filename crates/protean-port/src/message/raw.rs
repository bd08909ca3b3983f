//! JSON as text, if the reader still has the text.
//!
//! JSON text is read as it is, so that no digit passes through an `f64`. Deserializers that buffer
//! JSON (`#[serde(flatten)]`, tagged enums) have only values, and provide those.

use std::sync::LazyLock;

use serde::de::value::Error;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use serde_json::value::RawValue;

/// The prefix of the names under which `serde_json` passes raw text in place of a value.
const PRIVATE: &str = "$serde_json::private::";

/// The name by which `serde_json` recognises a request for raw text.
static NAME: LazyLock<&'static str> = LazyLock::new(|| {
    let mut name = "";
    // It always fails, once it knows what is asked for.
    let _ = Box::<RawValue>::deserialize(Asked(&mut name));
    name
});

/// Gives the visitor a map from which [`text`] takes the JSON text, or else the value.
pub(super) fn deserialize<'de, D: Deserializer<'de>, V: Visitor<'de>>(
    deserializer: D,
    visitor: V,
) -> Result<V::Value, D::Error> {
    deserializer.deserialize_newtype_struct(*NAME, visitor)
}

/// The text in place of a value; otherwise the first key of an object that is the value.
pub(super) fn text<'de, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Result<String, Option<String>>, A::Error> {
    match map.next_key::<String>()? {
        Some(key) if key.starts_with(PRIVATE) => map.next_value().map(Ok),
        first => Ok(Err(first)),
    }
}

/// Notes the name that is asked for, and has nothing.
struct Asked<'n>(&'n mut &'static str);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is no value"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = name;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
