//! Division, remainder and rounding, on whole numbers.

use super::rounding::{Quotient, Rounding};
use super::{Decimal, fitted};

impl Decimal {
    /// The quotient with `digits` after the decimal point. By zero, or with more than 28 digits, it
    /// is [inexact](Self::is_exact).
    ///
    /// ```
    /// # use protean_port::message::{Decimal, Rounding};
    /// let (ten, three) = (Decimal::from(10), Decimal::from(3));
    /// assert_eq!(ten.divide(three, 2, Rounding::HalfEven).to_string(), "3.33");
    /// assert!(!ten.divide(0.into(), 2, Rounding::HalfEven).is_exact());
    /// ```
    #[must_use]
    pub fn divide(self, divisor: Self, digits: u32, rounding: Rounding) -> Self {
        self.checked_div(divisor, digits, rounding).unwrap_or(Self(None))
    }

    /// The quotient with `digits` after the decimal point, 28 at most; `None` by zero, or when it
    /// needs more than 28 digits.
    pub fn checked_div(self, divisor: Self, digits: u32, rounding: Rounding) -> Option<Self> {
        let (left, right) = (self.0?, divisor.0?);
        let digits = digits.min(28);
        let is_negative = left.is_sign_negative() != right.is_sign_negative();
        let (dividend, divisor) = (units(left), units(right));
        // Whole numbers are divided, so the digits that are wanted are put before their point.
        let (places, excess) = (digits + right.scale(), left.scale());
        let divisor = shifted(divisor, excess.saturating_sub(places));
        let (units, remainder, zeros) =
            long_division(dividend, divisor, places.saturating_sub(excess))?;
        let units = Quotient { units, remainder, divisor, is_negative }.rounded(rounding)?;
        fitted(units, digits.checked_sub(zeros)?).map(|quotient| Self(Some(quotient)))
    }

    /// The remainder of the division, with the sign of this number; `None` for a divisor of zero,
    /// for which the operator `%` gives an inexact number.
    pub fn checked_rem(self, divisor: Self) -> Option<Self> {
        let (left, right) = (self.0?, divisor.0?);
        let scale = left.scale().max(right.scale());
        let divisor = shifted(units(right), scale - right.scale());
        let mut rest = units(left).checked_rem(divisor)?;
        for _ in left.scale()..scale {
            rest = rest * 10 % divisor;
        }
        let rest = i128::try_from(rest).ok()?;
        let rest = if left.is_sign_negative() { -rest } else { rest };
        fitted(rest, scale).map(|rest| Self(Some(rest)))
    }

    /// Rounds to `digits` after the decimal point, halves away from zero.
    #[must_use]
    pub fn round(self, digits: u32) -> Self {
        self.round_to(digits, Rounding::HalfUp)
    }

    /// Rounds to `digits` after the decimal point. A number with fewer stays as it is.
    #[must_use]
    pub fn round_to(self, digits: u32, rounding: Rounding) -> Self {
        match self.scale() <= digits {
            true => self,
            false => self.divide(1.into(), digits, rounding),
        }
    }
}

/// The digits as a whole number of at most 96 bits.
fn units(number: rust_decimal::Decimal) -> u128 {
    number.mantissa().unsigned_abs()
}

/// `divisor` with so many zeros more. One that has no place stands for any that is far larger than
/// what is divided.
fn shifted(divisor: u128, zeros: u32) -> u128 {
    divisor.saturating_mul(10_u128.saturating_pow(zeros))
}

