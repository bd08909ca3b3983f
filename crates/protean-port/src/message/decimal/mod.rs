//! Exact decimal numbers.

mod convert;
mod division;
mod json;
mod operators;
mod rounding;
mod split;

use std::fmt;
use std::str::FromStr;

pub use convert::Inexact;
pub use rounding::Rounding;

/// An exact decimal number of up to 28 digits.
///
/// ```
/// # use protean_port::message::Decimal;
/// let balance: Decimal = "0.1".parse().unwrap();
/// assert_eq!((balance + "0.2".parse().unwrap()).to_string(), "0.3");
/// assert!(balance > 0);
/// ```
///
/// A calculation whose result needs more digits does not panic and does not round: its result is
/// [inexact](Self::is_exact), less than every number, and so is all that is calculated from it. A
/// field that holds it breaks a rule, so it is never recorded.
///
/// ```
/// # use protean_port::message::Decimal;
/// let large: Decimal = "9999999999999999999999999999".parse().unwrap();
/// let cent = Decimal::new(1, 2);
/// assert!(!(large + cent).is_exact());
/// assert!(large.checked_add(cent).is_none());
/// ```
///
/// There is no `/`, which would round silently: [`divide`](Self::divide) takes the number of digits
/// and a [`Rounding`], and [`split`](Self::split) returns parts that add up.
///
/// ```compile_fail
/// # use protean_port::message::Decimal;
/// let share = Decimal::from(10) / Decimal::from(3);
/// ```
///
/// In JSON it is a number. If it has more digits than a floating-point number can hold, it is a
/// string, such as `"12345678901234567890.12"`, so that it also survives `serde_json::Value`,
/// `#[serde(flatten)]` and tagged enums. Both forms are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(Option<rust_decimal::Decimal>);

impl Decimal {
    /// The number zero.
    pub const ZERO: Self = Self(Some(rust_decimal::Decimal::ZERO));

    /// `units` divided by ten to the `scale`, of 28 at most: `new(645_000, 2)` is 6450.00.
    pub fn new(units: i64, scale: u32) -> Self {
        Self(Some(rust_decimal::Decimal::new(units, scale.min(28))))
    }

    /// False for the result of a calculation that needs more than 28 digits.
    pub const fn is_exact(self) -> bool {
        self.0.is_some()
    }

    /// The sum; `None` when it needs more than 28 digits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (left, right) = (self.0?, other.0?);
        let sum = left.checked_add(right)?;
        // Digits that did not fit are rounded away, so taking one back does not give the other.
        let is_exact = sum.checked_sub(left) == Some(right) && sum.checked_sub(right) == Some(left);
        is_exact.then_some(Self(Some(sum)))
    }

    /// The difference; `None` when it needs more than 28 digits.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(-other)
    }

    /// The product; `None` when it needs more than 28 digits, or 28 after the decimal point.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let (left, right) = (self.0?, other.0?);
        // As many digits after the point as both have together, unless they do not fit.
        let product = exact_product(left, right);
        let product = product.or_else(|| exact_product(left.normalize(), right.normalize()));
        product.map(|product| Self(Some(product)))
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.map(|number| number.abs()))
    }

    /// How many digits it has after the decimal point: 2 for 6.50.
    pub fn scale(self) -> u32 {
        self.0.map_or(0, |number| number.scale())
    }

    /// The nearest `f64`, for statistics and display; `NAN` when it is inexact.
    pub fn to_f64(self) -> f64 {
        use rust_decimal::prelude::ToPrimitive;

        self.0.and_then(|number| number.to_f64()).unwrap_or(f64::NAN)
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Decimal").field(&format_args!("{self}")).finish()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => number.fmt(f),
            None => f.pad("inexact"),
        }
    }
}

impl FromStr for Decimal {
    type Err = String;

    /// Takes digits with a decimal point and an exponent, such as `-12.50` and `999e-2`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = exact(text).ok_or_else(|| match is_number(text) {
            true => format!("'{text}' has more digits than a decimal number holds, which is 28"),
            false => format!("'{text}' is not a decimal number"),
        })?;
        Ok(Self(Some(number)))
    }
}

fn exact_product(
    left: rust_decimal::Decimal,
    right: rust_decimal::Decimal,
) -> Option<rust_decimal::Decimal> {
    fitted(left.mantissa().checked_mul(right.mantissa())?, left.scale() + right.scale())
}

/// `units` divided by ten to the `scale`, without the zeros at its end that do not fit.
fn fitted(mut units: i128, mut scale: u32) -> Option<rust_decimal::Decimal> {
    loop {
        match rust_decimal::Decimal::try_from_i128_with_scale(units, scale) {
            Ok(product) => return Some(product),
            Err(_) if scale > 0 && units % 10 == 0 => (units, scale) = (units / 10, scale - 1),
            Err(_) => return None,
        }
    }
}

