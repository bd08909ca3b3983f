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
    assert_eq!(serde_json::from_str::<Decimal>(long).unwrap(), long.parse::<Decimal>().unwrap());
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

#[test]
fn a_number_that_a_value_has_rounded_is_refused() {
    for number in ["12345678901234567890.12", "0.1234567890123456", "1e20"] {
        let json = format!("{{\"amount\":{number},\"discounts\":[]}}");
        let exact = number.parse::<Decimal>().unwrap();
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap().amount, exact);
        assert_eq!(serde_json::from_slice::<Money>(json.as_bytes()).unwrap().amount, exact);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        for refused in [
            Money::deserialize(&value).unwrap_err(),
            serde_json::from_value::<Money>(value).unwrap_err(),
            serde_json::from_reader::<_, Money>(json.as_bytes()).unwrap_err(),
        ] {
            assert!(refused.to_string().contains("may have been rounded"), "{refused}");
        }
    }
    for number in ["123456789012345", "9223372036854775807", "18446744073709551615", "-6.5"] {
        let exact = number.parse::<Decimal>().unwrap();
        let value: serde_json::Value = serde_json::from_str(number).unwrap();
        assert_eq!(serde_json::from_value::<Decimal>(value).unwrap(), exact);
        assert_eq!(serde_json::from_reader::<_, Decimal>(number.as_bytes()).unwrap(), exact);
    }
    let text = "\"12345678901234567890.12\"";
    assert!(serde_json::from_reader::<_, Decimal>(text.as_bytes()).is_ok());
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
