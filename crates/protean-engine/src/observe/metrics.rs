//! What this process has counted since its server began: without a lock, where it happens.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use protean_core::domain::{Domain, Group};
use protean_core::handling::Verdict;
use protean_port::message::Lane;
use protean_port::port::LogId;

use crate::leadership::State;
use crate::observe::recent_latencies::Percentiles;
use crate::pace::Pace;
use crate::pacing::Pacing;
use crate::per_lane::PerLane;
use crate::source::names::stream;

/// The metrics of this process.
pub(crate) struct Metrics {
    began: Instant,
    stopping: AtomicBool,
    groups: Vec<Arc<GroupMetrics>>,
    pacing: Arc<Pacing>,
    log_id: OnceLock<LogId>,
}

impl Metrics {
    /// Metrics of a server that begins now, and the pace of its bulk work.
    pub(crate) fn of(domain: &Domain, pacing: Arc<Pacing>) -> Self {
        let groups = domain.groups();
        let groups = groups.iter().map(|group| Arc::new(GroupMetrics::of(group, domain))).collect();
        let (stopping, log_id) = (AtomicBool::new(false), OnceLock::new());
        Self { began: Instant::now(), stopping, groups, pacing, log_id }
    }

    /// The server has opened this log.
    pub(crate) fn opened(&self, log_id: LogId) {
        self.log_id.get_or_init(|| log_id);
    }

    /// The id of the log that the server has opened.
    pub(crate) fn log_id(&self) -> Option<&LogId> {
        self.log_id.get()
    }

    /// The groups, in the order of the registry.
    pub(crate) fn groups(&self) -> &[Arc<GroupMetrics>] {
        &self.groups
    }

    /// How fast bulk work goes, and why.
    pub(crate) fn pace(&self) -> Pace {
        self.pacing.pace()
    }

    /// How long production messages took lately; `None` when there was none.
    pub(crate) fn production(&self) -> Option<Percentiles> {
        self.pacing.production()
    }

    /// How long production messages took while no bulk work was under way; `None` when there
    /// was none.
    pub(crate) fn idle_production(&self) -> Option<Percentiles> {
        self.pacing.idle_production()
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.began.elapsed()
    }

    /// Notes that the server stops.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// What this process is to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has not asked yet whether it may read.
    Starting,
    /// It reads.
    Reading,
    /// Another process reads.
    StandingBy,
    /// It could not ask.
    Unknown,
}

impl Role {
    const ALL: [Self; 4] = [Self::Starting, Self::Reading, Self::StandingBy, Self::Unknown];

    /// What a process that reads alone is to its group.
    pub(crate) fn of(state: State) -> Self {
        match state {
            State::Candidate => Self::Starting,
            State::Unreachable => Self::Unknown,
            State::StandingBy => Self::StandingBy,
            State::Leading => Self::Reading,
        }
    }

    /// The name that the pages use.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Reading => "reading",
            Self::StandingBy => "standing by",
            Self::Unknown => "cannot be claimed",
        }
    }
}

/// The metrics of one group.
pub(crate) struct GroupMetrics {
    pub(crate) group: Arc<Group>,
    role: AtomicU8,
    lanes: PerLane<LaneMetrics>,
}

impl GroupMetrics {
    pub(crate) fn of(group: &Arc<Group>, domain: &Domain) -> Self {
        let settings = &domain.config().server.priority_lanes;
        let lanes = PerLane::new(domain.lanes().lanes(), |lane| {
            LaneMetrics::of(stream(lane, &group.category, settings))
        });
        Self { group: Arc::clone(group), role: AtomicU8::new(Role::Starting as u8), lanes }
    }

    pub(crate) fn role(&self) -> Role {
        Role::ALL[usize::from(self.role.load(Ordering::Relaxed))]
    }

    pub(crate) fn take(&self, role: Role) {
        self.role.store(role as u8, Ordering::Relaxed);
    }

    /// The metrics of each lane.
    pub(crate) fn lanes(&self) -> &[LaneMetrics] {
        self.lanes.as_slice()
    }

    /// The metrics of one lane.
    pub(crate) fn lane(&self, lane: Lane) -> &LaneMetrics {
        &self.lanes[lane]
    }
}

/// The runs of one handler in one lane, by their end.
pub(crate) struct LaneMetrics {
    /// The category, with the suffix of the lane.
    pub(crate) stream: String,
    pub(crate) done: Histogram,
    pub(crate) failed: Histogram,
    breaker_open: AtomicBool,
}

impl LaneMetrics {
    fn of(stream: String) -> Self {
        let (done, failed, breaker_open) = Default::default();
        Self { stream, done, failed, breaker_open }
    }

    /// Notes whether the breaker is open.
    pub(crate) fn breaker(&self, open: bool) {
        self.breaker_open.store(open, Ordering::Relaxed);
    }

    pub(crate) fn is_breaker_open(&self) -> bool {
        self.breaker_open.load(Ordering::Relaxed)
    }

    /// Counts the run of a message, when its handler had a part in the verdict.
    pub(crate) fn ran(&self, verdict: &Verdict, took: Duration) {
        match verdict {
            Verdict::Done(_) => self.done.record(took),
            Verdict::Retry(_)
            | Verdict::Rejected(_)
            | Verdict::Dead(_)
            | Verdict::Unavailable(_) => {
                self.failed.record(took);
            }
            _ => {}
        }
    }
}

/// How many runs took how long.
#[derive(Default)]
pub(crate) struct Histogram {
    /// Runs that took no longer than the bound, and longer than the one before; the last
    /// one counts those that exceed every bound.
    counts: [AtomicU64; Histogram::BOUND_MICROS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    const BOUND_MICROS: [u64; 12] = [
        100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000,
        60_000_000,
    ];

    fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = Self::BOUND_MICROS.partition_point(|bound| *bound < micros);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many runs there were.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// How long they took together.
    pub(crate) fn sum(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }

    /// For each bound, how many took no longer; the last entry has no bound.
    pub(crate) fn up_to(&self) -> Vec<(Option<Duration>, u64)> {
        let bounds = Self::BOUND_MICROS.iter().copied().map(Duration::from_micros).map(Some);
        let mut total = 0;
        let counts = self.counts.iter().map(|count| {
            total += count.load(Ordering::Relaxed);
            total
        });
        bounds.chain([None]).zip(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protean_core::handling::Verdict;

    use super::{Histogram, LaneMetrics, Role};

    #[test]
    fn a_run_counts_in_every_bucket_from_its_own_on() {
        let histogram = Histogram::default();
        for micros in [100, 101, 500, 70_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        let found = histogram.up_to();
        assert_eq!(found[0], (Some(Duration::from_micros(100)), 1));
        assert_eq!(found[1], (Some(Duration::from_micros(500)), 3));
        assert_eq!(found[11], (Some(Duration::from_secs(60)), 3));
        assert_eq!(found[12], (None, 4));
        assert_eq!((histogram.count(), histogram.sum()), (4, Duration::from_micros(70_000_701)));
    }

    #[test]
    fn only_what_a_handler_has_done_counts() {
        let runs = LaneMetrics::of(String::new());
        for verdict in [Verdict::Retry("a".into()), Verdict::Dead("b".into()), Verdict::Held] {
            runs.ran(&verdict, Duration::from_millis(1));
        }
        runs.ran(&Verdict::Ignored, Duration::from_millis(1));
        assert_eq!((runs.done.count(), runs.failed.count()), (0, 2));
    }

    #[test]
    fn a_role_is_read_as_it_was_taken() {
        assert!(Role::ALL.iter().enumerate().all(|(index, role)| *role as usize == index));
    }
}
