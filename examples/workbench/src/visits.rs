//! What became of each visit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::gauge::Gauge;
use crate::latency::Latencies;

/// What goes on beside the visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing.
    #[default]
    Calm,
    /// What they are to be measured beside.
    Busy,
}

/// What became of the visits of both phases.
#[derive(Debug, Default)]
pub struct Takings {
    /// Those that came before the busy phase.
    pub calm: PhaseTakings,
    /// Those that came in it.
    pub busy: PhaseTakings,
    /// Accepted, and not seen in the log in time.
    pub unanswered: u64,
    /// Why the first one that failed did.
    pub failure: Option<String>,
}

/// What became of the visits of a phase.
#[derive(Debug, Default)]
pub struct PhaseTakings {
    /// Those that have come.
    pub visits: u64,
    /// Those that failed, or were not done in time.
    pub errors: u64,
    /// From the moment a visitor was to come until the wish was accepted.
    pub accepted: Latencies,
    /// From the same moment until it was fulfilled.
    pub done: Latencies,
}

/// The visits of both phases. Shared by the senders and the watcher of the log.
pub(super) struct Visits {
    open: Mutex<Open>,
    calm_is_over: Notify,
    closing: AtomicBool,
    abandoned: AtomicBool,
    gauge: Arc<Gauge>,
}

#[derive(Default)]
struct Open {
    phase: Phase,
    waiting: HashMap<u64, Pending>,
    takings: Takings,
}

/// A visit that is not accepted yet, or not done.
struct Pending {
    due: Instant,
    phase: Phase,
    accepted: bool,
    done: bool,
}

impl Visits {
    /// Nobody has come yet.
    pub(super) fn new(gauge: Arc<Gauge>) -> Self {
        let (open, calm_is_over) = (Mutex::default(), Notify::new());
        let (closing, abandoned) = (AtomicBool::default(), AtomicBool::default());
        Self { open, calm_is_over, closing, abandoned, gauge }
    }

    /// Visits that come from now on are those of this phase.
    pub(super) fn enter(&self, phase: Phase) {
        self.open().phase = phase;
        // It keeps for one that waits later.
        self.calm_is_over.notify_one();
    }

    pub(super) async fn calm_is_over(&self) {
        self.calm_is_over.notified().await;
    }

    /// A visitor was to come at this moment.
    pub(super) fn due(&self, number: u64, due: Instant) {
        let mut open = self.open();
        let phase = open.phase;
        open.takings.of(phase).visits += 1;
        open.waiting.insert(number, Pending { due, phase, accepted: false, done: false });
    }

    /// The wish was accepted.
    pub(super) fn accepted(&self, number: u64) {
        self.saw(number, |pending| &mut pending.accepted, |takings| &mut takings.accepted);
    }

    /// The wish was fulfilled.
    pub(super) fn done(&self, number: u64) {
        let seen = self.saw(number, |pending| &mut pending.done, |takings| &mut takings.done);
        if let Some(due) = seen {
            self.gauge.visit_took(due.elapsed());
        }
    }

    /// Notes it the first time; returns when the visit was due.
    fn saw(
        &self,
        number: u64,
        seen: impl Fn(&mut Pending) -> &mut bool,
        latencies: impl Fn(&mut PhaseTakings) -> &mut Latencies,
    ) -> Option<Instant> {
        let now = Instant::now();
        let mut open = self.open();
        let pending = open.waiting.get_mut(&number)?;
        if std::mem::replace(seen(pending), true) {
            return None;
        }
        let (due, phase) = (pending.due, pending.phase);
        if pending.accepted && pending.done {
            open.waiting.remove(&number);
        }
        latencies(open.takings.of(phase)).add(now.saturating_duration_since(due));
        Some(due)
    }

    /// The wish was not accepted.
    pub(super) fn failed(&self, number: u64, reason: String) {
        let mut open = self.open();
        if let Some(pending) = open.waiting.remove(&number) {
            open.takings.of(pending.phase).errors += 1;
        }
        open.takings.failure.get_or_insert(reason);
    }

    /// Why the first one that failed did; asked once.
    pub(super) fn failure(&self) -> Option<String> {
        self.open().takings.failure.take()
    }

    /// Nobody comes any more.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// The run was interrupted: its result is not needed.
    pub(super) fn abandon(&self) {
        self.close();
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// True when there is nothing left to see.
    pub(super) fn is_over(&self) -> bool {
        let abandoned = self.abandoned.load(Ordering::Relaxed);
        abandoned || (self.is_closing() && self.open().waiting.is_empty())
    }

    /// Everything; what still waits has failed.
    pub(super) fn take(&self) -> Takings {
        let Open { waiting, mut takings, .. } = std::mem::take(&mut *self.open());
        for pending in waiting.into_values() {
            takings.of(pending.phase).errors += 1;
            takings.unanswered += 1;
        }
        takings
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Takings {
    /// Visits that were accepted, of both phases.
    pub fn accepted(&self) -> u64 {
        self.calm.accepted.count() + self.busy.accepted.count()
    }

    fn of(&mut self, phase: Phase) -> &mut PhaseTakings {
        match phase {
            Phase::Calm => &mut self.calm,
            Phase::Busy => &mut self.busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Phase, Visits};

    #[test]
    fn a_visit_counts_in_its_phase_until_it_is_accepted_and_done() {
        let visits = Visits::new(std::sync::Arc::default());
        let [fine, refused, lost, busy] = [0, 1, 2, 3];
        for number in [fine, refused, lost] {
            visits.due(number, Instant::now());
        }
        visits.enter(Phase::Busy);
        visits.due(busy, Instant::now());
        for number in [fine, busy] {
            // The record may be seen before the answer, and more than once.
            visits.done(number);
            visits.done(number);
            visits.accepted(number);
        }
        visits.failed(refused, "no".to_owned());
        visits.accepted(lost);
        visits.close();
        assert!(!visits.is_over());
        let takings = visits.take();
        assert_eq!((takings.calm.visits, takings.calm.errors, takings.unanswered), (3, 2, 1));
        assert_eq!((takings.busy.visits, takings.busy.errors), (1, 0));
        assert_eq!((takings.accepted(), takings.busy.done.count()), (3, 1));
        assert_eq!(takings.failure.as_deref(), Some("no"));
        assert!(visits.is_over());
    }
}
