//! Bulk work goes in steps, and few of them at once.
//!
//! ```text
//! a page for the broker ┐
//! a page from it        ├─▶ one step after another, over all handlers and the relay
//! a commit              ┘
//! ```
//! What delays production most is not a lock but work that is ready to run beside it: with
//! every stage of a backfill busy, each hop of a production message waits for a core. So a
//! server leaves one core without bulk work. A step is bounded, and its user's handlers are
//! not part of it: they may wait for other systems.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use protean_port::message::Lane;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The steps of bulk work that may run at once in this server. A clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct BulkSteps(Arc<Semaphore>);

/// A step under way. It ends when this is dropped.
pub(crate) struct Step {
    _permit: Option<OwnedSemaphorePermit>,
}

impl BulkSteps {
    /// One step for each core but one.
    pub(crate) fn of_machine() -> Self {
        Self::of(available_parallelism().map_or(1, NonZero::get))
    }

    fn of(cores: usize) -> Self {
        Self(Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))))
    }

    /// Begins a step, in the order of the calls; production never waits. Cancel safe: a call
    /// that is dropped loses its turn.
    pub(crate) async fn begin(&self, lane: Lane) -> Step {
        let permit = match lane {
            Lane::Primary => None,
            Lane::Backfill => Arc::clone(&self.0).acquire_owned().await.ok(),
        };
        Step { _permit: permit }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use protean_port::message::Lane;

    use super::BulkSteps;

    #[test]
    fn leaves_a_core_without_bulk_work_where_there_are_several() {
        for (cores, expected) in [(1, 1), (2, 1), (3, 2), (8, 7)] {
            assert_eq!(BulkSteps::of(cores).0.available_permits(), expected, "{cores} cores");
        }
    }

    #[test]
    fn bulk_steps_take_turns_and_production_passes_them() {
        let steps = BulkSteps::of(2);
        let first = steps.begin(Lane::Backfill).now_or_never();
        assert!(first.is_some());
        let mut second = Box::pin(steps.begin(Lane::Backfill));
        assert!((&mut second).now_or_never().is_none());
        assert!(steps.begin(Lane::Primary).now_or_never().is_some());
        drop(first);
        assert!(second.now_or_never().is_some());
    }

    #[test]
    fn a_step_that_is_dropped_before_it_begins_gives_its_turn_up() {
        let steps = BulkSteps::of(1);
        let first = steps.begin(Lane::Backfill).now_or_never();
        let mut waiting = Box::pin(steps.begin(Lane::Backfill));
        assert!((&mut waiting).now_or_never().is_none());
        drop(first);
        drop(waiting);
        assert!(steps.begin(Lane::Backfill).now_or_never().is_some());
    }
}
