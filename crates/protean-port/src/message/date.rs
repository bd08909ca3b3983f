//! A day without a time.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, civil};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::weekday::Weekday;

/// A calendar day of the years 1 to 9999, written as `2026-11-20`.
///
/// Results before [`MIN`](Self::MIN) or after [`MAX`](Self::MAX) become that day.
///
/// ```
/// # use protean_port::message::{Date, Weekday};
/// let due: Date = "2027-01-31".parse().unwrap();
/// assert_eq!(due.plus_months(1).to_string(), "2027-02-28");
/// assert_eq!(due.plus_days(-31).to_string(), "2026-12-31");
/// assert_eq!(due.weekday(), Weekday::Sunday);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub(super) civil::Date);

impl Date {
    /// The first day of the year 1.
    pub const MIN: Self = Self(civil::Date::constant(1, 1, 1));
    /// The last day of the year 9999.
    pub const MAX: Self = Self(civil::Date::constant(9999, 12, 31));

    /// The day; `None` when the calendar has no such day.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        civil::Date::new(year, month, day).ok().and_then(Self::known)
    }

    /// The year, 1 to 9999.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The month, 1 to 12.
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// The day of the month, from 1.
    pub fn day(self) -> i8 {
        self.0.day()
    }

    /// The day of the year, from 1.
    pub fn day_of_year(self) -> i16 {
        self.0.day_of_year()
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        Weekday::numbered(self.0.weekday().to_monday_one_offset())
    }

    /// How many days its month has.
    pub fn days_in_month(self) -> i8 {
        self.0.days_in_month()
    }

    /// The first day of its month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// The last day of its month.
    #[must_use]
    pub fn last_of_month(self) -> Self {
        Self(self.0.last_of_month())
    }

    /// The day this many days later, or earlier.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        let hours = SignedDuration::from_hours(24 * i64::from(days));
        let day = self.0.checked_add(hours).ok().and_then(Self::known);
        day.unwrap_or(if days < 0 { Self::MIN } else { Self::MAX })
    }

    /// The same day of the month this many months later, or earlier; the last day of that month when
    /// it is shorter, so a month after 31 January is 28 or 29 February. Count from the first day
    /// (`start.plus_months(2)`), since months that are added one by one stay at the shortest.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        let month = i64::from(self.year()) * 12 + i64::from(self.month()) - 1 + i64::from(months);
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        let first = i16::try_from(year).ok().zip(i8::try_from(month).ok());
        let first = first.and_then(|(year, month)| Self::new(year, month, 1));
        match first.and_then(|first| {
            Self::new(first.year(), first.month(), self.day().min(first.days_in_month()))
        }) {
            Some(day) => day,
            None if months < 0 => Self::MIN,
            None => Self::MAX,
        }
    }

    /// How many days it is after `earlier`; negative when it is before.
    pub fn days_since(self, earlier: Self) -> i32 {
        let days = self.0.duration_since(earlier.0).as_hours() / 24;
        i32::try_from(days).unwrap_or(i32::MAX)
    }

    /// Databases order days of other years in different ways, or do not take them.
    pub(super) fn known(day: civil::Date) -> Option<Self> {
        (day.year() >= 1).then_some(Self(day))
    }
}

impl Default for Date {
    fn default() -> Self {
        Self(civil::Date::constant(1970, 1, 1))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = text.parse().map_err(|_| format!("'{text}' is not a date such as 2026-11-20"))?;
        Self::known(day).ok_or_else(|| format!("'{text}' is not a day of the years 1 to 9999"))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn months_end_on_their_last_day() {
        for (from, months, to) in [
            ("2027-01-31", 1, "2027-02-28"),
            ("2028-01-31", 1, "2028-02-29"),
            ("2028-02-29", 12, "2029-02-28"),
            ("2028-02-29", -48, "2024-02-29"),
            ("2026-11-30", 3, "2027-02-28"),
            ("2026-01-15", -1, "2025-12-15"),
            ("9999-12-01", 1, "9999-12-31"),
            ("0001-01-15", -1, "0001-01-01"),
            ("2026-11-20", i32::MIN, "0001-01-01"),
            ("2026-11-20", i32::MAX, "9999-12-31"),
        ] {
            assert_eq!(day(from).plus_months(months), day(to), "{from} {months}");
        }
    }

    #[test]
    fn days_are_counted() {
        let today = day("2026-11-20");
        assert_eq!((today.year(), today.month(), today.day()), (2026, 11, 20));
        assert_eq!((today.day_of_year(), today.days_in_month()), (324, 30));
        assert_eq!(today.weekday().to_string(), "Friday");
        assert_eq!(today.first_of_month(), day("2026-11-01"));
        assert_eq!(today.last_of_month(), day("2026-11-30"));
        for days in [0, 1, -1, 41, -739_000, 2_000_000] {
            assert_eq!(today.plus_days(days).days_since(today), days);
        }
        assert_eq!((today.plus_days(i32::MAX), today.plus_days(i32::MIN)), (Date::MAX, Date::MIN));
        assert_eq!(Date::MAX.days_since(Date::MIN), 3_652_058);
        assert_eq!(today.midnight().to_string(), "2026-11-20T00:00:00.000000+00:00");
        for day in [Date::MIN, Date::MAX, today, Date::default()] {
            assert_eq!(day.midnight().date(), day);
        }
    }

    #[test]
    fn a_day_is_of_a_year_that_every_database_takes() {
        for text in ["0001-01-01", "9999-12-31", "2024-02-29"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        assert_eq!(Date::new(0, 1, 1), None);
        assert_eq!(Date::new(2026, 2, 29), None);
        assert_eq!(
            "0000-12-31".parse::<Date>().unwrap_err(),
            "'0000-12-31' is not a day of the years 1 to 9999"
        );
        assert!("-000043-03-15".parse::<Date>().is_err());
    }
}
