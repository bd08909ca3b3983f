//! The worker of one group: it reads, schedules, runs, settles and commits messages.
//!
//! ```text
//! source ─▶ lanes ─▶ runner ─▶ settle ─▶ pipeline ─▶ Store::commit
//!    ▲         ▲                             │ durable, or left out
//!    └─ wake   └───────── parked ◀───────────┘
//! ```
//!
//! Everything here happens in one task, one event at a time.

pub(crate) mod breaker;
mod bulk_commits;
mod bulk_handlers;
mod commit_spans;
mod commits;
mod conflicts;
pub(crate) mod in_flight;
pub(crate) mod lanes;
pub(crate) mod leadership_change;
mod leading;
pub(crate) mod newer_versions;
mod notes;
mod noting;
mod outcomes;
pub(crate) mod own_notes;
pub(crate) mod pipeline;
mod read_scheduler;
pub(crate) mod recall;
pub(crate) mod runner;
pub(crate) mod seat;
mod slot_arbiter;
mod slots;
mod starts;
pub(crate) mod steady;
mod suspects;
mod time_share;
mod uncommitted;
mod watermark;

pub use self::breaker::{Breaker, End};
pub use self::lanes::{Item, Lanes, Started};
pub use self::slot_arbiter::SlotArbiter;
pub use self::slots::{Demand, Slots};

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use futures_util::stream::FuturesUnordered;
use protean_core::handling::Backoff;
use protean_port::Result;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{BoxFuture, Delivery, ParkedPage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::read_scheduler::{ReadScheduler, Wanted};
use crate::bulk_steps::Turn;
use crate::leadership::LeaderTerm;
use crate::observe::metrics::GroupMetrics;
use crate::per_lane::PerLane;
use crate::source::Source;
use crate::source::log_source::read_log;
use crate::worker::bulk_commits::{BulkCommits, CommitEnd};
use crate::worker::bulk_handlers::BulkHandlers;
use crate::worker::commit_spans::CommitSpans;
use crate::worker::conflicts::Conflicts;
use crate::worker::in_flight::InFlight;
use crate::worker::leadership_change::{LeadershipChanges, next_change};
use crate::worker::own_notes::OwnNotes;
use crate::worker::pipeline::Pipeline;
use crate::worker::runner::{HandlerRunner, Ran};
use crate::worker::seat::{Seat, SlotPool};
use crate::worker::steady::Steady;

/// The wait before a store that failed is asked again.
const STORE_RETRY_DELAY: Duration = Duration::from_millis(100);

/// How many settled units of a lane may wait for their commit before no handler is started.
const MAX_UNCOMMITTED_UNITS: usize = 1024;
/// How many messages are noted ahead of their run: in a slice, bulk handlers run one after
/// another. When the process ends abruptly, at most as many innocent messages are suspected and
/// run alone.
const MAX_NOTED_AHEAD: usize = 127;

/// How soon after a commit the messages that other processes parked or released are read.
const PARKED_CHECK_DELAY: Duration = Duration::from_millis(500);

/// What has ended of the work that is under way.
enum Event {
    LogRead(Lane, Result<Vec<Delivery>>),
    ParkedRead(Lane, Result<ParkedPage>),
    Ran(Box<Ran>),
    Committed(CommitEnd),
    /// It is the turn of the lane's commit.
    MayCommit(Lane, Turn),
    /// The wait before a commit that failed is made again.
    ResendDue(Lane),
    /// A note of what is in flight, by its number.
    Noted(u64, Result),
    /// The message of this bulk handler is noted.
    BulkNoted(BoxFuture<'static, Event>),
}

/// The worker of one group.
pub(crate) struct Worker {
    runner: HandlerRunner,
    metrics: Arc<GroupMetrics>,
    lanes: Lanes<Delivery>,
    reads: ReadScheduler,
    source: Source,
    pipelines: PerLane<Pipeline>,
    breakers: PerLane<Breaker>,
    conflicts: Conflicts,
    in_flight: InFlight,
    seat: Seat,
    /// Held while a suspect of this process runs.
    alone: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    /// At most one request for the permit.
    permit_requests: FuturesUnordered<BoxFuture<'static, Option<OwnedSemaphorePermit>>>,
    under_way: FuturesUnordered<BoxFuture<'static, Event>>,
    bulk_handlers: BulkHandlers<Event>,
    bulk_commits: BulkCommits,
    commit_spans: CommitSpans,
    clock: Steady,
    since: Instant,
    stopping: bool,
}

impl Worker {
    /// The worker of a group, which reads from `source`; `alone` lets one suspect of the
    /// process run at a time. It starts messages in `slots`. What runs is counted in `metrics`,
    /// and what is noted as in flight is remembered in `own_notes`.
    pub(crate) fn new(
        runner: HandlerRunner,
        source: Source,
        slots: &SlotPool,
        alone: Arc<Semaphore>,
        own_notes: Arc<Mutex<OwnNotes>>,
        metrics: Arc<GroupMetrics>,
    ) -> Self {
        let limit = if runner.group.is_sequential() { 1 } else { usize::MAX };
        let aging = runner.domain.config().server.priority_lanes.aging;
        let (lanes, settings) = (runner.domain.lanes().lanes(), &runner.group.subscription);
        let clock = Steady::new(runner.domain.clock());
        Self {
            lanes: Lanes::new(lanes, aging),
            reads: ReadScheduler::new(&runner, &source, clock.now(runner.domain.clock())),
            pipelines: PerLane::new(lanes, |lane| {
                Pipeline::new(lane, Arc::clone(&runner.group.name))
            }),
            breakers: PerLane::new(lanes, |_| {
                Breaker::new(settings.circuit_breaker_threshold, settings.circuit_breaker_reset)
            }),
            conflicts: Conflicts::default(),
            in_flight: InFlight::new(own_notes),
            seat: slots.join(limit),
            alone,
            permit: None,
            permit_requests: FuturesUnordered::new(),
            under_way: FuturesUnordered::new(),
            bulk_handlers: BulkHandlers::new(runner.steps.clone()),
            bulk_commits: BulkCommits::new(),
            commit_spans: CommitSpans::new(&runner),
            clock,
            since: Instant::now(),
            stopping: false,
            source,
            metrics,
            runner,
        }
    }

    async fn work_until(
        mut self,
        stop: &CancellationToken,
        term: Option<&LeaderTerm>,
        mut changes: Option<LeadershipChanges>,
    ) {
        let is_lost = || term.is_some_and(LeaderTerm::is_lost);
        let mut commits = self.runner.store.watch(self.reads.watched(&self.runner));
        loop {
            self.clock.tick(self.runner.domain.clock());
            self.start_what_can();
            if self.stopping && self.is_at_rest() {
                break;
            }
            let (idle_time, elapsed) = (self.idle_time(), self.since.elapsed());
            tokio::select! {
                biased;
                () = stop.cancelled(), if !self.stopping => self.stop(is_lost()),
                // However much there is to do, a loss waits for none of it.
                change = next_change(&mut changes) => self.take_in_change(change),
                woken = commits.changed(), if !self.stopping => {
                    // Without its store there is nothing to wait for.
                    if woken.is_err() { self.stop(is_lost()); }
                    let soon = self.now() + PARKED_CHECK_DELAY;
                    self.reads.wake(commits.take_changed(), soon);
                }
                Some(permit) = self.permit_requests.next(), if !self.stopping => self.permit = permit,
                Some(event) = self.under_way.next() => {
                    self.take_in(event);
                    // Other events that are ready belong to the same batch.
                    while let Some(Some(more)) = self.under_way.next().now_or_never() {
                        self.take_in(more);
                    }
                }
                Some(event) = self.bulk_handlers.next() => {
                    self.run_slice(event);
                }
                () = self.seat.woken(), if !self.stopping => {}
                messages = self.source.next(elapsed), if !self.stopping || !self.source.is_at_rest() => {
                    messages.into_iter().for_each(|delivery| self.offer(delivery));
                }
                () = tokio::time::sleep(idle_time) => {}
            }
        }
        if is_lost() {
            self.pass_all_suspects();
        }
        self.source.leave().await;
    }

    fn is_at_rest(&self) -> bool {
        let has_ended = self.under_way.is_empty() && self.bulk_handlers.is_empty();
        has_ended && self.source.is_at_rest()
    }

    /// From here on the end is a proper one, even if it comes while a handler still runs:
    /// no message is to be suspected of it. A claim that is lost is not written to.
    fn stop(&mut self, is_lost: bool) {
        self.stopping = true;
        self.lanes.take_back(|_| true);
        self.seat.want_nothing();
        if is_lost {
            self.in_flight.abandon_notes();
        } else {
            self.in_flight.clear_notes();
        }
    }

    /// The present, for what is due.
    fn now(&self) -> Timestamp {
        self.clock.now(self.runner.domain.clock())
    }

    /// How long nothing is due, so that only events can bring work.
    fn idle_time(&self) -> Duration {
        let (now, elapsed, leads) = (self.now(), self.since.elapsed(), self.in_flight.is_claimed());
        let due = self.reads.read_at().filter(|_| leads).map(|due| due.since(now));
        let upkeep = self.source.due(leads).map(|at| at.saturating_sub(elapsed));
        let tries = self.breakers.iter().filter_map(Breaker::tries_at);
        // An open breaker whose reset has passed waits for a message, not for the time.
        let tries = tries.filter_map(|at| at.checked_sub(elapsed)).filter(|wait| !wait.is_zero());
        let aged = self.lanes.ages_in(now).filter(|wait| !wait.is_zero());
        let next = tries.chain(due).chain(upkeep).chain(aged).min().filter(|_| !self.stopping);
        next.unwrap_or(Duration::from_secs(3600))
    }

    fn start_what_can(&mut self) {
        if !self.stopping {
            self.start_suspects();
            self.start_handlers();
            self.start_reads();
        }
        self.start_note();
        // After the suspects: charging one settles it.
        self.start_commits();
        if self.stopping {
            self.source.settle_done();
        } else {
            self.source.start(&self.lanes, self.in_flight.is_claimed(), self.since.elapsed());
        }
    }

    fn start_reads(&mut self) {
        let now = self.now();
        let leads = self.in_flight.is_claimed();
        let elapsed = self.since.elapsed();
        for wanted in self.reads.wanted(&self.runner, &self.lanes, leads, now, elapsed) {
            let runner = self.runner.clone();
            self.under_way.push(match wanted {
                Wanted::Log(lane, read) => Box::pin(async move {
                    let read = read_log(&runner, lane, read).await;
                    if read.is_err() {
                        tokio::time::sleep(STORE_RETRY_DELAY).await;
                    }
                    Event::LogRead(lane, read)
                }),
                Wanted::Parked(lane, read) => {
                    Box::pin(
                        async move { Event::ParkedRead(lane, runner.store.parked(read).await) },
                    )
                }
            });
        }
    }

    fn take_in(&mut self, event: Event) {
        match event {
            Event::LogRead(lane, read) => self.read(lane, read),
            Event::ParkedRead(lane, page) => self.found(lane, page),
            Event::Ran(ran) => self.ran(*ran),
            Event::Committed(end) => self.end_commit(end),
            Event::Noted(number, written) => self.noted(number, written),
            Event::BulkNoted(handler) => self.bulk_handlers.push(handler),
            Event::MayCommit(lane, turn) => {
                self.bulk_commits.may_begin();
                self.commit(lane, Some(turn));
            }
            Event::ResendDue(lane) => self.start_commit(lane),
        }
    }

    fn read(&mut self, lane: Lane, read: Result<Vec<Delivery>>) {
        let (handler, faults) = (&self.runner.group.handler, &self.runner.faults);
        let read = match read {
            Ok(read) => {
                if let Some(failures) = faults.ended("read", lane) {
                    info!(%handler, %lane, failures, "reads the log again");
                }
                Some(read)
            }
            Err(error) => {
                if let Some(failures) = faults.failed("read", lane) {
                    let error = format_args!("{error:#}");
                    warn!(%handler, %lane, error, failures, "cannot read the log, trying again");
                }
                None
            }
        };
        self.reads.read(lane, read.as_deref());
        if self.stopping {
            return;
        }
        for delivery in read.into_iter().flatten() {
            let (priority, position) =
                (delivery.recorded.message.priority, delivery.recorded.position);
            self.pipelines[lane].read(priority, position);
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
        if !self.in_flight.is_claimed() {
            // The claim was lost meanwhile.
            let now = self.now();
            return self.reads.parked(lane).failed(now);
        }
        let now = self.now();
        let all = page.as_ref().is_ok_and(|page| page.next_due.is_none_or(|due| due > now));
        for delivery in self.reads.found(&self.runner, lane, page, now + STORE_RETRY_DELAY) {
            if let Some(delivery) = self.in_flight.admit(delivery) {
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
        let lane = self.runner.domain.lanes().lane(message.priority);
        if lane == Lane::Primary {
            self.runner.domain.env().production_begins();
        }
        self.lanes.offer(Item {
            lane,
            priority: message.priority,
            position: delivery.recorded.position,
            time: message.time,
            stream: message.stream.name(),
            message: delivery,
        });
    }
}
