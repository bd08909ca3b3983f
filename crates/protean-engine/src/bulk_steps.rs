//! Bulk work goes in steps, few of them at once, and rests between them.
//!
//! ```text
//! a page for the broker ┐
//! a page from it        ├─▶ one step after another, over all handlers and the relay
//! a commit              ┘        └─ rest ─┘ as long as the pace says
//! ```
//! What delays production most is not a lock but work that is ready to run beside it: with
//! every stage of a backfill busy, each hop of a production message waits for a core. So a
//! server leaves one core without bulk work. A step is bounded, and its user's handlers are
//! not part of it: they may wait for other systems.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use protean_port::message::Lane;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::pacing::Pacing;

/// The steps of bulk work that may run at once in this server. A clone shares them.
#[derive(Clone)]
pub(crate) struct BulkSteps(Arc<Turns>);

struct Turns {
    free: Semaphore,
    /// The last step of each turn that is free, the first of them in front.
    steps: Mutex<VecDeque<Option<Step>>>,
    pacing: Arc<Pacing>,
}

/// A step that has ended.
#[derive(Clone, Copy)]
struct Step {
    ended: Instant,
    took: Duration,
}

impl BulkSteps {
    /// One step for each core but one, at this pace.
    pub(crate) fn of_machine(pacing: Arc<Pacing>) -> Self {
        Self::of(available_parallelism().map_or(1, NonZero::get), pacing)
    }

    fn of(cores: usize, pacing: Arc<Pacing>) -> Self {
        let count = cores.saturating_sub(1).max(1);
        let steps = Mutex::new(VecDeque::from(vec![None; count]));
        Self(Arc::new(Turns { free: Semaphore::new(count), steps, pacing }))
    }

    /// Takes a step of a lane: bulk work in the order of the calls, production at once. A
    /// step must not contain another one. A call that is dropped gives its turn up.
    pub(crate) async fn run<T>(&self, lane: Lane, work: impl Future<Output = T>) -> T {
        match lane {
            Lane::Primary => work.await,
            Lane::Backfill => {
                let step = async {
                    let _turn = self.0.take().await;
                    work.await
                };
                self.0.pacing.watch_bulk(step).await
            }
        }
    }

    /// Takes the step of a worker's commit.
    pub(crate) async fn commit<T>(&self, lane: Lane, work: impl Future<Output = T>) -> T {
        match lane {
            Lane::Primary => self.0.pacing.watch_commit(work).await,
            Lane::Backfill => self.run(lane, work).await,
        }
    }

    /// What sets the pace of the steps.
    pub(crate) fn pacing(&self) -> &Pacing {
        &self.0.pacing
    }
}

impl Turns {
    /// A turn, rested from its last step.
    async fn take(&self) -> Turn<'_> {
        // The semaphore is never closed.
        let permit = self.free.acquire().await.ok();
        let last = self.steps().pop_front().flatten();
        let mut turn = Turn { turns: self, _permit: permit, began: None, last };
        turn.rest().await;
        turn.began = Some(Instant::now());
        turn
    }

    fn steps(&self) -> MutexGuard<'_, VecDeque<Option<Step>>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn in which a step may be taken.
struct Turn<'a> {
    turns: &'a Turns,
    _permit: Option<SemaphorePermit<'a>>,
    /// When its step began.
    began: Option<Instant>,
    last: Option<Step>,
}

impl Turn<'_> {
    /// Rests from the last step, longer or shorter when the pace changes meanwhile.
    async fn rest(&self) {
        let Some(Step { ended, took }) = self.last else { return };
        let mut pace = self.turns.pacing.changes();
        loop {
            let until = ended + pace.borrow_and_update().rest_after(took);
            if until <= Instant::now() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                // The sender is part of the turns.
                _ = pace.changed() => {}
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let step = self.began.map(|began| Step { ended: Instant::now(), took: began.elapsed() });
        // Before the permit is given back.
        self.turns.steps().push_back(step.or(self.last));
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt;
    use protean_port::message::Lane;
    use tokio::sync::oneshot;
    use tokio::time::{Instant, sleep, timeout};

    use super::BulkSteps;
    use crate::pace::{Pace, PaceReason};
    use crate::pacing::Pacing;

    fn steps(cores: usize) -> BulkSteps {
        BulkSteps::of(cores, Pacing::none().into())
    }

    fn set(steps: &BulkSteps, speed: f64) {
        steps.pacing().set(Pace { speed, reason: PaceReason::NoTarget });
    }

    /// Takes a step of 10 ms; gives how long it has waited for its turn, in ms.
    async fn waits(steps: &BulkSteps) -> u128 {
        let asked = Instant::now();
        let began = steps.run(Lane::Backfill, async {
            let began = Instant::now();
            sleep(Duration::from_millis(10)).await;
            began
        });
        (began.await - asked).as_millis()
    }

    #[test]
    fn leaves_a_core_without_bulk_work_where_there_are_several() {
        for (cores, expected) in [(1, 1), (2, 1), (3, 2), (8, 7)] {
            assert_eq!(steps(cores).0.free.available_permits(), expected, "{cores} cores");
        }
    }

    #[test]
    fn bulk_steps_take_turns_and_production_passes_them() {
        let steps = steps(2);
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
        let steps = steps(1);
        let mut first = Box::pin(steps.run(Lane::Backfill, pending::<()>()));
        let mut waiting = Box::pin(steps.run(Lane::Backfill, pending::<()>()));
        assert!((&mut first).now_or_never().is_none() && (&mut waiting).now_or_never().is_none());
        drop((first, waiting));
        assert_eq!(steps.run(Lane::Backfill, ready(1)).now_or_never(), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_rests_after_the_one_before_it_as_long_as_the_pace_says() {
        let steps = steps(2);
        assert_eq!((waits(&steps).await, waits(&steps).await), (0, 0));
        set(&steps, 0.25);
        assert_eq!(waits(&steps).await, 30);
        sleep(Duration::from_millis(20)).await;
        assert_eq!(waits(&steps).await, 10, "the rest has begun with the end of the step");
        let asked = Instant::now();
        steps.run(Lane::Primary, async {}).await;
        assert_eq!(asked.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_several_turns_rests_from_its_own_step() {
        let steps = steps(3);
        set(&steps, 0.5);
        assert_eq!((waits(&steps).await, waits(&steps).await), (0, 0));
        assert_eq!((waits(&steps).await, waits(&steps).await), (0, 0), "the other one has rested");
        let both = tokio::join!(waits(&steps), waits(&steps));
        assert_eq!(both, (0, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_ends_when_the_pace_rises_and_goes_on_when_its_caller_is_gone() {
        let steps = steps(2);
        set(&steps, 0.05);
        waits(&steps).await;
        let dropped = timeout(Duration::from_millis(40), waits(&steps)).await;
        assert!(dropped.is_err());
        let hurried = async {
            sleep(Duration::from_millis(60)).await;
            set(&steps, 1.0);
        };
        let (waited, ()) = tokio::join!(waits(&steps), hurried);
        assert_eq!(waited, 60);
        set(&steps, 0.05);
        assert_eq!(waits(&steps).await, 190);
    }
}
