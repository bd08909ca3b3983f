//! Whether backfill has had its share of handlers' time. Pure: the caller brings the time.

use std::time::Duration;

use protean_port::message::Lane;

/// What one lane owes the other is forgotten beyond this time of each slot.
const MAX_DEBT: Duration = Duration::from_secs(10);

/// How many handlers run, by lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) primary: usize,
    pub(super) backfill: usize,
}

impl Running {
    pub(super) fn total(self) -> usize {
        self.primary + self.backfill
    }

    pub(super) fn get(mut self, lane: Lane) -> usize {
        *self.of(lane)
    }

    pub(super) fn is_some(self, lane: Lane) -> bool {
        self.get(lane) > 0
    }

    pub(super) fn of(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::Primary => &mut self.primary,
            Lane::Backfill => &mut self.backfill,
        }
    }
}

/// The share of the time of some slots that backfill gets while production wants them too.
#[derive(Debug)]
pub(super) struct TimeShare {
    share: f64,
    slots: f64,
    /// The time that backfill is owed, in seconds of one slot.
    balance: f64,
}

impl TimeShare {
    /// A share, 0 for none, of the time of this many slots.
    pub(super) fn new(share: f64, slots: usize) -> Self {
        Self { share, slots: as_number(slots), balance: 0.0 }
    }

    /// Time passes in which both lanes have work that could start.
    pub(super) fn pass(&mut self, time: Duration, running: Running) {
        let (all, backfill) = (as_number(running.total()), as_number(running.backfill));
        let most = MAX_DEBT.as_secs_f64() * self.slots;
        let owed = (self.share * all - backfill) * time.as_secs_f64();
        self.balance = (self.balance + owed).clamp(-most, most);
    }

    /// True when the next slot is backfill's. However much it is owed, production keeps the
    /// slots that are not part of the share.
    pub(super) fn is_due(&self, running: Running) -> bool {
        let slots = self.slots.max(as_number(running.total() + 1));
        self.balance > 0.0 && as_number(running.backfill) < (self.share * slots).ceil()
    }
}

#[expect(clippy::cast_precision_loss, reason = "slots are few")]
fn as_number(count: usize) -> f64 {
    count as f64
}
