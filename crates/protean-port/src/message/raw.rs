//! JSON as text, if the reader still has the text.
//!
//! JSON text is read as it is, so that no digit passes through an `f64`. Deserializers that buffer
//! JSON (`#[serde(flatten)]`, tagged enums) have only values, and provide those.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use serde::de::value::Error;
use serde::de::{self, Error as _, MapAccess, Visitor};
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

/// The text in place of a value; otherwise the first key of an object that is the value. A text
/// that is not borrowed from the input may have been made from a `serde_json::Value`.
pub(super) fn text<'de, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Result<Cow<'de, str>, Option<String>>, A::Error> {
    match map.next_key::<Key>()? {
        Some(Key::Private) => map.next_value::<Text<'de>>().map(|Text(text)| Ok(text)),
        Some(Key::Other(key)) => Ok(Err(Some(key))),
        None => Ok(Err(None)),
    }
}

/// The key of a map, which is that of raw text or another.
enum Key {
    Private,
    Other(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfKey;

        impl Visitor<'_> for OfKey {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: de::Error>(self, key: &str) -> Result<Key, E> {
                Ok(if key.starts_with(PRIVATE) { Key::Private } else { Key::Other(key.to_owned()) })
            }
        }

        deserializer.deserialize_str(OfKey)
    }
}

/// A text, borrowed when the input holds it.
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText;

        impl<'de> Visitor<'de> for OfText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the text of a JSON value")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                self.visit_string(text.to_owned())
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }
        }

        deserializer.deserialize_str(OfText)
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
