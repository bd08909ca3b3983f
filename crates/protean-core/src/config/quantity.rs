//! Numbers and durations, each with the range it may take.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::document::Value;
use super::section::Section;

/// Any count, none included.
pub(super) const ANY: RangeInclusive<i64> = 0..=u32::MAX as i64;

/// A count of which there must be one.
pub(super) const SOME: RangeInclusive<i64> = 1..=u32::MAX as i64;

/// No duration is longer than this many seconds, about 31 years.
const LONGEST: f64 = 1e9;

/// What a number in the file counts.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Milliseconds,
    Seconds,
    Hours,
}

/// Whether a duration may be none at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Least {
    Zero,
    AboveZero,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
            Self::Hours => "hours",
        }
    }

    fn in_seconds(self) -> f64 {
        match self {
            Self::Milliseconds => 0.001,
            Self::Seconds => 1.0,
            Self::Hours => 3600.0,
        }
    }
}

impl Section<'_> {
    /// A whole number within `range`.
    pub(super) fn whole<T: TryFrom<i64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<T> {
        self.value(key, |value| {
            let number = match value {
                Value::Integer(number) => Some(*number),
                other => other.filled_in().and_then(|text| text.parse().ok()),
            };
            let found = || value.described();
            let number =
                number.ok_or_else(|| format!("expected a whole number, found {}", found()))?;
            if number < *range.start() {
                return Err(format!("expected {} or more, found {}", range.start(), found()));
            }
            let fits = (number <= *range.end()).then(|| T::try_from(number).ok()).flatten();
            fits.ok_or_else(|| format!("expected at most {}, found {}", range.end(), found()))
        })
    }

    /// A number from `least` to `most`, both included.
    pub(super) fn number(&mut self, key: &'static str, least: f64, most: f64) -> Option<f64> {
        self.value(key, |value| {
            let found = || value.described();
            let number =
                as_number(value).ok_or_else(|| format!("expected a number, found {}", found()))?;
            let fits = (least..=most).contains(&number);
            fits.then_some(number).ok_or_else(|| {
                format!("expected a number from {least} to {most}, found {}", found())
            })
        })
    }

    /// A duration, written as a number of `unit`.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        unit: Unit,
        least: Least,
    ) -> Option<Duration> {
        self.value(key, |value| {
            let expected = |what: &str| {
                format!("expected {what} {}, found {}", unit.name(), value.described())
            };
            let number = as_number(value).ok_or_else(|| expected("a number of"))?;
            if least == Least::AboveZero && number <= 0.0 {
                return Err(expected("more than 0"));
            }
            let seconds = number * unit.in_seconds();
            if seconds > LONGEST {
                return Err(expected(&format!(
                    "at most {}",
                    (LONGEST / unit.in_seconds()).floor()
                )));
            }
            Duration::try_from_secs_f64(seconds).map_err(|_| expected("0 or more"))
        })
    }

    /// Seconds, possibly none.
    pub(super) fn seconds(&mut self, key: &'static str) -> Option<Duration> {
        self.duration(key, Unit::Seconds, Least::Zero)
    }

    /// Seconds, more than none.
    pub(super) fn some_seconds(&mut self, key: &'static str) -> Option<Duration> {
        self.duration(key, Unit::Seconds, Least::AboveZero)
    }

    /// Milliseconds, more than none.
    pub(super) fn some_milliseconds(&mut self, key: &'static str) -> Option<Duration> {
        self.duration(key, Unit::Milliseconds, Least::AboveZero)
    }

    /// Hours, possibly none.
    pub(super) fn hours(&mut self, key: &'static str) -> Option<Duration> {
        self.duration(key, Unit::Hours, Least::Zero)
    }
}

fn as_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        other => other.filled_in().and_then(|text| text.parse().ok()),
    };
    number.filter(|number| number.is_finite())
}
