//! Bulk work goes in steps, few of them at once, and rests between them.
//!
//! ```text
//! a page for the broker ┐
//! a page from it        ├─▶ one step after another, over all handlers and the relay
//! a slice of handlers   │        └─ rest ─┘ as long as the pace says
//! a commit              ┘
//! ```
//! What delays production most is not a lock but work that is ready to run beside it: with
//! every stage of a backfill busy, each hop of a production message waits for a core. So the
//! machine keeps one core without bulk work while there is production. A step is bounded, and a handler that waits for
//! another system is not part of one. A server rests with a turn of the machine in hand: so what
//! paces its own bulk work paces an importer in another process as well.

use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use protean_core::domain::Domain;
use protean_core::unit::{LONGEST_TURN_REST, MachineTurn, MachineTurns, bulk_turns};
use protean_port::message::Lane;
use protean_port::port::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::pacing::Pacing;

/// The steps of bulk work that may run at once in this server. A clone shares them.
#[derive(Clone)]
pub(crate) struct BulkSteps(Arc<Turns>);

struct Turns {
    free: Arc<Semaphore>,
    /// The core that is kept for production. Bulk work has it too while there is none.
    spare: Arc<Semaphore>,
    /// When the last step of each turn that is free has begun, the turn that became free last
    /// at the end. Turns without a step yet are left out.
    begun: Mutex<Vec<Instant>>,
    pacing: Arc<Pacing>,
    /// The turns of all processes on this machine, of which this server is one.
    machine: Option<Arc<MachineTurns>>,
}

impl BulkSteps {
    /// One step for each core but one, at this pace, in turn with the other processes.
    pub(crate) fn of_machine(domain: &Domain, pacing: Arc<Pacing>) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::new(cores, pacing, Some(Arc::clone(&domain.env().machine_turns)))
    }

    /// The same for a process that is alone.
    #[cfg(test)]
    pub(crate) fn of(cores: usize, pacing: Arc<Pacing>) -> Self {
        Self::new(cores, pacing, None)
    }

    fn new(cores: usize, pacing: Arc<Pacing>, machine: Option<Arc<MachineTurns>>) -> Self {
        let turns = bulk_turns(cores);
        let [free, spare] = [turns, cores - turns].map(|turns| Arc::new(Semaphore::new(turns)));
        Self(Arc::new(Turns { free, spare, begun: Mutex::default(), pacing, machine }))
    }

    /// Takes a step of a lane: bulk work in the order of the calls, production at once. A
    /// step must not contain another one. A call that is dropped gives its turn up.
    pub(crate) async fn run<T>(&self, lane: Lane, work: impl Future<Output = T>) -> T {
        match lane {
            Lane::Primary => work.await,
            Lane::Backfill => {
                let step = async {
                    let _turn = Arc::clone(&self.0).take().await;
                    work.await
                };
                self.0.pacing.watch_bulk(step).await
            }
        }
    }

    /// A turn for a step that begins when it is there and ends when it is dropped.
    pub(crate) fn turn(&self) -> BoxFuture<'static, Turn> {
        let turns = Arc::clone(&self.0);
        Box::pin(async move {
            let pacing = Arc::clone(&turns.pacing);
            pacing.watch_bulk(turns.take()).await
        })
    }

    /// What sets the pace of the steps.
    pub(crate) fn pacing(&self) -> &Pacing {
        &self.0.pacing
    }
}

