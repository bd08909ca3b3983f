//! What became of each order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use protean::Id;

use super::latency::Latencies;

/// What goes on beside the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing.
    Idle,
    /// The books come in and are handled.
    Draining,
}

/// What became of the orders of a phase.
#[derive(Clone, Debug, Default)]
pub(super) struct Takings {
    pub(super) orders: u64,
    pub(super) errors: u64,
    /// From the moment an order was to be sent until its answer was there.
    pub(super) answered: Latencies,
    /// From the same moment until its event was seen in the log.
    pub(super) placed: Latencies,
}

/// The orders of both phases. Shared by the senders and the watcher of the log.
#[derive(Default)]
pub(super) struct Record {
    open: Mutex<Open>,
    closing: AtomicBool,
    abandoned: AtomicBool,
}

#[derive(Default)]
struct Open {
    waiting: HashMap<Id, PendingOrder>,
    idle: Takings,
    draining: Takings,
    failure: Option<String>,
}

/// An order that is not answered yet, or not placed.
struct PendingOrder {
    due: Instant,
    phase: Phase,
    answered: bool,
    placed: bool,
}

impl Record {
    /// An order is to be sent at this moment.
    pub(super) fn due(&self, order: Id, due: Instant, phase: Phase) {
        let mut open = self.open();
        open.takings(phase).orders += 1;
        let pending = PendingOrder { due, phase, answered: false, placed: false };
        open.waiting.insert(order, pending);
    }

    /// The shop has taken it.
    pub(super) fn answered(&self, order: &Id) {
        self.saw(order, |pending| &mut pending.answered, |takings| &mut takings.answered);
    }

    /// Its event is in the log.
    pub(super) fn placed(&self, order: &Id) {
        self.saw(order, |pending| &mut pending.placed, |takings| &mut takings.placed);
    }

    fn saw(
        &self,
        order: &Id,
        seen: impl Fn(&mut PendingOrder) -> &mut bool,
        latencies: impl Fn(&mut Takings) -> &mut Latencies,
    ) {
        let now = Instant::now();
        let mut open = self.open();
        let Some(pending) = open.waiting.get_mut(order) else { return };
        // Only the first sighting gives the latency.
        if std::mem::replace(seen(pending), true) {
            return;
        }
        let (took, phase) = (now.saturating_duration_since(pending.due), pending.phase);
        if pending.answered && pending.placed {
            open.waiting.remove(order);
        }
        latencies(open.takings(phase)).add(took);
    }

    /// The shop has not taken it.
    pub(super) fn failed(&self, order: &Id, reason: String) {
        let mut open = self.open();
        if let Some(pending) = open.waiting.remove(order) {
            open.takings(pending.phase).errors += 1;
        }
        open.failure.get_or_insert(reason);
    }

    /// No more orders come.
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

    /// Everything, idle and draining; what still waits has failed. Gives the
    /// first failure as well.
    pub(super) fn take(&self) -> ([Takings; 2], Option<String>) {
        let mut open = std::mem::take(&mut *self.open());
        for pending in std::mem::take(&mut open.waiting).into_values() {
            open.takings(pending.phase).errors += 1;
            open.failure.get_or_insert_with(|| "an order was accepted and never placed".to_owned());
        }
        ([open.idle, open.draining], open.failure)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn takings(&mut self, phase: Phase) -> &mut Takings {
        match phase {
            Phase::Idle => &mut self.idle,
            Phase::Draining => &mut self.draining,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Id, Phase, Record};

    #[test]
    fn an_order_counts_in_its_phase_until_it_is_answered_and_placed() {
        let record = Record::default();
        let orders = ["idle", "refused", "lost", "draining"].map(Id::from);
        let [idle, refused, lost, draining] = &orders;
        for (order, phase) in
            orders.iter().zip([Phase::Idle; 3].into_iter().chain([Phase::Draining]))
        {
            record.due(order.clone(), Instant::now(), phase);
        }
        for order in [idle, draining] {
            // The event may be seen before the answer, and more than once.
            record.placed(order);
            record.placed(order);
            record.answered(order);
        }
        record.failed(refused, "no".into());
        record.answered(lost);
        record.close();
        assert!(!record.is_over());
        let ([before, during], failure) = record.take();
        assert_eq!((before.orders, before.errors), (3, 2));
        assert_eq!((during.orders, during.errors, failure.as_deref()), (1, 0, Some("no")));
        assert!(during.answered.percentiles().is_some() && record.is_over());
    }
}
