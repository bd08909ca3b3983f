//! Parts of an amount that add up to it.

use super::Decimal;
use crate::{Error, Result, Violations};

/// Weights whose sum has more digits cannot be multiplied and divided exactly.
const MAX_TOTAL: u128 = 1 << 120;

impl Decimal {
    /// Parts in proportion to the weights, with `digits` after the decimal point, that add up to
    /// this number: a price over the days of a month, a payment over invoices.
    ///
    /// Each part is its exact proportion, rounded down or up. The parts that would lose most by
    /// rounding down are rounded up; among equals, earlier parts first. The parts of a negative
    /// number are those of the positive number, negated.
    ///
    /// ```
    /// # use protean_port::message::Decimal;
    /// # fn main() -> protean_port::Result {
    /// let parts = Decimal::from(100).split([1, 1, 1], 2)?;
    /// assert_eq!(parts, [Decimal::new(3334, 2), Decimal::new(3333, 2), Decimal::new(3333, 2)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A violation if the number is inexact or has more digits after its decimal point, so that no
    /// parts can add up to it; or if a weight is negative or inexact, all weights are zero, or they
    /// have too many digits.
    pub fn split<W: Into<Self>>(
        self,
        weights: impl IntoIterator<Item = W>,
        digits: u32,
    ) -> Result<Vec<Self>> {
        let refused = |what: String| Error::invalid(Violations::of("split", what));
        let digits = digits.min(28);
        let units = self.units(digits).ok_or_else(|| {
            let cannot = match self.0.is_some_and(|number| number.normalize().scale() <= digits) {
                true => "has too many digits to be split",
                false => "cannot be split",
            };
            refused(format!(
                "{self} {cannot} into parts with {digits} digits after the decimal point"
            ))
        })?;
        let weights: Vec<Self> = weights.into_iter().map(Into::into).collect();
        let weights = whole_weights(&weights).ok_or_else(|| {
            refused("weights must be zero or more, not all zero, and exact".to_owned())
        })?;
        let parts = parts(units.unsigned_abs(), &weights);
        let signed = |part: u128| {
            let part = i128::try_from(part).ok()?;
            super::fitted(if units < 0 { -part } else { part }, digits)
        };
        parts
            .into_iter()
            .map(|part| {
                Ok(Self(Some(signed(part).ok_or_else(|| {
                    refused(format!(
                        "a part needs more than 28 digits, {digits} of them after the decimal point"
                    ))
                })?)))
            })
            .collect()
    }

    /// The number in units of `10^-digits`; `None` if that is not a whole number, or too large.
    fn units(self, digits: u32) -> Option<i128> {
        let number = self.0?.normalize();
        number.mantissa().checked_mul(10_i128.checked_pow(digits.checked_sub(number.scale())?)?)
    }
}

/// The weights as whole numbers in the same proportions.
fn whole_weights(weights: &[Decimal]) -> Option<Vec<u128>> {
    let scales = weights.iter().map(|weight| weight.0.map(|weight| weight.normalize().scale()));
    let scale = scales.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    let whole = weights.iter().map(|weight| u128::try_from(weight.units(scale)?).ok());
    let whole: Vec<u128> = whole.collect::<Option<_>>()?;
    let total = whole.iter().try_fold(0_u128, |sum, weight| sum.checked_add(*weight))?;
    (0 < total && total < MAX_TOTAL).then_some(whole)
}

/// Shares of `units`: rounded down, then one unit more each for those that lost most.
fn parts(units: u128, weights: &[u128]) -> Vec<u128> {
    let total = weights.iter().sum();
    let shares: Vec<(u128, u128)> =
        weights.iter().map(|weight| share(units, *weight, total)).collect();
    let mut parts: Vec<u128> = shares.iter().map(|(whole, _)| *whole).collect();
    let left = units - parts.iter().sum::<u128>();
    let mut by_loss: Vec<usize> = (0..parts.len()).collect();
    by_loss.sort_by_key(|index| std::cmp::Reverse(shares[*index].1));
    for index in by_loss.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        parts[index] += 1;
    }
    parts
}

