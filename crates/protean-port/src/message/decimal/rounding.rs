//! How to round.

/// How to round digits that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To the nearest, halves away from zero: 0.5 becomes 1, -0.5 becomes -1.
    HalfUp,
    /// To the nearest, halves towards zero: 0.5 becomes 0.
    HalfDown,
    /// To the nearest, halves to the even digit, as banks do: 0.5 becomes 0, 1.5 becomes 2.
    HalfEven,
    /// Away from zero.
    Up,
    /// Towards zero: the digits are cut off.
    Down,
    /// Up the number line: -0.5 becomes 0.
    Ceiling,
    /// Down the number line: -0.5 becomes -1.
    Floor,
}

/// What division of whole numbers gives, without their signs.
pub(super) struct Quotient {
    pub(super) units: u128,
    pub(super) remainder: u128,
    pub(super) divisor: u128,
    pub(super) is_negative: bool,
}

impl Quotient {
    /// The whole number that the rounding makes of it; `None` when it is too large.
    pub(super) fn rounded(&self, rounding: Rounding) -> Option<i128> {
        let units = match self.grows(rounding) {
            true => self.units.checked_add(1)?,
            false => self.units,
        };
        let units = i128::try_from(units).ok()?;
        Some(if self.is_negative { -units } else { units })
    }

    fn grows(&self, rounding: Rounding) -> bool {
        if self.remainder == 0 {
            return false;
        }
        // The remainder is less than the divisor, so this compares it with a half of it.
        let half = self.remainder.cmp(&(self.divisor - self.remainder));
        match rounding {
            Rounding::HalfUp => half.is_ge(),
            Rounding::HalfDown => half.is_gt(),
            Rounding::HalfEven => half.is_gt() || (half.is_eq() && self.units % 2 == 1),
            Rounding::Up => true,
            Rounding::Down => false,
            Rounding::Ceiling => !self.is_negative,
            Rounding::Floor => self.is_negative,
        }
    }
}
