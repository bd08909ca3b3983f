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
use protean_port::message::{Lane, Timestamp};
use protean_port::port::Delivery;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::governor::{Governor, Seen, TICK, WINDOW_MESSAGES};
use crate::pace::{Pace, PaceReason};

/// The time between two log lines about the pace. A governor at work changes it all the time.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What the governor of a server has seen, and the pace that it has set.
pub(crate) struct Pacing {
    target: Option<Duration>,
    began: Timestamp,
    watched: Mutex<Watched>,
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
}

impl Pacing {
    /// Paces the bulk work of a domain's server, if there is a target for its production.
    pub(crate) fn of(domain: &Domain) -> Self {
        let target = domain.config().server.priority_lanes.production_latency_target;
        Self::new(target, domain.clock().now())
    }

    /// Lets bulk work go at full speed.
    pub(crate) fn none() -> Self {
        Self::new(None, Timestamp::MAX)
    }

    fn new(target: Option<Duration>, began: Timestamp) -> Self {
        let reason = target.map_or(PaceReason::NoTarget, |_| PaceReason::NoBackfill);
        let pace = watch::Sender::new(Pace::full(reason));
        Self { target, began, watched: Mutex::default(), pace }
    }

    /// The present pace.
    pub(crate) fn pace(&self) -> Pace {
        *self.pace.borrow()
    }

    /// The pace, and each change of it.
    pub(crate) fn changes(&self) -> watch::Receiver<Pace> {
        self.pace.subscribe()
    }

    /// A message is settled and durable. A production message counts when its handler has
    /// completed at the first try, and it has not waited for the server to start.
    pub(crate) fn durable(&self, lane: Lane, delivery: &Delivery, fate: &Fate, now: Timestamp) {
        let made = delivery.recorded.message.time;
        let in_turn = matches!(fate, Fate::Handled) && !delivery.parked && made >= self.began;
        if self.target.is_some() && lane == Lane::Primary && in_turn {
            let latencies = &mut self.watched().seen.latencies;
            if latencies.len() == WINDOW_MESSAGES {
                latencies.pop_front();
            }
            latencies.push_back(now.since(made));
        }
    }

    /// Carries out a commit of production, which is watched for how long it waits.
    pub(crate) async fn watch_commit<T>(&self, commit: impl Future<Output = T>) -> T {
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
