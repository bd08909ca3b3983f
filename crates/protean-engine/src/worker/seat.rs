//! The slots of a server, shared by its workers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protean_core::config::{PriorityLanes, ServerConfig};
use protean_port::message::Lane;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::slot_arbiter::SlotArbiter;
use super::slots::{Demand, Slots};

/// The slots of a server. A clone shares them.
#[derive(Clone)]
pub(crate) struct SlotPool {
    table: Arc<Mutex<Table>>,
    /// Where time begins, when the policy asks for it.
    since: Option<Instant>,
}

struct Table {
    arbiter: SlotArbiter,
    /// For the handler at each place.
    wakers: Vec<Arc<Notify>>,
}

/// The place of a worker among those that share the slots. Dropped, also by a panic, it gives
/// back the slots that the worker has.
pub(crate) struct Seat {
    pool: SlotPool,
    place: usize,
    waker: Arc<Notify>,
}

impl SlotPool {
    /// The slots that the server has by its settings.
    pub(crate) fn of(server: &ServerConfig) -> Self {
        let slots = Slots { concurrency: server.concurrency, reserved: server.reserved };
        let lanes: &PriorityLanes = &server.priority_lanes;
        let arbiter = SlotArbiter::new(slots, lanes.min_share);
        Self {
            table: Arc::new(Mutex::new(Table { arbiter, wakers: Vec::new() })),
            since: (lanes.min_share > 0.0).then(Instant::now),
        }
    }

    /// A place for a worker, of which `limit` messages may run at once.
    pub(crate) fn join(&self, limit: usize) -> Seat {
        let waker = Arc::new(Notify::new());
        let mut table = self.lock();
        let place = table.arbiter.join(limit);
        let at_place = Arc::clone(&waker);
        match table.wakers.get_mut(place) {
            Some(before) => *before = at_place,
            None => table.wakers.push(at_place),
        }
        drop(table);
        Seat { pool: self.clone(), place, waker }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Seat {
    /// The lane of the message to start, which then has a slot until it is
    /// [released](Self::release). With none, the worker is [woken](Self::woken) when one of
    /// these could start.
    pub(crate) fn choose(&self, demand: Demand) -> Option<Lane> {
        self.change(|arbiter, place, now| arbiter.choose(place, demand, now))
    }

    /// The worker starts nothing more.
    pub(crate) fn want_nothing(&self) {
        self.change(|arbiter, place, now| arbiter.choose(place, Demand::default(), now));
    }

    /// A message has ended whose slot was of this lane.
    pub(crate) fn release(&self, lane: Lane) {
        self.change(|arbiter, place, now| arbiter.release(place, lane, now));
    }

    /// Completes when there may be a slot for a message that was refused. Cancel safe.
    pub(crate) async fn woken(&self) {
        self.waker.notified().await;
    }

    fn change<T>(&self, change: impl FnOnce(&mut SlotArbiter, usize, Duration) -> T) -> T {
        let now = self.pool.now();
        let mut table = self.pool.lock();
        let Table { arbiter, wakers } = &mut *table;
        let result = change(arbiter, self.place, now);
        while let Some(waker) = arbiter.wake().and_then(|place| wakers.get(place)) {
            waker.notify_one();
        }
        result
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.change(|arbiter, place, now| arbiter.leave(place, now));
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use futures_util::FutureExt;
    use protean_core::config::Config;
    use protean_port::message::Lane;

    use super::{Demand, Seat, SlotPool};

    const DEMAND: Demand = Demand { primary: false, backfill: true };

    fn seats() -> [Seat; 2] {
        let pool = SlotPool::of(&Config::default().server);
        [(); 2].map(|()| pool.join(usize::MAX))
    }

    fn fill(seat: &Seat) -> usize {
        std::iter::from_fn(|| seat.choose(DEMAND)).count()
    }

    #[test]
    fn wakes_a_worker_that_was_refused_and_no_other() {
        let [first, second] = seats();
        // A worker that asks for one at a time, and one that is refused.
        assert_eq!((0..28).filter_map(|_| first.choose(DEMAND)).count(), 28);
        assert_eq!(fill(&second), 1);
        assert!(first.woken().now_or_never().is_none() && second.woken().now_or_never().is_none());
        first.release(Lane::Backfill);
        assert!(first.woken().now_or_never().is_none(), "it asks by itself");
        assert!(second.woken().now_or_never().is_some());
        assert_eq!((fill(&second), fill(&first)), (1, 0));
    }

    #[test]
    fn a_worker_that_panics_gives_its_slots_back() {
        let [first, second] = seats();
        assert_eq!((fill(&first), fill(&second)), (28, 1));
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let _seat = first;
            panic!("a worker of this test");
        }));
        assert!(panics.is_err());
        assert!(second.woken().now_or_never().is_some());
        assert_eq!(fill(&second), 28);
    }
}
