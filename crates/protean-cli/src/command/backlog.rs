//! How fast backlogs shrink, measured by two looks a moment apart.

use std::time::Duration;

use protean::Domain;
use protean_engine::{LaneStatus, SubscriptionStatus};
use tokio::time::Instant;

use crate::Result;
use crate::age::age;

/// The time between the two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The status of every subscription, and how its backlogs change.
pub(super) struct Backlogs {
    pub(super) found: Vec<SubscriptionStatus>,
    /// A trend for each lane, in the order of [`lanes`].
    trends: Vec<Trend>,
}

/// What becomes of the messages that wait in a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trend {
    lag: Option<u64>,
    /// How many fewer wait after a second: negative when more do; `None` when not measured.
    pub(super) drained_per_second: Option<f64>,
}

impl Backlogs {
    /// Looks at the store once, and once more when something waits.
    pub(super) async fn of(domain: &Domain) -> Result<Self> {
        let (first, began) = (protean_engine::subscriptions(domain).await?, Instant::now());
        if lanes(&first).all(|(_, lane)| lane.lag.is_none_or(|lag| lag == 0)) {
            return Ok(Self::once(first));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
        let found = protean_engine::subscriptions(domain).await?;
        let elapsed = began.elapsed();
        let pairs = lanes(&first).zip(lanes(&found));
        let trends = pairs.map(|((_, was), (_, is))| Trend::between(was.lag, is.lag, elapsed));
        Ok(Self { trends: trends.collect(), found })
    }

    /// A single look, which shows no trend.
    pub(super) fn once(found: Vec<SubscriptionStatus>) -> Self {
        let trend = |(_, lane): (_, &LaneStatus)| Trend { lag: lane.lag, drained_per_second: None };
        Self { trends: lanes(&found).map(trend).collect(), found }
    }

    /// Each lane with its subscription and its trend.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&SubscriptionStatus, &LaneStatus, Trend)> {
        let rows = lanes(&self.found).zip(&self.trends);
        rows.map(|((of, lane), trend)| (of, lane, *trend))
    }
}

/// Each lane with its subscription.
fn lanes(found: &[SubscriptionStatus]) -> impl Iterator<Item = (&SubscriptionStatus, &LaneStatus)> {
    found.iter().flat_map(|of| of.lanes.iter().map(move |lane| (of, lane)))
}

impl Trend {
    /// The trend from one look to another, `elapsed` later.
    fn between(was: Option<u64>, is: Option<u64>, elapsed: Duration) -> Self {
        let drained = |was: u64, is: u64| (was as f64 - is as f64) / elapsed.as_secs_f64();
        Self { lag: is, drained_per_second: was.zip(is).map(|(was, is)| drained(was, is)) }
    }

    /// How long until nothing waits any more if this goes on; `None` when that is not known
    /// or the lane does not shrink.
    pub(super) fn eta(&self) -> Option<Duration> {
        match (self.lag?, self.drained_per_second) {
            (0, _) => Some(Duration::ZERO),
            (lag, Some(rate)) if rate > 0.0 => Duration::try_from_secs_f64(lag as f64 / rate).ok(),
            _ => None,
        }
    }

    /// The column of a table.
    pub(super) fn column(&self) -> String {
        match (self.lag, self.eta(), self.drained_per_second) {
            (Some(0), ..) => "-".to_owned(),
            (_, Some(eta), _) => age(eta.max(Duration::from_secs(1))),
            (_, None, Some(rate)) if rate < 0.0 => "growing".to_owned(),
            (_, None, Some(_)) => "standing".to_owned(),
            (_, None, None) => "unknown".to_owned(),
        }
    }
}

/// How long the oldest message of a lane has waited, for a table.
pub(super) fn oldest(lane: &LaneStatus) -> String {
    match (lane.lag, lane.lag_seconds) {
        (Some(0), _) => "-".to_owned(),
        (_, Some(waited)) => age(Duration::from_secs_f64(waited.max(0.0))),
        (_, None) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::{prop_assert, prop_assert_eq, proptest};
    use protean_engine::LaneStatus;

    use super::{Trend, oldest};

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

    #[test]
    fn the_wait_of_the_oldest_is_shown_while_something_waits() {
        let lane = |lag, lag_seconds| LaneStatus { lag, lag_seconds, ..LaneStatus::default() };
        assert_eq!(oldest(&lane(Some(3), Some(72.5))), "1m 12s");
        assert_eq!(oldest(&lane(Some(0), Some(0.0))), "-");
        assert_eq!(oldest(&lane(None, None)), "unknown");
        assert_eq!(oldest(&lane(Some(3), None)), "unknown");
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
