//! The options of a field.

use std::fmt;

/// What a field's values must satisfy. Built in a constant:
///
/// ```
/// # use protean_core::model::Rules;
/// const TITLE: Rules = Rules::named("title").max_length(200);
/// assert_eq!(TITLE.max_length, Some(200));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The name of the field, as violations give it.
    pub name: &'static str,
    /// The most Unicode scalars a text may have, or elements a list.
    pub max_length: Option<usize>,
    /// The fewest Unicode scalars a text may have, or elements a list.
    pub min_length: Option<usize>,
    /// Refuses text that is empty or only spaces. By default text may be empty.
    pub refuses_blank: bool,
    /// The maximum number of digits of a decimal number, including those after the decimal point.
    pub precision: Option<u32>,
    /// The maximum number of digits after the decimal point.
    pub scale: Option<u32>,
    /// The smallest number it may hold.
    pub min_value: Option<Bound>,
    /// The greatest number it may hold.
    pub max_value: Option<Bound>,
    /// The only texts allowed; all when empty.
    pub choices: &'static [&'static str],
    /// The field names the instance.
    pub identifier: bool,
    /// No two rows may hold the same value.
    pub unique: bool,
}

/// A limit for numbers, as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A bound without a fraction.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
        }
    }
}

impl Rules {
    /// A field that takes every value of its type.
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            max_length: None,
            min_length: None,
            refuses_blank: false,
            precision: None,
            scale: None,
            min_value: None,
            max_value: None,
            choices: &[],
            identifier: false,
            unique: false,
        }
    }

    /// True when there is any rule for a field of this name.
    pub fn has_any(&self) -> bool {
        *self != Self::named(self.name)
    }

    /// At most this many Unicode scalars or elements.
    #[must_use]
    pub const fn max_length(mut self, scalars: usize) -> Self {
        self.max_length = Some(scalars);
        self
    }

    /// At least this many Unicode scalars or elements.
    #[must_use]
    pub const fn min_length(mut self, scalars: usize) -> Self {
        self.min_length = Some(scalars);
        self
    }

    /// Whether text may be empty or only spaces.
    #[must_use]
    pub const fn blank(mut self, allowed: bool) -> Self {
        self.refuses_blank = !allowed;
        self
    }

    /// At most this many digits, including those after the decimal point.
    #[must_use]
    pub const fn precision(mut self, digits: u32) -> Self {
        self.precision = Some(digits);
        self
    }

    /// At most this many digits after the decimal point.
    #[must_use]
    pub const fn scale(mut self, digits: u32) -> Self {
        self.scale = Some(digits);
        self
    }

    /// At least this number.
    #[must_use]
    pub const fn min_value(mut self, bound: Bound) -> Self {
        self.min_value = Some(bound);
        self
    }

    /// At most this number.
    #[must_use]
    pub const fn max_value(mut self, bound: Bound) -> Self {
        self.max_value = Some(bound);
        self
    }

    /// One of these texts.
    #[must_use]
    pub const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    /// Names the instance.
    #[must_use]
    pub const fn identifier(mut self) -> Self {
        self.identifier = true;
        self
    }

    /// No two rows may hold the same value.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }
}
