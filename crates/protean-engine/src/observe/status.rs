//! The status of a domain's subscriptions.

use std::sync::Arc;
use std::time::Duration;

use protean_core::config::{PriorityLanes, SubscriptionType};
use protean_core::domain::{Domain, Group, HandlerKind};
use protean_port::message::{Category, Lane, LaneRule, Timestamp};
use protean_port::port::{Counter, GroupStatus, PriorityStatus};
use protean_port::{Error, Result};

use super::age::age;
use crate::source::names::stream;

/// The status of one group, lane by lane.
#[derive(Debug)]
pub struct SubscriptionStatus {
    /// The group, `<domain>.<handler>`.
    pub group: Arc<str>,
    /// The handler; all their names, when several share a category's commands.
    pub handler: String,
    /// The category it reads.
    pub category: Category,
    /// Whether it reads the log or a broker's stream.
    pub subscription_type: SubscriptionType,
    /// What kind of handler it is.
    pub kind: HandlerKind,
    /// Messages that it has passed over, in all lanes; `None` when it could not be read.
    pub ignored: Option<u64>,
    /// A status for each lane in use, the more urgent one first.
    pub lanes: Vec<LaneStatus>,
    /// Why the status could not be read, when it could not.
    pub fault: Option<Error>,
}

/// The status of one group in one lane. What could not be read is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneStatus {
    /// The lane.
    pub lane: Lane,
    /// The category, with `:<suffix>` for backfill.
    pub stream: String,
    /// Messages committed that are not settled yet.
    pub lag: Option<u64>,
    /// When the oldest of them was made; also `None` when there is none.
    pub oldest: Option<Timestamp>,
    /// How many seconds the oldest of them has waited; 0 when none waits.
    pub lag_seconds: Option<f64>,
    /// Messages that failed and wait for another try, or behind one that does.
    pub parked: Option<u64>,
    /// Messages given up: dead letters.
    pub dead: Option<u64>,
    /// The log position up to which everything in the lane is settled.
    pub cursor: Option<u64>,
    /// The log position of the lane's last message, 0 before the first.
    pub head: Option<u64>,
    /// The judgement of the lag.
    pub health: Health,
}

impl LaneStatus {
    /// How long the oldest message has waited, for a table: `1m 12s`, `unknown`, or `-` when none
    /// waits.
    pub fn waited(&self) -> String {
        match (self.lag, self.lag_seconds) {
            (Some(0), _) => "-".to_owned(),
            (_, Some(waited)) => age(Duration::from_secs_f64(waited.max(0.0))),
            (_, None) => "unknown".to_owned(),
        }
    }
}

/// The judgement of a lag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Nothing waits, or only bulk work, and for no longer than
    /// `backfill_latency_target_ms` allows.
    Ok,
    /// Messages wait too long.
    Lagging,
    /// The lag could not be read.
    #[default]
    Unknown,
}

impl Health {
    /// The name that tables and JSON use: `ok`, `lagging` or `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Lagging => "lagging",
            Self::Unknown => "unknown",
        }
    }
}

/// The status of every subscription of the domain, read from the store alone: no server
/// needs to run. A group that cannot be read is shown as unknown. Cancel safe: it only
/// reads.
///
/// # Errors
/// When the store cannot be opened.
pub async fn subscriptions(domain: &Domain) -> Result<Vec<SubscriptionStatus>> {
    let store = domain.store().await?;
    let mut statuses = Vec::new();
    for group in domain.groups() {
        let found = store.group_status(&group.name, &group.category).await;
        let view = View::new(domain, group);
        let lanes = match &found {
            Ok(status) => view.read(status),
            Err(_) => view.unread(),
        };
        statuses.push(SubscriptionStatus {
            group: Arc::clone(&group.name),
            handler: group.handler.clone(),
            category: group.category.clone(),
            subscription_type: group.subscription.subscription_type,
            kind: group.kind,
            ignored: found.as_ref().ok().map(|status| status.count(Counter::Ignored)),
            lanes,
            fault: found.err(),
        });
    }
    Ok(statuses)
}

/// Folds the status of priorities into the status of lanes.
struct View<'a> {
    rule: LaneRule,
    settings: &'a PriorityLanes,
    category: &'a Category,
    now: Timestamp,
}

impl<'a> View<'a> {
    fn new(domain: &'a Domain, group: &'a Group) -> Self {
        Self {
            rule: domain.lanes(),
            settings: &domain.config().server.priority_lanes,
            category: &group.category,
            now: domain.clock().now(),
        }
    }

    fn read(&self, status: &GroupStatus) -> Vec<LaneStatus> {
        self.rule.lanes().iter().map(|lane| self.fold(*lane, status)).collect()
    }

    fn unread(&self) -> Vec<LaneStatus> {
        self.rule.lanes().iter().map(|lane| self.unknown(*lane)).collect()
    }

