//! Exact decimal numbers.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// An exact decimal number of up to 28 digits. In JSON it is a number that is never rounded.
///
/// ```
/// # use protean_port::message::Decimal;
/// let balance: Decimal = "0.1".parse().unwrap();
/// assert_eq!((balance + "0.2".parse().unwrap()).to_string(), "0.3");
/// assert!(balance > 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(rust_decimal::Decimal);

impl Decimal {
    /// The number zero.
    pub const ZERO: Self = Self(rust_decimal::Decimal::ZERO);

    /// `units` divided by ten to the `scale`: `new(645_000, 2)` is 6450.00.
    pub fn new(units: i64, scale: u32) -> Self {
        Self(rust_decimal::Decimal::new(units, scale.min(28)))
    }

    /// The sum; `None` when it needs more than 28 digits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Rounds to `digits` after the decimal point, halves away from zero.
    pub fn round(self, digits: u32) -> Self {
        let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
        Self(self.0.round_dp_with_strategy(digits, strategy))
    }

    /// The nearest `f64`, for statistics and display.
    pub fn to_f64(self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let exact = rust_decimal::Decimal::from_str_exact(text);
        exact
            .or_else(|_| rust_decimal::Decimal::from_scientific(text))
            .map(Self)
            .map_err(|_| format!("'{text}' is not a decimal number of up to 28 digits"))
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident),*) => {$(
        impl $trait for Decimal {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                Self(self.0.$method(other.0))
            }
        }
    )*};
}
operators!(Add add, Sub sub, Mul mul);

impl AddAssign for Decimal {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Decimal {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for Decimal {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, Add::add)
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self(number.into())
    }
}

impl PartialEq<i64> for Decimal {
    fn eq(&self, other: &i64) -> bool {
        self.0 == rust_decimal::Decimal::from(*other)
    }
}

impl PartialOrd<i64> for Decimal {
    fn partial_cmp(&self, other: &i64) -> Option<std::cmp::Ordering> {
        self.0.partial_cmp(&rust_decimal::Decimal::from(*other))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    /// Parses the text of the number, so that no digit passes through an `f64`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().trim_matches('"').parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any};
    use proptest::{prop_assert_eq, proptest};

    use super::Decimal;

    #[test]
    fn is_a_json_number_with_every_digit() {
        let amount: Decimal = "12345678901234567890.12".parse().unwrap();
        let json = serde_json::to_string(&amount).unwrap();
        assert_eq!(json, "12345678901234567890.12");
        assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), amount);
    }

    #[test]
    fn reads_the_number_forms_of_other_writers() {
        for text in ["9.99", "\"9.99\"", "999e-2", "9.990"] {
            assert_eq!(serde_json::from_str::<Decimal>(text).unwrap(), Decimal::new(999, 2));
        }
        assert!(serde_json::from_str::<Decimal>("true").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn survives_json(units in any::<i64>(), scale in 0_u32..=28) {
            let number = Decimal::new(units, scale);
            let json = serde_json::to_string(&number).unwrap();
            prop_assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), number);
        }
    }
}
