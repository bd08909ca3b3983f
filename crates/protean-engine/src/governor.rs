//! The governor: how fast bulk work may go beside production. A pure state machine without a
//! clock and without I/O.
//!
//! ```text
//!            late                        late for 5 s at the floor
//! full speed ────▶ slowed: −10 % a tick ──────────────────────────▶ let go: full speed
//!     ▲              │ +2 points a tick                                 │
//!     ├──────────────┘ while in time and bulk work waits                │
//!     └─────────────────────────────────────────────────────────────────┘ after a minute
//! ```
//!
//! * Late means that of the last 200 messages, none older than 2.5 s, more than one in a hundred
//!   took longer than the target, and more than one at all; or that a commit waits for longer
//!   than that now.
//! * What was seen before the pace was lowered says nothing about the new one.
//! * Without production for a second, or without bulk work for five, everything is forgotten.

use std::collections::VecDeque;
use std::time::Duration;

use crate::pace::{FLOOR, Pace, PaceReason};

/// How often the governor is asked.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// How many messages are judged.
pub(crate) const WINDOW_MESSAGES: usize = 200;
/// The age from which a message is judged no more.
const WINDOW_TIME: Duration = Duration::from_millis(2500);
/// How many messages may be late in a window however few there are: one is chance.
const LATE_BY_CHANCE: usize = 1;
/// The share of the pace that a tick with late production leaves.
const LOWERING: f64 = 0.9;
/// What a tick without late production adds to the pace.
const RAISE: f64 = 0.02;
/// How long a lowered pace is tried before it is raised.
const RAISE_DELAY: Duration = Duration::from_secs(2);
/// How long production must be late at the floor before the target is let go of.
const LET_GO_DELAY: Duration = Duration::from_secs(5);
/// How long bulk work then goes at full speed.
const LET_GO_TIME: Duration = Duration::from_secs(60);
/// How long without production everything is forgotten.
const PRODUCTION_MEMORY: Duration = Duration::from_secs(1);
/// How long without bulk work everything is forgotten.
const BULK_MEMORY: Duration = Duration::from_secs(5);

/// What was seen since the last tick.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How long each production message took until it was handled and durable, the latest last.
    pub(crate) latencies: VecDeque<Duration>,
    /// How long the oldest commit of production that is under way has waited.
    pub(crate) commit_waited: Option<Duration>,
    /// True when bulk work ran or waited to.
    pub(crate) bulk: bool,
}

/// Sets the pace of bulk work by the latency of production. Times are counted from any fixed
/// moment.
#[derive(Debug)]
pub(crate) struct Governor {
    target: Duration,
    pace: Pace,
    /// The messages to judge, all since the pace was last lowered.
    window: VecDeque<Sample>,
    production_at: Option<Duration>,
    bulk_at: Option<Duration>,
    lowered_at: Duration,
    late_at_floor_since: Option<Duration>,
    let_go_until: Option<Duration>,
}

#[derive(Debug)]
struct Sample {
    at: Duration,
    is_late: bool,
}

impl Governor {
    pub(crate) fn new(target: Duration) -> Self {
        Self {
            target,
            pace: Pace::full(PaceReason::NoBackfill),
            window: VecDeque::new(),
            production_at: None,
            bulk_at: None,
            lowered_at: Duration::ZERO,
            late_at_floor_since: None,
            let_go_until: None,
        }
    }

    /// The pace from `now` on.
    pub(crate) fn tick(&mut self, now: Duration, seen: &Seen) -> Pace {
        self.take_in(now, seen);
        let is_recent = |at: Option<Duration>, memory| at.is_some_and(|at| now < at + memory);
        if !is_recent(self.bulk_at, BULK_MEMORY) {
            self.forget(PaceReason::NoBackfill);
        } else if !is_recent(self.production_at, PRODUCTION_MEMORY) {
            self.forget(PaceReason::NoProduction);
        } else if self.let_go_until.is_none_or(|until| until <= now) {
            self.let_go_until = None;
            self.judge(now, seen);
        }
        self.pace
    }

    fn take_in(&mut self, now: Duration, seen: &Seen) {
        let target = self.target;
        let samples = seen.latencies.iter();
        self.window.extend(samples.map(|latency| Sample { at: now, is_late: *latency > target }));
        let surplus = self.window.len().saturating_sub(WINDOW_MESSAGES);
        self.window.drain(..surplus);
        while self.window.front().is_some_and(|oldest| oldest.at + WINDOW_TIME <= now) {
            self.window.pop_front();
        }
        if !seen.latencies.is_empty() || seen.commit_waited.is_some() {
            self.production_at = Some(now);
        }
        if seen.bulk {
            self.bulk_at = Some(now);
        }
    }

    /// Back to full speed, as if nothing had been seen.
    fn forget(&mut self, reason: PaceReason) {
        self.pace = Pace::full(reason);
        self.window.clear();
        self.late_at_floor_since = None;
        self.let_go_until = None;
    }

    fn judge(&mut self, now: Duration, seen: &Seen) {
        let lateness = self.lateness(seen.commit_waited);
        if lateness.is_none() {
            self.late_at_floor_since = None;
        }
        match lateness {
            // Without bulk work nothing is gained by going slower, or learned by going faster.
            _ if !seen.bulk => {}
            Some(_) if self.pace.speed <= FLOOR => self.endure(now),
            Some(reason) => {
                self.pace = Pace { speed: (self.pace.speed * LOWERING).max(FLOOR), reason };
                self.lowered_at = now;
                self.window.clear();
            }
            None => self.raise(now),
        }
    }

    /// Why production is late, when it is.
    fn lateness(&self, commit_waited: Option<Duration>) -> Option<PaceReason> {
        let target = self.target;
        if let Some(waited) = commit_waited.filter(|waited| *waited > target) {
            return Some(PaceReason::CommitLate { target, waited });
        }
        let of = self.window.len();
        let late = self.window.iter().filter(|sample| sample.is_late).count();
        let allowed = LATE_BY_CHANCE.max(of / 100);
        (late > allowed).then_some(PaceReason::MessagesLate { target, late, of })
    }

    fn raise(&mut self, now: Duration) {
        if self.pace.speed < 1.0 {
            if now < self.lowered_at + RAISE_DELAY {
                return;
            }
            self.pace.speed = (self.pace.speed + RAISE).min(1.0);
        }
        if self.pace.speed >= 1.0 {
            self.pace.reason = PaceReason::WithinTarget { target: self.target };
        }
    }

    /// Production is late beside the slowest backfill, which is borne for a while.
    fn endure(&mut self, now: Duration) {
        let since = *self.late_at_floor_since.get_or_insert(now);
        if now >= since + LET_GO_DELAY {
            self.forget(PaceReason::LetGo { target: self.target });
            self.let_go_until = Some(now + LET_GO_TIME);
        }
    }
}

#[cfg(test)]
#[path = "governor_tests.rs"]
mod tests;
