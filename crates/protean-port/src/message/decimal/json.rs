//! Decimals in JSON: a number if every program reads all of its digits, otherwise a string.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::value::RawValue;

use super::Decimal;
use super::convert::Inexact;
use crate::message::raw;

/// Numbers of at most this many digits survive as an `f64`.
const DIGITS_OF_F64: u32 = 15;

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = self.0.ok_or_else(|| ser::Error::custom(Inexact))?;
        if !is_read_by_all(&number) {
            return serializer.collect_str(&number);
        }
        RawValue::from_string(number.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// True when a program that reads numbers as `f64`, or integers as `i64`, reads this number
/// exactly. Buffered JSON is read that way: `serde_json::Value`, `#[serde(flatten)]`, tagged enums.
fn is_read_by_all(number: &rust_decimal::Decimal) -> bool {
    let is_whole = number.scale() == 0 && i64::try_from(number.mantissa()).is_ok();
    is_whole || is_kept_by_f64(number)
}

fn is_kept_by_f64(number: &rust_decimal::Decimal) -> bool {
    number.mantissa().unsigned_abs() < 10_u128.pow(DIGITS_OF_F64)
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        raw::deserialize(deserializer, Number)
    }
}

struct Number;

impl<'de> Visitor<'de> for Number {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number, as a number or a string")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Decimal, A::Error> {
        let text = raw::text(&mut map)?;
        let text = text.map_err(|_| de::Error::invalid_type(Unexpected::Map, &self))?;
        match &text {
            // As a `Value` has it, which keeps whole numbers of 64 bits.
            Cow::Owned(number) if !number.starts_with('"') && !is_whole(number) => {
                unrounded(number)
            }
            text => self.visit_str(text.trim_matches('"')),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Decimal, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
        Ok(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
        unrounded(&number.to_string())
    }
}

/// True for an integer that a `Value` keeps as it is.
fn is_whole(number: &str) -> bool {
    number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok()
}

/// Accepts a number that may have been an `f64` only if it cannot have been rounded.
fn unrounded<E: de::Error>(text: &str) -> Result<Decimal, E> {
    let number: Decimal = text.parse().map_err(E::custom)?;
    match number.0.is_some_and(|number| is_kept_by_f64(&number.normalize())) {
        true => Ok(number),
        false => Err(E::custom(format!(
            "{text} has more than {DIGITS_OF_F64} digits, and may have been rounded when it was \
             read: write it as a string"
        ))),
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
