//! How much bulk work a commit takes, and whether the next one has its turn. Pure: the caller
//! measures.

use std::time::Duration;

use protean_port::message::Lane;
use protean_port::port::{BatchSizer, Outcome, StepTime};

/// How long a commit of bulk work should take.
pub(super) const BULK_COMMIT_TIME: StepTime =
    StepTime { beside_production: Duration::from_millis(3), alone: Duration::from_millis(5) };
/// The fewest units that a commit of bulk work has room for.
const MIN_BULK_UNITS: usize = 48;
/// The most units in a commit of bulk work.
const MAX_BULK_UNITS: usize = 512;

/// The commits of bulk work, each of which is a step.
pub(super) struct BulkCommits {
    /// A turn is awaited for the next one.
    awaits_turn: bool,
    size: BatchSizer,
    /// The one under way has all the units there is room for.
    is_full: bool,
}

impl BulkCommits {
    pub(super) fn new() -> Self {
        let size = BatchSizer::new(BULK_COMMIT_TIME.alone, MIN_BULK_UNITS..=MAX_BULK_UNITS);
        Self { awaits_turn: false, size, is_full: false }
    }

    pub(super) fn awaits_turn(&self) -> bool {
        self.awaits_turn
    }

    /// A turn is asked for.
    pub(super) fn await_turn(&mut self) {
        self.awaits_turn = true;
    }

    /// It is the turn of the next one.
    pub(super) fn may_begin(&mut self) {
        self.awaits_turn = false;
    }

    /// The most units that the next one may have.
    pub(super) fn room(&self) -> usize {
        self.size.units()
    }

    /// One with so many units begins.
    pub(super) fn begin(&mut self, units: usize) {
        self.is_full = units >= self.size.units();
    }

    /// Learns from the one that has ended how many units the next one may have, which should take
    /// `target`.
    pub(super) fn ended(&mut self, time: Duration, target: Duration) {
        self.size.aim_at(target);
        if self.is_full {
            self.size.took(time);
        }
    }
}

/// A commit that has ended.
pub(super) struct CommitEnd {
    pub(super) lane: Lane,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) time: Duration,
}

#[cfg(test)]
mod tests {
    use super::{BULK_COMMIT_TIME, BulkCommits, MAX_BULK_UNITS, MIN_BULK_UNITS};

    #[test]
    fn a_bulk_commit_has_as_many_units_as_the_target_leaves_time_for() {
        let (mut commits, target) = (BulkCommits::new(), BULK_COMMIT_TIME.beside_production);
        let mut ends = |units, time| {
            commits.begin(units);
            commits.ended(time, target);
            commits.room()
        };
        let quick = target / 4;
        assert_eq!(ends(MIN_BULK_UNITS, quick), 2 * MIN_BULK_UNITS);
        assert_eq!(ends(MIN_BULK_UNITS, quick), 2 * MIN_BULK_UNITS, "it had room for more");
        assert_eq!(ends(2 * MIN_BULK_UNITS, 2 * target), MIN_BULK_UNITS);
        assert_eq!(ends(MIN_BULK_UNITS, 2 * target), MIN_BULK_UNITS);
        let largest = (0..9).fold(MIN_BULK_UNITS, |units, _| ends(units, quick));
        assert_eq!(largest, MAX_BULK_UNITS);
    }
}
