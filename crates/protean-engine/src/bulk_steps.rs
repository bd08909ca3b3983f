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
use tokio::sync::Semaphore;

/// The steps of bulk work that may run at once in this server. A clone shares them.
#[derive(Clone, Debug)]
pub(crate) struct BulkSteps(Arc<Semaphore>);

impl BulkSteps {
    /// One step for each core but one.
    pub(crate) fn of_machine() -> Self {
        Self::of(available_parallelism().map_or(1, NonZero::get))
    }

    fn of(cores: usize) -> Self {
        Self(Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))))
    }

    /// Takes a step of a lane: bulk work in the order of the calls, production at once. A
    /// step must not contain another one. A call that is dropped gives its turn up.
    pub(crate) async fn run<T>(&self, lane: Lane, work: impl Future<Output = T>) -> T {
        let _permit = match lane {
            Lane::Primary => None,
            // The semaphore is never closed.
            Lane::Backfill => self.0.acquire().await.ok(),
        };
        work.await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use futures_util::FutureExt;
    use protean_port::message::Lane;
    use tokio::sync::oneshot;

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
        let (done, first) = oneshot::channel::<()>();
        let mut first = pin!(steps.run(Lane::Backfill, first));
        assert!((&mut first).now_or_never().is_none(), "it is under way");
        let mut second = pin!(steps.run(Lane::Backfill, ready(2)));
        assert!((&mut second).now_or_never().is_none(), "it waits for its turn");
        assert_eq!(steps.run(Lane::Primary, ready(3)).now_or_never(), Some(3));
        done.send(()).unwrap();
        assert!(first.now_or_never().is_some());
        assert_eq!(second.now_or_never(), Some(2));
    }

    #[test]
    fn a_step_that_is_dropped_gives_its_turn_up() {
        let steps = BulkSteps::of(1);
        let mut first = Box::pin(steps.run(Lane::Backfill, pending::<()>()));
        let mut waiting = Box::pin(steps.run(Lane::Backfill, pending::<()>()));
        assert!((&mut first).now_or_never().is_none() && (&mut waiting).now_or_never().is_none());
        drop((first, waiting));
        assert_eq!(steps.run(Lane::Backfill, ready(1)).now_or_never(), Some(1));
    }
}