    /// The priorities of a lane as one.
    fn fold(&self, lane: Lane, status: &GroupStatus) -> LaneStatus {
        let of_lane = |found: &&PriorityStatus| self.rule.lane(found.priority) == lane;
        let found: Vec<_> = status.lanes.iter().filter(of_lane).collect();
        let sum = |part: fn(&PriorityStatus) -> u64| found.iter().map(|found| part(found)).sum();
        let waiting = || found.iter().filter(|found| found.lag > 0);
        let lag: u64 = sum(|found| found.lag);
        let oldest = waiting().filter_map(|found| found.oldest).min();
        let head = found.iter().map(|found| found.head).max().unwrap_or(0);
        let waited = oldest.map(|oldest| self.now.since(oldest).as_secs_f64());
        let lag_seconds = if lag == 0 { Some(0.0) } else { waited };
        LaneStatus {
            lag: Some(lag),
            oldest,
            lag_seconds,
            parked: Some(sum(|found| found.parked)),
            dead: Some(sum(|found| found.dead)),
            // A priority that is settled to its end does not hold the lane back.
            cursor: Some(waiting().map(|found| found.cursor).min().unwrap_or(head)),
            head: Some(head),
            health: self.judge(lane, lag, lag_seconds),
            ..self.unknown(lane)
        }
    }

    fn judge(&self, lane: Lane, lag: u64, lag_seconds: Option<f64>) -> Health {
        let late = match (lane, self.settings.backfill_latency_target) {
            (Lane::Primary, _) => lag > 0,
            (Lane::Backfill, None) => false,
            (Lane::Backfill, Some(target)) => {
                lag_seconds.is_some_and(|waited| waited > target.as_secs_f64())
            }
        };
        if late { Health::Lagging } else { Health::Ok }
    }

    fn unknown(&self, lane: Lane) -> LaneStatus {
        let stream = stream(lane, self.category, self.settings);
        LaneStatus { lane, stream, ..LaneStatus::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protean_core::config::Config;
    use protean_port::message::{Category, LaneRule, Priority, Timestamp};
    use protean_port::port::{GroupStatus, PriorityStatus};

    use super::{Health, LaneStatus, View};

    const BULK: PriorityStatus = PriorityStatus {
        priority: Priority::BULK,
        lag: 450_000,
        oldest: Some(Timestamp::from_micros(1_000_000)),
        parked: 1,
        dead: 2,
        cursor: 7,
        head: 900,
    };

    const LOW: PriorityStatus = PriorityStatus {
        priority: Priority::LOW,
        lag: 3,
        oldest: Some(Timestamp::from_micros(3_000_000)),
        parked: 4,
        dead: 0,
        cursor: 5,
        head: 950,
    };

    const NORMAL: PriorityStatus = PriorityStatus {
        priority: Priority::NORMAL,
        lag: 0,
        oldest: None,
        parked: 0,
        dead: 0,
        cursor: 12,
        head: 12,
    };

    fn fold(lanes: Vec<PriorityStatus>, target: Option<Duration>) -> Vec<LaneStatus> {
        let mut settings = Config::default().server.priority_lanes;
        settings.backfill_latency_target = target;
        let view = View {
            rule: LaneRule { threshold: Some(Priority::NORMAL) },
            settings: &settings,
            category: &Category::named("fidelis::account"),
            now: Timestamp::from_micros(6_000_000),
        };
        view.read(&GroupStatus { lanes, ..GroupStatus::default() })
    }

    #[test]
    fn the_priorities_of_a_lane_are_folded_into_one() {
        let lanes = fold(vec![NORMAL, LOW, BULK], None);
        let [primary, backfill] = &lanes[..] else { panic!("{lanes:?}") };
        assert_eq!((primary.lag, primary.stream.as_str()), (Some(0), "fidelis::account"));
        assert_eq!((primary.cursor, primary.head), (Some(12), Some(12)));
        assert_eq!(backfill.stream, "fidelis::account:backfill");
        assert_eq!(
            (backfill.lag, backfill.parked, backfill.dead),
            (Some(450_003), Some(5), Some(2))
        );
        assert_eq!((backfill.cursor, backfill.head), (Some(5), Some(950)));
        assert_eq!(backfill.lag_seconds, Some(5.0));
    }

    #[test]
    fn a_priority_settled_to_its_end_does_not_hold_the_lane_back() {
        let lanes = fold(vec![PriorityStatus { lag: 0, cursor: 2, ..LOW }, BULK], None);
        assert_eq!(lanes[1].cursor, Some(7));
    }

    #[test]
    fn bulk_work_may_wait_until_its_target_and_production_may_not() {
        let health = |target| fold(vec![BULK], target)[1].health;
        assert_eq!(health(None), Health::Ok);
        assert_eq!(health(Some(Duration::from_secs(10))), Health::Ok);
        assert_eq!(health(Some(Duration::from_secs(4))), Health::Lagging);
        assert_eq!(fold(vec![NORMAL], None)[0].health, Health::Ok);
        let waiting = PriorityStatus { lag: 1, ..NORMAL };
        assert_eq!(fold(vec![waiting], None)[0].health, Health::Lagging);
    }

    #[test]
    fn the_wait_of_the_oldest_is_shown_while_something_waits() {
        let waited =
            |lag, lag_seconds| LaneStatus { lag, lag_seconds, ..LaneStatus::default() }.waited();
        assert_eq!(waited(Some(3), Some(72.5)), "1m 12s");
        assert_eq!(waited(Some(0), Some(0.0)), "-");
        assert_eq!(waited(None, None), "unknown");
        assert_eq!(waited(Some(3), None), "unknown");
    }

    #[test]
    fn a_lane_without_messages_has_no_lag() {
        let lanes = fold(Vec::new(), None);
        assert_eq!(lanes.iter().map(|lane| lane.lag).collect::<Vec<_>>(), [Some(0), Some(0)]);
    }
}