impl Turns {
    /// A turn, rested from its last step.
    async fn take(self: Arc<Self>) -> Turn {
        let is_quiet = self.machine.as_ref().is_some_and(|machine| machine.is_quiet());
        // The semaphores are never closed.
        let permit = tokio::select! {
            biased;
            permit = Arc::clone(&self.free).acquire_owned() => permit.ok(),
            permit = Arc::clone(&self.spare).acquire_owned(), if is_quiet => permit.ok(),
        };
        // The one that became free last: so a single stream of steps has one turn, and rests
        // as it should, however many there are.
        let begun = self.begun().pop();
        let mut turn = Turn { turns: self, _machine: None, _permit: permit, begun };
        let took = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        match &turn.turns.machine {
            None => turn.rest(took, |rest| rest).await,
            Some(machine) => {
                turn.rest(took, |rest| rest.saturating_sub(LONGEST_TURN_REST)).await;
                let rest = turn.rest(took, |rest| rest.min(LONGEST_TURN_REST));
                let rested = machine.take_rested(rest).await;
                turn._machine = Some(rested);
            }
        }
        turn.begun = Some(Instant::now());
        turn
    }

    fn begun(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn in which a step may be taken.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    /// Given back before the permit.
    _machine: Option<MachineTurn>,
    _permit: Option<OwnedSemaphorePermit>,
    /// When its last step has begun.
    begun: Option<Instant>,
}

impl Turn {
    /// Rests for a part of what the pace asks for, in proportion to the time since the last step
    /// has begun. That is how long bulk work takes from step to step, with what is not part of a
    /// step, such as its handlers: so its rate falls as the pace does. The pace may change meanwhile.
    async fn rest(&self, took: Duration, part: impl Fn(Duration) -> Duration) {
        let (now, mut pace) = (Instant::now(), self.turns.pacing.changes());
        loop {
            let until = now + part(pace.borrow_and_update().rest_after(took));
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

impl Drop for Turn {
    fn drop(&mut self) {
        // Before the permit is given back.
        self.turns.begun().extend(self.begun);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::FutureExt;
    use protean_core::domain::DomainBuilder;
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

    #[tokio::test(start_paused = true)]
    async fn while_there_is_no_production_bulk_work_has_every_core() {
        let domain = DomainBuilder::new("d").in_memory().build().unwrap();
        let machine = Arc::clone(&domain.env().machine_turns);
        let steps = BulkSteps::new(2, Pacing::none().into(), Some(machine));
        assert_eq!(tokio::join!(waits(&steps), waits(&steps), waits(&steps)), (0, 0, 10));
        domain.env().production_begins();
        sleep(Duration::from_millis(10)).await;
        assert_eq!(tokio::join!(waits(&steps), waits(&steps)), (0, 10));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(tokio::join!(waits(&steps), waits(&steps)), (0, 0));
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
    async fn the_rate_of_steps_falls_as_the_pace_does_with_what_is_done_between_them() {
        let steps = steps(2);
        assert_eq!((waits(&steps).await, waits(&steps).await), (0, 0));
        set(&steps, 0.25);
        assert_eq!((waits(&steps).await, waits(&steps).await), (30, 30));
        sleep(Duration::from_millis(5)).await;
        assert_eq!(waits(&steps).await, 45);
        let asked = Instant::now();
        steps.run(Lane::Primary, async {}).await;
        assert_eq!(asked.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_stream_of_steps_rests_alike_however_many_turns_there_are() {
        let steps = steps(8);
        set(&steps, 0.5);
        assert_eq!((waits(&steps).await, waits(&steps).await), (0, 10));
        assert_eq!(tokio::join!(waits(&steps), waits(&steps)), (10, 0));
        assert_eq!(tokio::join!(waits(&steps), waits(&steps)), (10, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_ends_when_the_pace_rises_and_begins_anew_when_its_caller_is_gone() {
        let steps = steps(2);
        set(&steps, 0.1);
        waits(&steps).await;
        let dropped = timeout(Duration::from_millis(40), waits(&steps)).await;
        assert!(dropped.is_err());
        let hurried = async {
            sleep(Duration::from_millis(60)).await;
            set(&steps, 1.0);
        };
        let (waited, ()) = tokio::join!(waits(&steps), hurried);
        assert_eq!(waited, 60);
        set(&steps, 0.1);
        assert_eq!(waits(&steps).await, 90);
    }
}
