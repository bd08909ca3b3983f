//! What the slots of a server are, and what a handler wants of them.

use protean_port::message::Lane;

/// How many messages may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Messages of all lanes together.
    pub concurrency: usize,
    /// Slots that backfill may not use.
    pub reserved: usize,
}

impl Slots {
    /// The most of these slots that messages of a lane may hold.
    pub fn of(self, lane: Lane) -> usize {
        match lane {
            Lane::Primary => self.concurrency,
            // A lane that could hold no slot would never run.
            Lane::Backfill => self.concurrency.saturating_sub(self.reserved).max(1),
        }
    }
}

/// For which lanes a handler has a message that could start if there were a slot for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// For production, or for backfill that competes with it.
    pub primary: bool,
    /// For backfill.
    pub backfill: bool,
}

impl Demand {
    /// Whether there is one for this lane.
    pub fn wants(self, lane: Lane) -> bool {
        match lane {
            Lane::Primary => self.primary,
            Lane::Backfill => self.backfill,
        }
    }
}
