//! Days and moments from and to those of `chrono`.

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Utc};

use super::{Date, Timestamp};

impl From<Date> for NaiveDate {
    fn from(day: Date) -> Self {
        // 1970-01-01 is day 719,163 when counted from the first day of the year 1.
        let number = day.days_since(Date::default()) + 719_163;
        Self::from_num_days_from_ce_opt(number).unwrap_or_default()
    }
}

impl TryFrom<NaiveDate> for Date {
    type Error = String;

    /// Takes the days of the years 1 to 9999.
    fn try_from(day: NaiveDate) -> Result<Self, String> {
        let parts = (i16::try_from(day.year()), i8::try_from(day.month()), i8::try_from(day.day()));
        let known = match parts {
            (Ok(year), Ok(month), Ok(day)) => Self::new(year, month, day),
            _ => None,
        };
        known.ok_or_else(|| format!("'{day}' is not a day of the years 1 to 9999"))
    }
}

impl<Z: TimeZone> From<DateTime<Z>> for Timestamp {
    /// The microsecond that the moment is in; the first or last moment for what is beyond.
    fn from(moment: DateTime<Z>) -> Self {
        Self::from_micros(moment.timestamp_micros())
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(moment: Timestamp) -> Self {
        Self::from_timestamp_micros(moment.as_micros()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, Utc};

    use super::{Date, Timestamp};

    #[test]
    fn days_and_moments_are_the_same_ones() {
        for (year, month, day) in [(2024, 2, 29), (1, 1, 1), (9999, 12, 31), (1970, 1, 1)] {
            let own = Date::new(year, month, day).unwrap();
            let of_chrono = NaiveDate::from(own);
            assert_eq!(of_chrono.to_string(), own.to_string());
            assert_eq!(Date::try_from(of_chrono), Ok(own));
        }
        assert!(Date::try_from(NaiveDate::MAX).is_err());
        assert!(Date::try_from(NaiveDate::MIN).is_err());
        for micros in [0, -1, 1_790_000_000_123_456] {
            let moment = Timestamp::from_micros(micros);
            assert_eq!(Timestamp::from(DateTime::<Utc>::from(moment)), moment);
        }
        for end in [Timestamp::MIN, Timestamp::MAX] {
            let of_chrono = DateTime::<Utc>::from(end);
            assert_eq!(of_chrono.timestamp_micros(), end.as_micros());
        }
        assert_eq!(Timestamp::from(DateTime::<Utc>::MAX_UTC), Timestamp::MAX);
        assert_eq!(Timestamp::from(DateTime::<Utc>::MIN_UTC), Timestamp::MIN);
    }
}
