//! How fast a backlog shrinks.

use std::time::Duration;

use super::age::age;

/// What becomes of the messages that wait in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trend {
    /// How many wait; `None` when not known.
    pub lag: Option<u64>,
    /// How many fewer wait after a second: negative when more do; `None` when not measured.
    pub drained_per_second: Option<f64>,
}

impl Trend {
    /// The trend from one look to another, `elapsed` later.
    pub fn between(was: Option<u64>, is: Option<u64>, elapsed: Duration) -> Self {
        let drained = |was: u64, is: u64| (was as f64 - is as f64) / elapsed.as_secs_f64();
        Self { lag: is, drained_per_second: was.zip(is).map(|(was, is)| drained(was, is)) }
    }

    /// How long until nothing waits any more if this goes on; `None` when that is not known
    /// or the lane does not shrink.
    pub fn eta(&self) -> Option<Duration> {
        match (self.lag?, self.drained_per_second) {
            (0, _) => Some(Duration::ZERO),
            (lag, Some(rate)) if rate > 0.0 => Duration::try_from_secs_f64(lag as f64 / rate).ok(),
            _ => None,
        }
    }

    /// How long until nothing waits, for a table: `4m 10s`, `growing`, `standing`, `unknown`, or
    /// `-` when nothing waits.
    pub fn column(&self) -> String {
        match (self.lag, self.eta(), self.drained_per_second) {
            (Some(0), ..) => "-".to_owned(),
            (_, Some(eta), _) => age(eta.max(Duration::from_secs(1))),
            (_, None, Some(rate)) if rate < 0.0 => "growing".to_owned(),
            (_, None, Some(_)) => "standing".to_owned(),
            (_, None, None) => "unknown".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::Trend;

    fn column(was: Option<u64>, is: Option<u64>) -> String {
        Trend::between(was, is, Duration::from_secs(2)).column()
    }

    #[test]
    fn a_backlog_that_shrinks_has_an_eta() {
        assert_eq!(column(Some(12_000), Some(10_000)), "10s");
        assert_eq!(column(Some(900_000), Some(899_000)), "29m 58s");
        assert_eq!(column(Some(1_000_000), Some(1)), "1s", "never 0s while something waits");
    }

    #[test]
    fn what_is_not_known_is_not_invented() {
        assert_eq!(column(Some(5), Some(0)), "-");
        assert_eq!(column(None, Some(0)), "-");
        assert_eq!(column(Some(5), Some(5)), "standing");
        assert_eq!(column(Some(5), Some(6)), "growing");
        assert_eq!(column(None, Some(6)), "unknown");
        assert_eq!(column(Some(5), None), "unknown");
    }

    proptest! {
        /// At a constant rate, the backlog is empty when the ETA has passed.
        #[test]
        fn a_constant_rate_keeps_its_eta(lag in 1_u64..100_000_000, drained in 1_u64..1_000_000) {
            let trend = Trend::between(Some(lag + drained), Some(lag), Duration::from_secs(1));
            let eta = trend.eta().unwrap().as_secs_f64();
            prop_assert!((eta * drained as f64 - lag as f64).abs() <= 1.0);
            let later = Trend::between(Some(lag), Some(lag + drained), Duration::from_secs(1));
            prop_assert_eq!(later.eta(), None);
        }
    }
}