/// The number that a text means, unless it is none or has too many digits.
fn exact(text: &str) -> Option<rust_decimal::Decimal> {
    if !is_number(text) {
        return None;
    }
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return rust_decimal::Decimal::from_str_exact(text).ok();
    };
    let number = rust_decimal::Decimal::from_str_exact(digits).ok()?.normalize();
    let mut units = number.mantissa();
    let scale = i64::from(number.scale()).checked_sub(exponent.parse::<i64>().ok()?)?;
    if units == 0 {
        return Some(rust_decimal::Decimal::ZERO);
    }
    // What is before the point is part of the units.
    for _ in scale..0 {
        units = units.checked_mul(10)?;
    }
    rust_decimal::Decimal::try_from_i128_with_scale(units, u32::try_from(scale.max(0)).ok()?).ok()
}

/// True for digits with a sign, a decimal point and an exponent, each of which may be missing.
fn is_number(text: &str) -> bool {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let unsigned = |text: &str| text.strip_prefix(['-', '+']).unwrap_or(text).to_owned();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (number, exponent) = (unsigned(number), unsigned(exponent));
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let is_digits = |text: &str| !text.is_empty() && digits(text);
    is_digits(&format!("{whole}{fraction}")) && is_digits(&exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any};
    use proptest::{prop_assert_eq, proptest};

    use super::Decimal;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_text_with_more_digits_than_there_are_is_refused_and_never_rounded() {
        for text in [
            "12345678901234567890123456789012345",
            "0.12345678901234567890123456789",
            "1e-29",
            "1e29",
            "1e99999999999",
        ] {
            let refused = text.parse::<Decimal>().unwrap_err();
            let expected =
                format!("'{text}' has more digits than a decimal number holds, which is 28");
            assert_eq!(refused, expected);
        }
        assert_eq!(number("1.20e3"), 1200);
        assert_eq!(number("-5E-28").to_string(), format!("-0.{}5", "0".repeat(27)));
        assert_eq!(number("0e9999"), 0);
    }

    #[test]
    fn a_calculation_that_needs_more_digits_gives_an_inexact_number() {
        let (nines, cent) = (number("9999999999999999999999999999"), Decimal::new(1, 2));
        let largest = number("79228162514264337593543950335");
        let tiny = number("1e-28");
        for result in [
            nines + cent,
            nines - cent,
            largest + cent,
            largest + 1.into(),
            largest + largest,
            -largest - largest,
            largest * 2.into(),
            tiny * Decimal::new(5, 1),
            tiny * tiny,
            [largest, largest, -largest].into_iter().sum(),
        ] {
            assert!(!result.is_exact(), "{result}");
            assert!(!(result - result).is_exact());
            assert!(result < Decimal::ZERO && serde_json::to_string(&result).is_err());
        }
        assert_eq!(nines + 1.into(), number("1e28"));
        assert_eq!(number("0.5") * number("2e28"), number("1e28"));
        assert_eq!(tiny * 10.into(), number("1e-27"));
        assert_eq!((number("6.50") * 2.into()).to_string(), "13.00");
        assert!("1e-9223372036854775808".parse::<Decimal>().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Compared with whole numbers of the smallest unit that either has.
        #[test]
        fn calculates_exactly_or_not_at_all(
            left in any::<i64>(), right in any::<i64>(), scales in (0_u32..=28, 0_u32..=28),
        ) {
            let (a, b) = (Decimal::new(left, scales.0), Decimal::new(right, scales.1));
            let scale = scales.0.max(scales.1);
            let units = |units: i64, from: u32| i128::from(units).checked_mul(10_i128.checked_pow(scale - from)?);
            let both = units(left, scales.0).zip(units(right, scales.1));
            let exact = |units: i128| units.unsigned_abs() < 1 << 96;
            let text = |units: i128| format!("{units}e-{scale}").parse::<Decimal>().unwrap();
            if let Some((left, right)) = both && exact(left + right) && exact(left - right) {
                prop_assert_eq!(a + b, text(left + right));
                prop_assert_eq!(a - b, text(left - right));
            }
            if let Some(sum) = a.checked_add(b) {
                prop_assert_eq!(sum.checked_sub(b), Some(a));
            }
            let product = i128::from(left) * i128::from(right);
            if exact(product) && scales.0 + scales.1 <= 28 {
                let expected = format!("{product}e-{}", scales.0 + scales.1);
                prop_assert_eq!(a * b, expected.parse::<Decimal>().unwrap());
            }
        }
    }
}
