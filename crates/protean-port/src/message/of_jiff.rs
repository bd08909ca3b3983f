//! Days and moments from and to those of `jiff`.

use jiff::civil;

use super::{Date, Timestamp};

impl From<Date> for civil::Date {
    fn from(day: Date) -> Self {
        day.0
    }
}

impl TryFrom<civil::Date> for Date {
    type Error = String;

    /// Takes the days of the years 1 to 9999.
    fn try_from(day: civil::Date) -> Result<Self, String> {
        Self::known(day).ok_or_else(|| format!("'{day}' is not a day of the years 1 to 9999"))
    }
}

impl From<jiff::Timestamp> for Timestamp {
    /// The microsecond that the moment is in; the first or last moment for what is beyond.
    fn from(moment: jiff::Timestamp) -> Self {
        let micros = moment.as_nanosecond().div_euclid(1000);
        Self::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl TryFrom<Timestamp> for jiff::Timestamp {
    type Error = jiff::Error;

    /// The last day of the year 9999 is later than the last moment of `jiff`.
    fn try_from(moment: Timestamp) -> Result<Self, jiff::Error> {
        Self::from_microsecond(moment.as_micros())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::{Date, Timestamp};

    #[test]
    fn days_and_moments_are_the_same_ones() {
        let day = Date::new(2024, 2, 29).unwrap();
        assert_eq!(civil::Date::from(day), civil::date(2024, 2, 29));
        assert_eq!(Date::try_from(civil::date(2024, 2, 29)), Ok(day));
        assert!(Date::try_from(civil::date(0, 1, 1)).is_err());
        for micros in [0, -1, 1_790_000_000_123_456, Timestamp::MIN.as_micros()] {
            let moment = Timestamp::from_micros(micros);
            let of_jiff = jiff::Timestamp::try_from(moment).unwrap();
            assert_eq!(of_jiff.as_microsecond(), micros);
            assert_eq!(Timestamp::from(of_jiff), moment);
        }
        let nanosecond = jiff::Timestamp::from_nanosecond(-1).unwrap();
        assert_eq!(Timestamp::from(nanosecond), Timestamp::from_micros(-1));
        assert!(jiff::Timestamp::try_from(Timestamp::MAX).is_err());
        assert_eq!(Timestamp::from(jiff::Timestamp::MIN), Timestamp::MIN);
    }
}
