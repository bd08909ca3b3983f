//! Decimals in JSON: a number if every program reads all of its digits, otherwise a string.

use std::fmt;

use serde::de::{self, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::value::RawValue;

use super::Decimal;
use super::convert::Inexact;
use crate::message::raw;

/// Numbers of at most this many digits survive as an `f64`.
const DIGITS_OF_F64: usize = 15;

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
    is_whole || number.mantissa().unsigned_abs() < 10_u128.pow(15)
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
        text.trim_matches('"').parse().map_err(de::Error::custom)
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

    /// Accepts a number only if it cannot have been rounded when it was read.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
        let text = number.to_string();
        let digits = text.trim_start_matches(['-', '0', '.']).replace('.', "");
        match number.abs() < 1e15 && digits.len() <= DIGITS_OF_F64 {
            true => self.visit_str(&text),
            false => Err(E::custom(format!(
                "{number} has more than {DIGITS_OF_F64} digits, and may have been rounded when it was \
                 read: write it as a string"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{ProptestConfig, any};
    use proptest::{prop_assert_eq, proptest};
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};

    use super::Decimal;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Money {
        amount: Decimal,
        discounts: Vec<Option<Decimal>>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        id: u64,
        #[serde(flatten)]
        money: Money,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Paid(Money),
        Refunded { amount: Decimal, flat: Flat },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum Adjacent {
        Paid(Money),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Named { amount: Decimal, by: String },
        Plain(Money),
    }

    fn returns<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
        let json = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(&serde_json::from_value::<T>(found.clone()).unwrap(), value, "{json}");
        assert_eq!(&T::deserialize(&found).unwrap(), value, "{json}");
        let made = serde_json::to_value(value).unwrap();
        assert_eq!(&serde_json::from_value::<T>(made).unwrap(), value, "{json}");
    }

    fn returns_in_every_form(amount: Decimal) {
        let money = || Money { amount, discounts: vec![Some(amount), None] };
        let flat = || Flat { id: u64::MAX, money: money() };
        returns(&money());
        returns(&flat());
        returns(&Tagged::Paid(money()));
        returns(&Tagged::Refunded { amount, flat: flat() });
        returns(&Adjacent::Paid(money()));
        returns(&Untagged::Named { amount, by: "Ada".into() });
        returns(&Untagged::Plain(money()));
        returns(&BTreeMap::from([("a", amount)].map(|(name, amount)| (name.to_owned(), amount))));
    }

    #[test]
    fn is_a_number_that_every_program_reads_or_else_a_text() {
        for (number, json) in [
            ("6.50", "6.50"),
            ("-123456789012345", "-123456789012345"),
            ("9223372036854775807", "9223372036854775807"),
            ("12345678901234567890.12", "\"12345678901234567890.12\""),
            ("0.1234567890123456", "\"0.1234567890123456\""),
        ] {
            let number: Decimal = number.parse().unwrap();
            assert_eq!(serde_json::to_string(&number).unwrap(), json);
            returns_in_every_form(number);
        }
    }

    #[test]
    fn reads_the_number_forms_of_other_writers() {
        for text in ["9.99", "\"9.99\"", "999e-2", "9.990"] {
            assert_eq!(serde_json::from_str::<Decimal>(text).unwrap(), Decimal::new(999, 2));
        }
        let long = "12345678901234567890.12";
        assert_eq!(
            serde_json::from_str::<Decimal>(long).unwrap(),
            long.parse::<Decimal>().unwrap()
        );
        for text in [
            "true",
            "1_000",
            "\"\"",
            "\".\"",
            "\"1e\"",
            "\"NaN\"",
            "\" 1\"",
            "null",
            "[1]",
            "{\"a\": 1}",
        ] {
            assert!(serde_json::from_str::<Decimal>(text).is_err(), "{text}");
            let flat = format!("{{\"id\": 1, \"amount\": {text}, \"discounts\": []}}");
            assert!(serde_json::from_str::<Flat>(&flat).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_that_was_rounded_on_its_way_is_refused() {
        for number in ["12345678901234567890.12", "0.1234567890123456", "1e20"] {
            let json = format!("{{\"id\": 1, \"amount\": {number}, \"discounts\": []}}");
            let refused = serde_json::from_str::<Flat>(&json).unwrap_err().to_string();
            assert!(refused.contains("may have been rounded when it was read"), "{refused}");
            let json = json.replace(number, &format!("\"{number}\""));
            let read = serde_json::from_str::<Flat>(&json).unwrap();
            assert_eq!(read.money.amount, number.parse::<Decimal>().unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn every_digit_survives_json(
            high in any::<u32>(), low in any::<u64>(), negative in any::<bool>(), scale in 0_u32..=28,
        ) {
            let units = (i128::from(high) << 64) | i128::from(low);
            for units in [units, units >> 48] {
                let units = if negative { -units } else { units };
                let number = rust_decimal::Decimal::from_i128_with_scale(units, scale).into();
                returns_in_every_form(number);
                let json = serde_json::to_string(&number).unwrap();
                let read = serde_json::from_str::<Decimal>(&json).unwrap();
                prop_assert_eq!(read.to_string(), number.to_string());
            }
        }
    }
}
