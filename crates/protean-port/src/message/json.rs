//! JSON of any form.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::Value;
use serde_json::value::RawValue;

use super::raw;
use crate::{Error, Result};

/// The maximum nesting of objects and lists: readers refuse anything deeper.
const DEEPEST: usize = 127;

/// A JSON value of any form, kept as its text, so that no digit of a number is lost.
///
/// Members of objects are sorted by name and there is no whitespace, so that equal values have the
/// same text. Inside `#[serde(flatten)]` and tagged enums, serde reads numbers as `f64` before this
/// type gets them; write long numbers as strings there.
///
/// ```
/// # use protean_port::message::Json;
/// # fn main() -> protean_port::Result {
/// let settings: Json = r#"{"theme": "dark", "limit": 12345678901234567890.12}"#.parse()?;
/// assert_eq!(settings.as_str(), r#"{"limit":12345678901234567890.12,"theme":"dark"}"#);
/// assert_eq!(Json::of(&[1, 2])?.read::<Vec<u8>>()?, [1, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Json(Arc<str>);

impl Json {
    /// The JSON of a value.
    ///
    /// # Errors
    /// When it cannot be written as JSON, or nests too deep to be read back.
    pub fn of(value: &impl Serialize) -> Result<Self> {
        let unwritten =
            |error| Error::failed("the value cannot be written as JSON").with_source(error);
        serde_json::to_string(value).map_err(unwritten)?.parse()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads it into a type.
    ///
    /// # Errors
    /// When it does not have that form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0).map_err(|error| {
            let wanted = std::any::type_name::<T>();
            Error::failed(format!("the JSON cannot be read as {wanted}")).with_source(error)
        })
    }
}

impl Default for Json {
    /// `null`.
    fn default() -> Self {
        Self("null".into())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({})", self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Json {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        canonical(text).map(|text| Self(text.into())).map_err(Error::failed)
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        let text = value.to_string();
        Self(canonical(&text).unwrap_or(text).into())
    }
}

impl From<&Json> for Value {
    /// Numbers with more digits than it holds are rounded.
    fn from(json: &Json) -> Self {
        serde_json::from_str(&json.0).unwrap_or_default()
    }
}

/// The text without spaces, each object sorted by name, each number as it is.
fn canonical(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let raw = serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))?;
    write(raw, DEEPEST, &mut out).map(|()| out)
}

fn write(raw: &RawValue, levels: usize, out: &mut String) -> Result<(), String> {
    let (text, levels) = (raw.get(), levels.checked_sub(1));
    let unread = |error: serde_json::Error| format!("this is not JSON: {error}");
    let deeper = || format!("the JSON nests deeper than {DEEPEST} objects and lists: flatten it");
    match text.as_bytes().first() {
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> =
                serde_json::from_str(text).map_err(unread)?;
            out.push('{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(&Value::from(name).to_string());
                out.push(':');
                write(value, levels.ok_or_else(deeper)?, out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(text).map_err(unread)?;
            out.push('[');
            for (at, value) in values.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write(value, levels.ok_or_else(deeper)?, out)?;
            }
            out.push(']');
        }
        Some(b'"') => {
            let value: String = serde_json::from_str(text).map_err(unread)?;
            out.push_str(&Value::from(value).to_string());
        }
        _ => out.push_str(text),
    }
    Ok(())
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        raw::deserialize(deserializer, Free)
    }
}

struct Free;

macro_rules! plain {
    ($($visit:ident($type:ty)),*) => {$(
        fn $visit<E: de::Error>(self, value: $type) -> Result<Json, E> {
            Ok(Value::from(value).into())
        }
    )*};
}

impl<'de> Visitor<'de> for Free {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let first = match raw::text(&mut map)? {
            Ok(text) => return text.parse().map_err(de::Error::custom),
            Err(first) => first,
        };
        let mut object = serde_json::Map::new();
        if let Some(first) = first {
            object.insert(first, map.next_value()?);
            let rest = MapAccessDeserializer::new(map);
            object.extend(serde_json::Map::deserialize(rest)?);
        }
        Ok(Value::Object(object).into())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Json, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element::<Value>()? {
            values.push(value);
        }
        Ok(Value::Array(values).into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::default())
    }

    plain!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::{Value, json};

    use super::Json;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        more: Json,
        all: Vec<Json>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        id: u32,
        #[serde(flatten)]
        note: Note,
    }

    #[test]
    fn what_is_equal_has_the_same_text() {
        let json: Json = " { \"b\" : [ 1.50 , null ] , \"a\" : \"\\u0041 b\" } ".parse().unwrap();
        assert_eq!(json.as_str(), r#"{"a":"A b","b":[1.50,null]}"#);
        assert_eq!(json, Json::of(&json).unwrap());
        assert_eq!(Value::from(&json), json!({"a": "A b", "b": [1.5, null]}));
        assert_eq!(Json::default().to_string(), "null");
        for text in ["", "{", "[1,]", "NaN", "1 2"] {
            assert!(text.parse::<Json>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_digit_is_kept() {
        let text = r#"{"more":{"rate":0.12345678901234567890},"all":[12345678901234567890.12]}"#;
        let note: Note = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&note).unwrap(), text);
    }

    #[test]
    fn any_value_survives_a_buffer() {
        for value in [
            json!(null),
            json!(true),
            json!(-1),
            json!(u64::MAX),
            json!(1.5),
            json!("a"),
            json!([]),
            json!([1, "a", [null]]),
            json!({}),
            json!({"b": {"c": [1]}, "a": 0}),
        ] {
            let note = Note { more: value.clone().into(), all: vec![value.into()] };
            let flat = Flat { id: 7, note };
            let text = serde_json::to_string(&flat).unwrap();
            assert_eq!(serde_json::from_str::<Flat>(&text).unwrap(), flat, "{text}");
            let buffer = serde_json::to_value(&flat).unwrap();
            assert_eq!(serde_json::from_value::<Flat>(buffer).unwrap(), flat, "{text}");
        }
    }

    #[test]
    fn what_nests_too_deep_is_an_error_and_ends_nothing() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(nested(127).parse::<Json>().is_ok());
        for levels in [129, 1_000_000] {
            let refused = nested(levels).parse::<Json>().unwrap_err();
            let text = "nests deeper than 127";
            assert!(format!("{refused:#}").contains(text), "{refused:#}");
        }
    }
}
