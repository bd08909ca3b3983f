//! JSON of any form.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::nesting::too_deep;
use super::node::Node;
use super::raw;
use crate::{Error, Result};

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
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// The canonical form of what is known to be JSON.
    fn canonical(json: &RawValue) -> serde_json::Result<Self> {
        let mut out = String::with_capacity(json.get().len());
        Node::of(json).write(&mut out);
        RawValue::from_string(out).map(|json| Self(json.into()))
    }

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
        self.0.get()
    }

    /// Reads it into a type.
    ///
    /// # Errors
    /// When it does not have that form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(self.as_str()).map_err(|error| {
            let wanted = std::any::type_name::<T>();
            Error::failed(format!("the JSON cannot be read as {wanted}")).with_source(error)
        })
    }
}

impl Default for Json {
    /// `null`.
    fn default() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl Hash for Json {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({self})")
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Json {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(what) = too_deep(text, 0) {
            return Err(Error::failed(format!("the JSON {what}")));
        }
        let unread = |error| Error::failed("this is not JSON").with_source(error);
        let json = serde_json::from_str(text).map_err(unread)?;
        Self::canonical(json).map_err(unread)
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        // Every `Value` can be written as JSON.
        let json = serde_json::value::to_raw_value(&value);
        json.and_then(|json| Self::canonical(&json)).unwrap_or_default()
    }
}

impl From<&Json> for Value {
    /// Numbers with more digits than it holds are rounded.
    fn from(json: &Json) -> Self {
        Node::of(&json.0).into()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
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
        let json: Json = r#"{"c\"\\":[[ ] ,{ }],"b":{"":-0.0e1} ,"\u0061" : "\"\u00e9","a":true}"#
            .parse()
            .unwrap();
        assert_eq!(json.as_str(), r#"{"a":true,"b":{"":-0.0e1},"c\"\\":[[],{}]}"#);
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
        for levels in [1, 126, 127] {
            let json: Json = nested(levels).parse().unwrap();
            assert_eq!(json.read::<Value>().unwrap(), Value::from(&json));
            assert_eq!(Value::from(&json).to_string(), nested(levels));
        }
        for levels in [128, 129, 1_000_000] {
            let refused = nested(levels).parse::<Json>().unwrap_err();
            let text = format!(
                "the JSON is nested {levels} levels deep, at most 127 can be read back: flatten it"
            );
            assert_eq!(refused.to_string(), text);
        }
        let deep = (1..200).fold(json!([]), |inner, _| json!([inner]));
        assert_eq!(Value::from(&Json::from(deep.clone())), deep, "nothing is lost");
    }
}
