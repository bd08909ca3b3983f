//! How fast backlogs shrink, measured by two looks a moment apart.

use std::time::Duration;

use protean::Domain;
use protean_engine::{LaneStatus, SubscriptionStatus, Trend};
use tokio::time::Instant;

use crate::Result;

/// The time between the two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The status of every subscription, and how its backlogs change.
pub(super) struct Backlogs {
    pub(super) found: Vec<SubscriptionStatus>,
    /// A trend for each lane, in the order of [`lanes`].
    trends: Vec<Trend>,
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
