//! The worker of one group: reads, schedules, runs, settles, commits.
//!
//! ```text
//! reads ─▶ lanes ─▶ job ─▶ settle ─▶ pipeline ─▶ Store::commit
//!    ▲        ▲                           │ durable, or left out
//!    └─ wake  └──────── parked ◀──────────┘
//! ```
//!
//! Everything here happens in one task, one event at a time.

pub(crate) mod breaker;
mod conflicts;
pub(crate) mod in_flight;
pub(crate) mod lanes;
mod outcomes;
pub(crate) mod pipeline;
mod read_scheduler;
pub(crate) mod runner;
mod sharing;
pub(crate) mod steady;
mod suspects;
mod watermark;

pub use self::breaker::{Breaker, End};
pub use self::lanes::{Item, Lanes, Slots};
pub(crate) use self::sharing::Access;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use futures_util::stream::FuturesUnordered;
use protean_core::handling::Backoff;
use protean_port::Result;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{BoxFuture, Changes, Delivery, Outcome, ParkedPage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::read_scheduler::{ReadScheduler, Wanted};
use self::sharing::{Shared, Sharing};
use crate::observe::metrics::GroupMetrics;
use crate::worker::conflicts::Conflicts;
use crate::worker::in_flight::InFlight;
use crate::worker::pipeline::Pipeline;
use crate::worker::runner::{HandlerRunner, Ran};
use crate::worker::steady::Steady;

/// The wait before a store that failed is asked again.
const STORE_WAIT: Duration = Duration::from_millis(100);

/// How many settled units of a lane may wait before no more are started.
const BATCH: usize = 1024;
/// How many messages are noted before they run, beside the one that is about to: as many
/// innocents run alone at most when the process is ended.
const AHEAD: usize = 31;

/// How soon what other processes have parked or released is looked for after a commit.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// Something that has happened.
enum Happening {
    Read(Lane, Result<Vec<Delivery>>),
    Parked(Lane, Result<ParkedPage>),
    Ran(Box<Ran>),
    Committed(Lane, Vec<Outcome>),
    Resend(Lane),
}

/// The worker of one group.
pub(crate) struct Worker {
    runner: HandlerRunner,
    metrics: Arc<GroupMetrics>,
    lanes: Lanes<Delivery>,
    reads: ReadScheduler,
    pipelines: Vec<Pipeline>,
    breakers: Vec<Breaker>,
    conflicts: Conflicts,
    flight: InFlight,
    /// Held while a suspect of this process runs.
    alone: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    /// At most one question for the permit.
    asking: FuturesUnordered<BoxFuture<'static, Option<OwnedSemaphorePermit>>>,
    under_way: FuturesUnordered<BoxFuture<'static, Happening>>,
    clock: Steady,
    since: Instant,
    stopping: bool,
    /// How the group is shared with other processes, when it is.
    sharing: Option<Sharing>,
}

impl Worker {
    /// The worker of a group that it has `access` to; `alone` lets one suspect of
    /// the process run at a time. What runs is counted in `metrics`.
    pub(crate) fn new(
        runner: HandlerRunner,
        access: Access,
        alone: Arc<Semaphore>,
        metrics: Arc<GroupMetrics>,
    ) -> Self {
        let (claim, sharing) = match access {
            Access::Alone(claim) => (Some(claim), None),
            Access::Shared(broker, stop) => (None, Some(Sharing::new(&runner, broker, stop))),
        };
        let server = &runner.domain.config().server;
        let slots = match runner.group.is_sequential() {
            true => Slots { concurrency: 1, reserved: 0 },
            false => Slots { concurrency: server.concurrency, reserved: server.reserved },
        };
        let (lanes, settings) = (runner.domain.lanes().lanes(), &runner.group.subscription);
        let (threshold, reset) =
            (settings.circuit_breaker_threshold, settings.circuit_breaker_reset);
        let clock = Steady::new(runner.domain.clock());
        let pipeline = |lane: &Lane| Pipeline::new(*lane, Arc::clone(&runner.group.name));
        Self {
            lanes: Lanes::new(lanes, slots),
            reads: ReadScheduler::new(&runner, clock.now(runner.domain.clock())),
            pipelines: lanes.iter().map(pipeline).collect(),
            breakers: lanes.iter().map(|_| Breaker::new(threshold, reset)).collect(),
            conflicts: Conflicts::default(),
            flight: InFlight::new(claim),
            alone,
            permit: None,
            asking: FuturesUnordered::new(),
            under_way: FuturesUnordered::new(),
            clock,
            since: Instant::now(),
            stopping: false,
            sharing,
            metrics,
            runner,
        }
    }

    /// Works until `stop` is set, and then until what runs has ended and is
    /// committed. What has not started is left as it is, for the next process.
    pub(crate) async fn work(mut self, stop: CancellationToken) {
        if !self.recall(&stop).await {
            // What was in flight is not known yet, so the notes stay as they are.
            return;
        }
        let mut commits = self.runner.store.commits();
        loop {
            self.clock.tick(self.runner.domain.clock());
            self.start_what_can();
            if self.stopping && self.is_at_rest() {
                break;
            }
            let (look_in, elapsed) = (self.look_in(), self.since.elapsed());
            tokio::select! {
                biased;
                // Nobody can say so any more once the server was dropped, and that is no proper end.
                () = stop.cancelled(), if !self.stopping => self.stop(),
                woken = commits.changed(), if !self.stopping => {
                    if woken.is_err() { self.stop(); }
                    let soon = self.now() + LOOK_AFTER;
                    self.reads.wake(soon);
                }
                Some(permit) = self.asking.next(), if !self.stopping => self.permit = permit,
                Some(happening) = self.under_way.next() => {
                    self.take_in(happening);
                    // Whatever else has happened already belongs to the same batch.
                    while let Some(Some(more)) = self.under_way.next().now_or_never() {
                        self.take_in(more);
                    }
                }
                shared = shared(&mut self.sharing, elapsed), if self.is_sharing() => {
                    self.take_in_shared(shared);
                }
                () = tokio::time::sleep(look_in) => {}
            }
        }
        if let Some(sharing) = self.sharing {
            sharing.leave().await;
        }
    }

    fn is_at_rest(&self) -> bool {
        self.under_way.is_empty() && self.sharing.as_ref().is_none_or(Sharing::is_at_rest)
    }

    fn is_sharing(&self) -> bool {
        self.sharing.as_ref().is_some_and(|sharing| !sharing.is_at_rest())
    }

    /// From here on the end is a proper one, even if it comes while a handler
    /// still runs: nobody is to be suspected of it.
    fn stop(&mut self) {
        self.stopping = true;
        self.lanes.release();
        if let Err(error) = self.flight.clear_notes() {
            warn!(group = %self.runner.group.name, "cannot note a proper end: {error}");
        }
    }

    /// Now, for what is due.
    fn now(&self) -> Timestamp {
        self.clock.now(self.runner.domain.clock())
    }

    /// How long nothing is due.
    fn look_in(&self) -> Duration {
        let (now, elapsed) = (self.now(), self.since.elapsed());
        let claimed = self.flight.is_claimed();
        let due = self.reads.look_at().filter(|_| claimed).map(|due| due.since(now));
        let shared = self.sharing.as_ref().and_then(|sharing| sharing.due(claimed));
        let shared = shared.map(|at| at.saturating_sub(elapsed));
        let tries = self.breakers.iter().filter_map(Breaker::tries_at);
        // A breaker that lets one try already waits for messages, not for the time.
        let tries = tries.filter_map(|at| at.checked_sub(elapsed)).filter(|wait| !wait.is_zero());
        let next = tries.chain(due).chain(shared).min().filter(|_| !self.stopping);
        next.unwrap_or(Duration::from_secs(3600))
    }

    fn start_what_can(&mut self) {
        if !self.stopping {
            self.start_suspects();
            self.start_handlers();
            self.start_reads();
        }
        // Late: charging a suspect settles it.
        self.start_commits();
        self.start_sharing();
    }

    fn start_commits(&mut self) {
        for index in 0..self.pipelines.len() {
            let lane = Lane::ALL[index];
            if let Some(units) = self.pipelines[index].send() {
                self.commit(lane, units);
            }
        }
    }

    fn commit(&mut self, lane: Lane, units: Arc<[Changes]>) {
        let store = Arc::clone(&self.runner.store);
        self.under_way
            .push(Box::pin(async move { Happening::Committed(lane, store.commit(units).await) }));
    }

    fn start_sharing(&mut self) {
        let moment = self.moment(Lane::Primary);
        let Some(sharing) = &mut self.sharing else { return };
        if self.stopping {
            return sharing.start_settling();
        }
        let unclaimed = Some(moment).filter(|_| !self.flight.is_claimed());
        sharing.start(&self.lanes, unclaimed, self.since.elapsed());
    }

    fn start_reads(&mut self) {
        let now = self.now();
        let lanes = (&self.lanes, self.flight.is_claimed());
        for wanted in self.reads.wanted(&self.runner, lanes, now) {
            let store = Arc::clone(&self.runner.store);
            self.under_way.push(match wanted {
                Wanted::Log(lane, read) => Box::pin(async move {
                    let read = store.lane(read).await;
                    if read.is_err() {
                        tokio::time::sleep(STORE_WAIT).await;
                    }
                    Happening::Read(lane, read)
                }),
                Wanted::Parked(lane, read) => {
                    Box::pin(async move { Happening::Parked(lane, store.parked(read).await) })
                }
            });
        }
    }

    fn start_handlers(&mut self) {
        while let Some(Item { lane, message: delivery, .. }) = self.next_item() {
            self.breaker(lane).started();
            if self.flight.begin(delivery.recorded.position) {
                self.flight.expect(self.lanes.ahead(lane, AHEAD));
            }
            let pipeline = self.pipeline(lane);
            let (overlay, since) = (pipeline.overlay(), pipeline.begin());
            let running = self.runner.clone().run((lane, since), delivery, overlay);
            let ran = running.map(|ran| Happening::Ran(Box::new(ran)));
            self.under_way.push(Box::pin(ran));
        }
        // Nothing that was started runs before this task goes on to wait.
        self.note();
    }

    fn note(&mut self) {
        if let Err(error) = self.flight.note() {
            warn!(group = %self.runner.group.name, "cannot note what is in flight: {error}");
        }
    }

    fn next_item(&mut self) -> Option<Item<Delivery>> {
        for lane in Lane::ALL.into_iter().take(self.pipelines.len()) {
            let held = !self.may_start(lane);
            self.lanes.hold(lane, held);
        }
        self.lanes.start()
    }

    /// True when a lane has room for what its messages come to, and its breaker lets them run.
    fn may_start(&self, lane: Lane) -> bool {
        let index = usize::from(lane == Lane::Backfill).min(self.pipelines.len() - 1);
        let allowed = self.breakers[index].allows(self.since.elapsed());
        allowed && self.pipelines[index].len() < BATCH
    }

    fn pipeline(&mut self, lane: Lane) -> &mut Pipeline {
        let index = usize::from(lane == Lane::Backfill).min(self.pipelines.len() - 1);
        &mut self.pipelines[index]
    }

    fn breaker(&mut self, lane: Lane) -> &mut Breaker {
        let index = usize::from(lane == Lane::Backfill).min(self.breakers.len() - 1);
        &mut self.breakers[index]
    }

    fn take_in(&mut self, happening: Happening) {
        match happening {
            Happening::Read(lane, read) => self.read(lane, read),
            Happening::Parked(lane, page) => self.found(lane, page),
            Happening::Ran(ran) => self.ran(*ran),
            Happening::Committed(lane, outcomes) => self.committed(lane, outcomes),
            Happening::Resend(lane) => {
                if let Some(units) = self.pipeline(lane).resend() {
                    self.commit(lane, units);
                }
            }
        }
    }

    fn take_in_shared(&mut self, shared: Option<Shared>) {
        match shared {
            // Given up again when it comes too late.
            Some(Shared::Claimed((claim, left))) if !self.stopping => {
                self.flight.adopt(claim);
                self.suspect(left);
                self.reads.expect(self.now());
            }
            Some(Shared::Messages(messages)) => {
                messages.into_iter().for_each(|delivery| self.offer(delivery));
            }
            Some(Shared::Claimed(_)) | None => {}
        }
    }

    fn read(&mut self, lane: Lane, read: Result<Vec<Delivery>>) {
        let group = &self.runner.group.name;
        let failed = |error: &protean_port::Error| warn!(%group, %lane, "cannot read: {error}");
        let read = read.inspect_err(failed).ok();
        self.reads.read(lane, read.as_deref());
        if self.stopping {
            return;
        }
        for delivery in read.into_iter().flatten() {
            let (priority, position) =
                (delivery.recorded.message.priority, delivery.recorded.position);
            self.pipeline(lane).read(priority, position);
            self.offer(delivery);
        }
    }

    fn found(&mut self, lane: Lane, page: Result<ParkedPage>) {
        if let Ok(ParkedPage { next_due: Some(due), .. }) = &page {
            let longest =
                Backoff::of_handler(self.runner.group.subscription.retry_delay).longest_wait();
            let longest = longest.max(self.runner.domain.config().server.version_retry.max_delay);
            self.clock.learn(self.runner.domain.clock(), *due, longest);
        }
        let now = self.now();
        let all = page.as_ref().is_ok_and(|page| page.next_due.is_none_or(|due| due > now));
        for delivery in self.reads.found((&self.runner, lane), page, now + STORE_WAIT) {
            if let Some(delivery) = self.flight.admit(delivery) {
                self.offer(delivery);
            }
        }
        if all {
            self.pass_absent_suspects(lane);
        }
    }

    fn offer(&mut self, delivery: Delivery) {
        if self.stopping {
            return;
        }
        let message = &delivery.recorded.message;
        self.lanes.offer(Item {
            lane: self.runner.domain.lanes().lane(message.priority),
            priority: message.priority,
            position: delivery.recorded.position,
            stream: message.stream.name(),
            message: delivery,
        });
    }
}

/// What the broker brings.
async fn shared(sharing: &mut Option<Sharing>, now: Duration) -> Option<Shared> {
    match sharing {
        Some(sharing) => sharing.next(now).await,
        None => std::future::pending().await,
    }
}
