//! Paces the bulk work of a server by its production.
//!
//! ```text
//! worker ──(a production message is durable)──▶ watched ─▶ governor, four times a second
//! bulk steps ──(one runs, or waits)───────────▶            │
//!      ▲                                                   ▼
//!      └─────────(rest between two steps)◀──────────────  pace ─▶ log, /healthz, /metrics
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protean_core::domain::Domain;
use protean_core::handling::Fate;
use protean_port::message::{Lane, LaneRule, Timestamp};
use protean_port::port::Delivery;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::governor::{Governor, Seen, TICK, WINDOW_MESSAGES};
use crate::observe::recent_latencies::{Percentiles, RecentLatencies};
use crate::pace::{Pace, PaceReason};

/// The time between two log lines about the pace. A governor at work changes it all the time.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// How long after bulk work a message of production may still suffer from it.
const SETTLING_TIME: Duration = Duration::from_secs(1);

/// What the governor of a server has seen, and the pace that it has set.
pub(crate) struct Pacing {
    target: Option<Duration>,
    lanes: LaneRule,
    began: Timestamp,
    watched: Mutex<Watched>,
    recent: RecentLatencies,
    /// Those that were handled while no bulk work was under way.
    idle: RecentLatencies,
    pace: watch::Sender<Pace>,
}

/// What is going on, and what was seen since the last tick.
#[derive(Default)]
struct Watched {
    seen: Seen,
    /// Commits of production that are under way, by the order in which they began.
    commits: BTreeMap<u64, Instant>,
    last_commit: u64,
    /// Steps of bulk work that run or wait.
    bulk_steps: usize,
    /// When one of them last moved something. Most production commits wake bulk work, which then
    /// finds nothing.
    bulk_worked: Option<Instant>,
}

impl Watched {
    /// True when no bulk work was under way during the last `latency`, nor shortly before.
    fn is_idle_for(&self, latency: Duration) -> bool {
        let since_bulk = self.bulk_worked.map(|worked| worked.elapsed());
        self.bulk_steps == 0 && since_bulk.is_none_or(|since| since > latency + SETTLING_TIME)
    }
}

impl Pacing {
    /// Paces the bulk work of a domain's server, if there is a target for its production.
    pub(crate) fn of(domain: &Domain) -> Self {
        let target = domain.config().server.priority_lanes.production_latency_target;
        Self::new(target, domain.lanes(), domain.clock().now())
    }

    /// Lets bulk work go at full speed.
    pub(crate) fn none() -> Self {
        Self::new(None, LaneRule::default(), Timestamp::MAX)
    }

    fn new(target: Option<Duration>, lanes: LaneRule, began: Timestamp) -> Self {
        let reason = target.map_or(PaceReason::NoTarget, |_| PaceReason::NoBackfill);
        let pace = watch::Sender::new(Pace::full(reason));
        let (watched, recent) = (Mutex::default(), RecentLatencies::default());
        let idle = RecentLatencies::lasting();
        Self { target, lanes, began, watched, recent, idle, pace }
    }

    /// The present pace.
    pub(crate) fn pace(&self) -> Pace {
        *self.pace.borrow()
    }

    /// How long production messages took lately; `None` when there was none.
    pub(crate) fn production(&self) -> Option<Percentiles> {
        self.recent.percentiles()
    }

    /// How long they took while no bulk work was under way; `None` when there was none.
    pub(crate) fn idle_production(&self) -> Option<Percentiles> {
        self.idle.percentiles()
    }

    /// The pace, and each change of it.
    pub(crate) fn changes(&self) -> watch::Receiver<Pace> {
        self.pace.subscribe()
    }

    /// A message is settled and durable. A production message counts when its handler has
    /// completed at the first try, and it has not waited for the server to start.
    pub(crate) fn durable(&self, delivery: &Delivery, fate: &Fate, now: Timestamp) {
        let message = &delivery.recorded.message;
        // A bulk message runs in the primary lane when a production message comes after it.
        let is_production = self.lanes.lane(message.priority) == Lane::Primary;
        let in_turn = matches!(fate, Fate::Handled) && !delivery.parked;
        if !is_production || !in_turn || message.time < self.began {
            return;
        }
        let latency = now.since(message.time);
        self.recent.record(latency);
        if self.watched().is_idle_for(latency) {
            self.idle.record(latency);
        }
        if self.target.is_some() {
            let latencies = &mut self.watched().seen.latencies;
            if latencies.len() == WINDOW_MESSAGES {
                latencies.pop_front();
            }
            latencies.push_back(latency);
        }
    }