/// The quotient of whole numbers with so many digits more, the remainder, and how many zeros have no
/// place at the end of an exact quotient.
fn long_division(dividend: u128, divisor: u128, digits: u32) -> Option<(u128, u128, u32)> {
    let (mut units, mut rest) = (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?);
    for zeros in (1..=digits).rev() {
        rest *= 10;
        let longer = units.checked_mul(10).and_then(|units| units.checked_add(rest / divisor));
        match longer.filter(|longer| *longer <= i128::MAX.unsigned_abs()) {
            Some(longer) => units = longer,
            None if rest == 0 => return Some((units, 0, zeros)),
            None => return None,
        }
        rest %= divisor;
    }
    Some((units, rest, 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{Decimal, Rounding};

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn each_rounding_does_as_it_says() {
        use Rounding::{Ceiling, Down, Floor, HalfDown, HalfEven, HalfUp, Up};
        for (rounding, expected) in [
            (HalfUp, "3 2 2 1 -1 -2 -3"),
            (HalfDown, "2 2 1 1 -1 -1 -2"),
            (HalfEven, "2 2 2 1 -1 -2 -2"),
            (Up, "3 2 2 2 -2 -2 -3"),
            (Down, "2 1 1 1 -1 -1 -2"),
            (Ceiling, "3 2 2 2 -1 -1 -2"),
            (Floor, "2 1 1 1 -2 -2 -3"),
        ] {
            let numbers = ["2.5", "1.6", "1.5", "1.1", "-1.1", "-1.5", "-2.5"].map(number);
            let rounded = numbers.map(|number| number.round_to(0, rounding).to_string());
            assert_eq!(rounded.join(" "), expected, "{rounding:?}");
            let halves = numbers.map(|number| (number * 2.into()).divide(2.into(), 0, rounding));
            assert_eq!(halves.map(|half| half.to_string()).join(" "), expected, "{rounding:?}");
        }
    }

    #[test]
    fn what_has_no_quotient_is_none_and_ends_nothing() {
        let (largest, tiny) = (number("79228162514264337593543950335"), number("1e-28"));
        let div = |a: Decimal, b: Decimal, digits| a.checked_div(b, digits, Rounding::HalfEven);
        assert_eq!(div(largest, Decimal::ZERO, 2), None);
        assert_eq!(div(largest, tiny, 0), None);
        assert_eq!(div(100.into(), 3.into(), 28), None, "30 digits");
        assert_eq!(div(1.into(), 3.into(), 28), Some(number(&format!("0.{}", "3".repeat(28)))));
        assert_eq!(div(largest, largest, u32::MAX), Some(1.into()));
        assert_eq!(div(tiny, largest, 28), Some(Decimal::ZERO));
        assert_eq!(tiny.divide(largest, 28, Rounding::Up), tiny);
        assert_eq!(largest.checked_rem(Decimal::ZERO), None);
        assert!(!(largest % Decimal::ZERO).is_exact());
        assert_eq!(largest % tiny, 0);
        assert_eq!(tiny % largest, tiny);
        assert_eq!((number("-7.5") % 2.into()).to_string(), "-1.5");
    }

    #[test]
    fn a_quotient_without_a_remainder_needs_no_more_digits() {
        let exactly = |a: &str, b: &str, digits, quotient: &str| {
            let found = number(a).checked_div(number(b), digits, Rounding::HalfEven);
            assert_eq!(found, Some(number(quotient)), "{a} / {b}");
        };
        exactly("1e11", "1", 28, "1e11");
        exactly("-2e11", "1", 28, "-2e11");
        exactly("79228162514264337593543950335", "1", 28, "79228162514264337593543950335");
        exactly("1e12", "0.5", 28, "2e12");
        exactly("5", "4", 28, "1.25");
        let two = number("10").divide(number("4"), 2, Rounding::HalfEven);
        assert_eq!(two.to_string(), "2.50", "as many digits as were asked for");
        assert_eq!(number("1e28").checked_div(number("1e-28"), 28, Rounding::HalfEven), None);
    }

    proptest! {
        #[test]
        fn quotient_and_remainder_make_the_number(
            left in any::<i64>(), right in any::<i32>(), scales in (0_u32..=6, 0_u32..=6),
        ) {
            let (a, b) = (Decimal::new(left, scales.0), Decimal::new(right.into(), scales.1));
            let Some(rest) = a.checked_rem(b) else {
                prop_assert_eq!(right, 0);
                return Ok(());
            };
            prop_assert!(rest.abs() < b.abs());
            prop_assert_eq!(a.divide(b, 0, Rounding::Down) * b + rest, a);
        }

        /// The quotient is off by half a unit of its last digit at most.
        #[test]
        fn a_quotient_is_the_nearest_there_is(
            left in any::<i32>(), right in 1_i32.., digits in 0_u32..=6,
        ) {
            let (a, b) = (Decimal::from(left), Decimal::from(right));
            let off = a.divide(b, digits, Rounding::HalfEven) * b - a;
            prop_assert!(off.abs() * 2.into() <= b * Decimal::new(1, digits));
        }
    }
}
