//! Reading typed values, each checked against the range it may take.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::document::Value;
use super::form::{Choice, Form, Unit};
use super::section::Section;
use crate::nearest::hint;

/// A count that may be 0.
pub(super) const ANY: RangeInclusive<i64> = 0..=u32::MAX as i64;

/// A count of at least 1.
pub(super) const SOME: RangeInclusive<i64> = 1..=u32::MAX as i64;

/// The longest duration a file may ask for, about 31 years.
const MAX_SECONDS: f64 = 1e9;

/// Whether a duration may be 0.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Least {
    Zero,
    AboveZero,
}

impl Section<'_> {
    /// A text, not empty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.text_of(key, Form::Text)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.value(key, Form::Flag, Value::flag)
    }

    /// One of a few words.
    pub(super) fn choice<T: Choice>(&mut self, key: &'static str) -> Option<T> {
        self.value(key, Form::OneOf(T::names()), |value| value.text().and_then(T::named))
    }

    /// A name that must be one of `known`; `what` says what it names.
    pub(super) fn name_of(
        &mut self,
        key: &'static str,
        what: &'static str,
        known: &[&str],
    ) -> Option<String> {
        let name = self.text_of(key, Form::NameOf(what))?;
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        let found = self.described(key);
        self.conflict(
            key,
            format!("expected the name of a {what}, found {found}{}", hint(&name, known)),
        );
        None
    }

    /// Names that must each be one of `known`.
    pub(super) fn names_of(
        &mut self,
        key: &'static str,
        what: &'static str,
        known: &[&str],
    ) -> Vec<String> {
        let names = self.value(key, Form::NamesOf(what), Value::texts).unwrap_or_default();
        for (name, found) in &names {
            if !known.contains(&name.as_str()) {
                let hint = hint(name, known);
                self.conflict(key, format!("expected the name of a {what}, found {found}{hint}"));
            }
        }
        names.into_iter().map(|(name, _)| name).collect()
    }

    /// A list of texts, each a `what`.
    pub(super) fn texts(&mut self, key: &'static str, what: &'static str) -> Vec<String> {
        let texts = self.value(key, Form::NamesOf(what), Value::texts).unwrap_or_default();
        texts.into_iter().map(|(text, _)| text).collect()
    }

    /// A whole number within `range`.
    pub(super) fn whole<T: TryFrom<i64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<T> {
        let number = self.value(key, Form::Whole, Value::whole)?;
        if number < *range.start() {
            return self.mismatch(key, &format!("{} or more", range.start()));
        }
        let fits = (number <= *range.end()).then(|| T::try_from(number).ok()).flatten();
        fits.or_else(|| self.mismatch(key, &format!("at most {}", range.end())))
    }

    /// A count below `bound`, the value of the key `of`; `fallback`, or the most that is
    /// allowed, when the file does not say.
    pub(super) fn whole_below(
        &mut self,
        key: &'static str,
        (of, bound): (&str, usize),
        fallback: usize,
    ) -> usize {
        let count = self.whole(key, ANY);
        if count.is_some_and(|count| count >= bound) {
            self.conflict(key, format!("must be below {of}, which is {bound}; lower it"));
        }
        count.unwrap_or(fallback.min(bound - 1))
    }

    /// A number within `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let number = self.value(key, Form::Number, Value::number)?;
        if range.contains(&number) {
            return Some(number);
        }
        self.mismatch(key, &format!("a number from {} to {}", range.start(), range.end()))
    }

    /// Seconds, possibly 0.
    pub(super) fn seconds(&mut self, key: &'static str) -> Option<Duration> {
        self.duration(key, Unit::Seconds, Least::Zero)
    }

    /// Seconds, more than 0.
    pub(super) fn some_seconds(&mut self, key: &'static str) -> Option<Duration> {
        self.duration(key, Unit::Seconds, Least::AboveZero)
    }

    /// Milliseconds, more than 0.
    pub(super) fn some_milliseconds(&mut self, key: &'static str) -> Option<Duration> {
        self.duration(key, Unit::Milliseconds, Least::AboveZero)
    }

    /// Hours, possibly 0.
    pub(super) fn hours(&mut self, key: &'static str) -> Option<Duration> {
        self.duration(key, Unit::Hours, Least::Zero)
    }

    fn duration(&mut self, key: &'static str, unit: Unit, least: Least) -> Option<Duration> {
        let number = self.value(key, Form::Duration(unit), Value::number)?;
        if least == Least::AboveZero && number <= 0.0 {
            return self.mismatch(key, &format!("more than 0 {unit}"));
        }
        let seconds = number * unit.in_seconds();
        if seconds > MAX_SECONDS {
            let most = (MAX_SECONDS / unit.in_seconds()).floor();
            return self.mismatch(key, &format!("at most {most} {unit}"));
        }
        let duration = Duration::try_from_secs_f64(seconds).ok();
        duration.or_else(|| self.mismatch(key, &format!("0 or more {unit}")))
    }

    fn text_of(&mut self, key: &'static str, form: Form) -> Option<String> {
        let text = self.value(key, form, Value::text)?;
        if text.trim().is_empty() {
            self.refuse(key, "is empty; give it a value or remove the key");
            return None;
        }
        Some(text.to_owned())
    }
}