    /// Carries out a commit. One of production is watched for how long it waits, one of bulk
    /// work counts as its step.
    pub(crate) async fn watch_commit<T>(&self, lane: Lane, commit: impl Future<Output = T>) -> T {
        if lane == Lane::Backfill {
            let _ended = AtEnd(self, |watched: &mut Watched| {
                watched.bulk_worked = Some(Instant::now());
            });
            return self.watch_bulk(commit).await;
        }
        let number = {
            let mut watched = self.watched();
            watched.last_commit += 1;
            let number = watched.last_commit;
            watched.commits.insert(number, Instant::now());
            number
        };
        let _ended = AtEnd(self, |watched: &mut Watched| {
            watched.commits.remove(&number);
        });
        commit.await
    }

    /// Carries out a step of bulk work, which counts from now on as waiting.
    pub(crate) async fn watch_bulk<T>(&self, step: impl Future<Output = T>) -> T {
        {
            let mut watched = self.watched();
            watched.bulk_steps += 1;
            watched.seen.bulk = true;
        }
        let _ended = AtEnd(self, |watched: &mut Watched| watched.bulk_steps -= 1);
        step.await
    }

    /// A step of bulk work has found something to do.
    pub(crate) fn bulk_worked(&self) {
        self.watched().bulk_worked = Some(Instant::now());
    }

    /// Sets the pace until `stop` is cancelled. From then on bulk work goes at full speed, so
    /// that what has to be committed before the end does not wait.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let Some(target) = self.target else { return };
        info!(?target, "backfill is paced by the latency of production");
        let (began, mut governor, mut log) =
            (Instant::now(), Governor::new(target), Log::default());
        while tokio::time::timeout(TICK, stop.cancelled()).await.is_err() {
            let pace = governor.tick(began.elapsed(), &self.seen());
            self.set(pace);
            log.take(pace);
        }
        self.set(Pace::full(PaceReason::Stopping));
    }

    /// What was seen since the last call.
    fn seen(&self) -> Seen {
        let mut watched = self.watched();
        let bulk = watched.bulk_steps > 0;
        let oldest = watched.commits.first_key_value().map(|(_, began)| began.elapsed());
        let seen = std::mem::replace(&mut watched.seen, Seen { bulk, ..Seen::default() });
        Seen { commit_waited: oldest, ..seen }
    }

    /// Sets the pace; a rest that is under way ends accordingly.
    pub(crate) fn set(&self, pace: Pace) {
        self.pace.send_if_modified(|before| std::mem::replace(before, pace) != pace);
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls its function when what is watched has ended, or was dropped.
struct AtEnd<'a, F: Fn(&mut Watched)>(&'a Pacing, F);

impl<F: Fn(&mut Watched)> Drop for AtEnd<'_, F> {
    fn drop(&mut self) {
        (self.1)(&mut self.0.watched());
    }
}

/// What was logged last, and when.
#[derive(Default)]
struct Log {
    kind: Kind,
    at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    FullSpeed,
    Slowed,
    LetGo,
}

