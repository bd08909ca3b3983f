//! Decimal numbers from and to other numbers.

use std::fmt;

use super::Decimal;

/// The error for a number that is not exact: see [`Decimal::is_exact`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inexact;

impl fmt::Display for Inexact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the result of a calculation needs more than 28 digits")
    }
}

impl std::error::Error for Inexact {}

macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        impl From<$type> for Decimal {
            fn from(number: $type) -> Self {
                Self(Some(number.into()))
            }
        }
    )*};
}
whole_numbers!(i8, i16, i32, i64, u8, u16, u32, u64, usize);

impl From<&Self> for Decimal {
    fn from(number: &Self) -> Self {
        *number
    }
}

impl From<rust_decimal::Decimal> for Decimal {
    fn from(number: rust_decimal::Decimal) -> Self {
        Self(Some(number))
    }
}

impl TryFrom<Decimal> for rust_decimal::Decimal {
    type Error = Inexact;

    fn try_from(number: Decimal) -> Result<Self, Inexact> {
        number.0.ok_or(Inexact)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decimal, Inexact};

    #[test]
    fn a_number_of_rust_decimal_is_the_same_number() {
        let price = rust_decimal::Decimal::new(650, 2);
        assert_eq!(Decimal::from(price).to_string(), "6.50");
        assert_eq!(rust_decimal::Decimal::try_from(Decimal::from(price)), Ok(price));
        let largest = Decimal::from(rust_decimal::Decimal::MAX);
        assert_eq!(rust_decimal::Decimal::try_from(largest + largest), Err(Inexact));
    }

    #[test]
    fn whole_numbers_are_numbers() {
        assert_eq!(Decimal::from(u64::MAX).to_string(), u64::MAX.to_string());
        assert_eq!([1_u8.into(), Decimal::from(2_usize), 3_i16.into()].iter().sum::<Decimal>(), 6);
    }
}
