//! A moment, to the microsecond.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::date::Date;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 24 * 3600 * MICROS_PER_SECOND;
/// RFC 3339 has offsets of less than a day.
const MAX_OFFSET_SECONDS: i64 = 24 * 3600 - 1;

/// A moment in UTC, in microseconds, of the years 1 to 9999; written as
/// `2026-11-20T17:12:43.949786+00:00`.
///
/// Every moment can be written, and read back, as text and in every database. What would be
/// before [`MIN`](Self::MIN) or after [`MAX`](Self::MAX) becomes that moment.
///
/// ```
/// # use protean_port::message::Timestamp;
/// let moment: Timestamp = "2026-11-20T17:12:43.949786+00:00".parse().unwrap();
/// assert_eq!(moment.to_string(), "2026-11-20T17:12:43.949786+00:00");
/// assert_eq!(moment + std::time::Duration::MAX, Timestamp::MAX);
/// assert_eq!((moment.date().to_string().as_str(), moment.hour()), ("2026-11-20", 17));
/// ```
///
/// Its parts are those in UTC. For another time zone convert it, with the feature `jiff` or
/// `chrono`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first moment of the year 1.
    pub const MIN: Self = Self(-62_135_596_800 * MICROS_PER_SECOND);
    /// The last moment of the year 9999.
    pub const MAX: Self = Self(253_402_300_800 * MICROS_PER_SECOND - 1);

    /// The moment this many microseconds after 1970-01-01T00:00:00 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Microseconds since 1970-01-01T00:00:00 UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The day.
    pub fn date(self) -> Date {
        Date::known(self.local().date()).unwrap_or(Date::MAX)
    }

    /// The hour of the day, 0 to 23.
    pub fn hour(self) -> i8 {
        self.local().hour()
    }

    /// The minute of the hour, 0 to 59.
    pub fn minute(self) -> i8 {
        self.local().minute()
    }

    /// The second of the minute, 0 to 59.
    pub fn second(self) -> i8 {
        self.local().second()
    }

    /// The microsecond of the second, 0 to 999,999.
    pub fn microsecond(self) -> u32 {
        u32::try_from(self.0.rem_euclid(MICROS_PER_SECOND)).unwrap_or(0)
    }

    /// The same time of day this many days later, or earlier.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self::from_micros(self.0.saturating_add(i64::from(days).saturating_mul(MICROS_PER_DAY)))
    }

    /// The same time of day this many months later, or earlier, on the day that
    /// [`Date::plus_months`] says.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        let day = self.date();
        self.plus_days(day.plus_months(months).days_since(day))
    }

    fn local(self) -> DateTime {
        EPOCH + SignedDuration::from_micros(self.0)
    }
}

impl Date {
    /// Its first moment in UTC.
    pub fn midnight(self) -> Timestamp {
        Timestamp::default().plus_days(self.days_since(Self::default()))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, delay: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros(delay)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(micros(time)))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, delay: Duration) {
        *self = *self + delay;
    }
}

impl SubAssign<Duration> for Timestamp {
    fn sub_assign(&mut self, time: Duration) {
        *self = *self - time;
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (moment, micros) = (self.local(), self.microsecond());
        let (date, time) = (moment.date(), moment.time());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
    }
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(moment) = beyond(text) {
            return Ok(moment);
        }
        let pieces = Pieces::parse(text).ok();
        let parts = pieces.and_then(|pieces| {
            let offset = i64::from(pieces.to_numeric_offset()?.seconds());
            Some((pieces.date().to_datetime(pieces.time()?), offset))
        });
        let (local, offset) = parts
            .filter(|(_, offset)| offset.abs() <= MAX_OFFSET_SECONDS)
            .ok_or_else(|| format!("'{text}' is not an RFC 3339 time"))?;
        let since =
            local.duration_since(EPOCH).as_micros() - i128::from(offset * MICROS_PER_SECOND);
        let known = i128::from(Self::MIN.0)..=i128::from(Self::MAX.0);
        known
            .contains(&since)
            .then(|| i64::try_from(since).ok().map(Self))
            .flatten()
            .ok_or_else(|| format!("'{text}' is not a time of the years 1 to 9999"))
    }
}

/// How earlier releases wrote a moment that is not of these years: as microseconds.
fn beyond(text: &str) -> Option<Timestamp> {
    text.strip_suffix("us")?.parse().ok().map(Timestamp::from_micros)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{ProptestConfig, any};
    use proptest::{prop_assert_eq, proptest};

    use super::Timestamp;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_has_parts_and_takes_time() {
        let at = moment("2026-11-30T17:12:43.949786Z");
        assert_eq!((at.hour(), at.minute(), at.second(), at.microsecond()), (17, 12, 43, 949_786));
        assert_eq!(at.date().to_string(), "2026-11-30");
        assert_eq!(at.plus_months(3), moment("2027-02-28T17:12:43.949786Z"));
        assert_eq!(at.plus_days(-30), moment("2026-10-31T17:12:43.949786Z"));
        assert_eq!(at - Duration::from_secs(44), moment("2026-11-30T17:11:59.949786Z"));
        assert_eq!((at + Duration::from_secs(9)).since(at), Duration::from_secs(9));
        assert_eq!(at - Duration::MAX, Timestamp::MIN);
        assert_eq!(
            (at.plus_days(i32::MAX), at.plus_days(i32::MIN)),
            (Timestamp::MAX, Timestamp::MIN)
        );
        assert_eq!(Timestamp::MAX.plus_months(i32::MAX), Timestamp::MAX);
        let before = Timestamp::from_micros(-1);
        assert_eq!((before.second(), before.microsecond()), (59, 999_999));
        assert_eq!(before.date().to_string(), "1969-12-31");
    }

    #[test]
    fn the_last_moment_of_a_year_is_one() {
        let never = moment("9999-12-31T23:59:59Z");
        assert_eq!(never.to_string(), "9999-12-31T23:59:59.000000+00:00");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999+00:00");
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000+00:00");
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(moment(&end.to_string()), end);
        }
    }

    #[test]
    fn every_moment_can_be_read_back() {
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_micros(i64::MIN), Timestamp::MIN);
        assert_eq!(Timestamp::default() + Duration::MAX, Timestamp::MAX);
        let kept = serde_json::to_string(&(Timestamp::default() + Duration::MAX)).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&kept).unwrap(), Timestamp::MAX);
        assert_eq!(moment("9223372036854775807us"), Timestamp::MAX, "of an earlier release");
    }

    #[test]
    fn offsets_are_less_than_a_day_and_years_have_four_digits() {
        assert_eq!(moment("2026-11-20T17:12:43-23:59"), moment("2026-11-21T17:11:43Z"));
        for text in [
            "2026-11-20T17:12:43+25:00",
            "2026-11-20T17:12:43",
            "2026-11-20",
            "0000-12-31T23:59:59Z",
            "-000001-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "us",
            "1.5us",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        let refused = "9999-12-31T23:59:59-01:00".parse::<Timestamp>().unwrap_err();
        let expected = "'9999-12-31T23:59:59-01:00' is not a time of the years 1 to 9999";
        assert_eq!(refused, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn survives_json(micros in any::<i64>()) {
            for micros in [micros, micros / 1000] {
                let moment = Timestamp::from_micros(micros);
                let json = serde_json::to_string(&moment).unwrap();
                prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), moment);
            }
        }
    }
}