impl Log {
    /// Logs a pace of another kind than the last one.
    fn take(&mut self, Pace { speed, reason }: Pace) {
        let kind = match reason {
            PaceReason::LetGo { .. } => Kind::LetGo,
            _ if speed < 1.0 => Kind::Slowed,
            _ => Kind::FullSpeed,
        };
        if kind == self.kind || self.at.is_some_and(|at| at.elapsed() < LOG_INTERVAL) {
            return;
        }
        *self = Self { kind, at: Some(Instant::now()) };
        match kind {
            Kind::FullSpeed => info!(%reason, "backfill goes at full speed"),
            Kind::Slowed => info!(speed, %reason, "backfill is slowed"),
            Kind::LetGo => warn!(
                %reason,
                "backfill is not slowed for now; raise server.priority_lanes.production_latency_target_ms"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::time::Duration;

    use protean_core::handling::Fate;
    use protean_port::message::{Lane, LaneRule, Priority, Timestamp};
    use protean_port::port::{Counter, Delivery};
    use tokio::time::{sleep, timeout};
    use tokio_util::sync::CancellationToken;

    use super::Pacing;
    use crate::governor::WINDOW_MESSAGES;
    use crate::pace::{Pace, PaceReason};
    use crate::sample;

    const TARGET: Duration = Duration::from_millis(10);
    const BEGAN: Timestamp = Timestamp::from_micros(1_000_000);

    fn pacing() -> Pacing {
        Pacing::new(Some(TARGET), LaneRule { threshold: Some(Priority::NORMAL) }, BEGAN)
    }

    fn delivery(priority: Priority, time: Timestamp) -> Delivery {
        let mut delivery = sample::delivery(1);
        (delivery.recorded.message.priority, delivery.recorded.message.time) = (priority, time);
        delivery
    }

    #[test]
    fn only_production_that_was_handled_in_its_turn_counts() {
        let pacing = pacing();
        let (now, before) = (BEGAN + Duration::from_millis(7), Timestamp::default());
        let in_turn = delivery(Priority::NORMAL, BEGAN);
        for fate in [Fate::Passed(Counter::Ignored), Fate::Held, Fate::Retried, Fate::GivenUp] {
            pacing.durable(&in_turn, &fate, now);
        }
        for other in [
            delivery(Priority::BULK, BEGAN),
            delivery(Priority::NORMAL, before),
            Delivery { parked: true, ..in_turn.clone() },
        ] {
            pacing.durable(&other, &Fate::Handled, now);
        }
        assert!(pacing.seen().latencies.is_empty() && pacing.production().is_none());
        for _ in 0..=WINDOW_MESSAGES {
            pacing.durable(&in_turn, &Fate::Handled, now);
        }
        assert_eq!(pacing.seen().latencies, vec![Duration::from_millis(7); WINDOW_MESSAGES]);
        assert!(pacing.seen().latencies.is_empty(), "each is seen once");
        assert_eq!(pacing.production().unwrap().messages, WINDOW_MESSAGES + 1);
    }

    #[test]
    fn production_is_measured_without_a_target_too() {
        let pacing = Pacing::new(None, LaneRule { threshold: Some(Priority::NORMAL) }, BEGAN);
        for (priority, ms) in [(Priority::NORMAL, 7), (Priority::BULK, 900)] {
            let now = BEGAN + Duration::from_millis(ms);
            pacing.durable(&delivery(priority, BEGAN), &Fate::Handled, now);
        }
        let found = pacing.production().unwrap();
        assert_eq!((found.messages, found.p99), (1, Duration::from_millis(7)));
        assert!(pacing.seen().latencies.is_empty(), "nothing is kept for a governor");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_handled_beside_bulk_work_is_not_part_of_the_idle_latency() {
        let (pacing, at) = (pacing(), |ms| BEGAN + Duration::from_millis(ms));
        let message = delivery(Priority::NORMAL, BEGAN);
        let handle = |ms| pacing.durable(&message, &Fate::Handled, at(ms));
        let idle = || pacing.idle_production().map(|found| (found.messages, found.p99));
        handle(3);
        pacing.watch_commit(Lane::Backfill, async { handle(70) }).await;
        sleep(Duration::from_millis(900)).await;
        handle(80);
        assert_eq!(idle(), Some((1, Duration::from_millis(3))), "just before, bulk work ran");
        sleep(Duration::from_millis(200)).await;
        handle(4);
        assert_eq!(idle(), Some((2, Duration::from_millis(4))));
        pacing.watch_bulk(async {}).await;
        handle(5);
        assert_eq!(idle(), Some((3, Duration::from_millis(5))), "it has found nothing");
        pacing.bulk_worked();
        handle(90);
        assert_eq!(idle(), Some((3, Duration::from_millis(5))));
        assert_eq!(pacing.production().unwrap().messages, 6);
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_is_seen_until_it_has_ended_or_is_dropped() {
        let pacing = pacing();
        let ms = Duration::from_millis;
        let dropped = timeout(ms(30), pacing.watch_commit(Lane::Primary, pending::<()>()));
        let (seen, _) = tokio::join!(
            async {
                sleep(ms(20)).await;
                pacing.watch_commit(Lane::Primary, async { pacing.seen().commit_waited }).await
            },
            dropped
        );
        assert_eq!(seen, Some(ms(20)), "the oldest");
        assert_eq!(pacing.seen().commit_waited, None);
        let seen = pacing.watch_bulk(async { (pacing.seen().bulk, pacing.seen().bulk) }).await;
        assert_eq!(seen, (true, true), "it still runs");
        assert_eq!((pacing.seen().bulk, pacing.seen().bulk), (true, false));
    }

    #[tokio::test(start_paused = true)]
    async fn sets_the_pace_four_times_a_second_and_full_speed_at_the_end() {
        let (pacing, stop) = (Arc::new(pacing()), CancellationToken::new());
        let running = tokio::spawn(Arc::clone(&pacing).run(stop.clone()));
        let late = async {
            loop {
                for _ in 0..2 {
                    pacing.durable(
                        &delivery(Priority::NORMAL, BEGAN),
                        &Fate::Handled,
                        Timestamp::MAX,
                    );
                }
                pacing.watch_bulk(sleep(Duration::from_millis(250))).await;
            }
        };
        assert!(timeout(Duration::from_millis(1100), late).await.is_err());
        let speed = pacing.pace().speed;
        assert!((speed - 0.9_f64.powi(4)).abs() < 1e-9, "{speed}");
        stop.cancel();
        running.await.unwrap();
        assert_eq!(pacing.pace(), Pace::full(PaceReason::Stopping));
    }
}
