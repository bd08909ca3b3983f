//! A day without a time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A calendar day of the years 1 to 9999, written as `2026-11-20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// The day; `None` when the calendar has no such day.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        jiff::civil::Date::new(year, month, day).ok().and_then(Self::known)
    }

    /// Databases order days of other years in different ways, or do not take them.
    fn known(day: jiff::civil::Date) -> Option<Self> {
        (day.year() >= 1).then_some(Self(day))
    }
}

impl Default for Date {
    fn default() -> Self {
        Self(jiff::civil::Date::constant(1970, 1, 1))
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