/// `units * weight / total` with its remainder, digit by digit, so that no product has too many.
fn share(units: u128, weight: u128, total: u128) -> (u128, u128) {
    let (mut whole, mut rest) = (0, 0);
    for digit in units.to_string().bytes().map(|digit| u128::from(digit - b'0')) {
        rest = rest * 10 + digit * weight;
        whole = whole * 10 + rest / total;
        rest %= total;
    }
    (whole, rest)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::Decimal;
    use crate::message::Rounding;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn split(amount: &str, weights: &[i64]) -> String {
        let parts = number(amount).split(weights.iter().copied(), 2);
        let parts = parts.map(|parts| parts.iter().map(ToString::to_string).collect::<Vec<_>>());
        parts.map_or_else(|error| error.to_string(), |parts| parts.join(" "))
    }

    #[test]
    fn what_is_left_goes_to_those_that_lost_most() {
        assert_eq!(split("100", &[1, 1, 1]), "33.34 33.33 33.33");
        assert_eq!(split("-100", &[1, 1, 1]), "-33.34 -33.33 -33.33");
        assert_eq!(split("0.05", &[3, 7]), "0.02 0.03");
        assert_eq!(split("0.01", &[1, 0, 2]), "0.00 0.00 0.01");
        assert_eq!(split("29.90", &[17, 14]), "16.40 13.50");
        assert_eq!(split("0", &[1, 2]), "0.00 0.00");
    }

    #[test]
    fn what_cannot_be_split_says_why() {
        let weights = "split: weights must be zero or more, not all zero, and exact";
        for none in [&[][..], &[0, 0], &[2, -1]] {
            assert_eq!(split("1", none), weights);
        }
        let text = "split: 0.005 cannot be split into parts with 2 digits after the decimal point";
        assert_eq!(split("0.005", &[1, 1]), text);
        let text = "split: 100000000000000 has too many digits to be split into parts with 28 \
                    digits after the decimal point";
        assert_eq!(number("1e14").split([1, 1], 28).unwrap_err().to_string(), text);
        let largest = Decimal::from(rust_decimal::Decimal::MAX);
        assert!((largest + largest).split([1], 0).is_err());
        assert!(largest.split([largest + largest], 0).is_err());
        assert_eq!(largest.split([largest, largest], 0).unwrap().iter().sum::<Decimal>(), largest);
    }

    proptest! {
        /// A price, over the days of a month or any other weights.
        #[test]
        fn parts_add_up_and_are_near_their_proportion(
            cents in any::<i64>(), weights in vec((0_u32.., 0_u32..=6), 1..=31), digits in 2_u32..=4,
        ) {
            let price = Decimal::new(cents, 2);
            let weights: Vec<Decimal> =
                weights.iter().map(|(units, scale)| Decimal::new((*units).into(), *scale)).collect();
            let total: Decimal = weights.iter().sum();
            let Ok(parts) = price.split(&weights, digits) else {
                prop_assert_eq!(total, 0);
                return Ok(());
            };
            prop_assert_eq!(parts.iter().sum::<Decimal>(), price);
            let unit = Decimal::new(1, digits);
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = (price * *weight).checked_div(total, 10, Rounding::HalfEven);
                let Some(exact) = exact.filter(|exact| exact.is_exact()) else { continue };
                prop_assert!((*part - exact).abs() < unit + Decimal::new(1, 9));
                prop_assert!(*weight != 0 || *part == 0);
                prop_assert_eq!(part.scale(), digits);
            }
        }

        #[test]
        fn a_price_over_the_days_of_a_month_adds_up_to_the_cent(
            cents in 0_i64..10_000_000_000, days in 28_u32..=31, used in 0_u32..=31,
        ) {
            let (price, used) = (Decimal::new(cents, 2), used.min(days));
            let parts = price.split([used, days - used], 2).unwrap();
            prop_assert_eq!(parts[0] + parts[1], price);
            let daily = price.split(vec![1; days as usize], 2).unwrap();
            prop_assert_eq!(daily.iter().sum::<Decimal>(), price);
            let (most, least) = (daily.iter().max().unwrap(), daily.iter().min().unwrap());
            prop_assert!(*most - *least <= Decimal::new(1, 2));
        }
    }
}
