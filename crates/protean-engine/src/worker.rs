//! The worker of one group: reads, schedules, runs, settles, commits.
//!
//! ```text
//! source ─▶ lanes ─▶ job ─▶ settle ─▶ pipeline ─▶ Store::commit
//!    ▲        ▲                           │ durable, or left out
//!    └─ wake  └──────── parked ◀──────────┘
//! ```
//!
//! Everything here happens in one task, one event at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use futures_util::stream::FuturesUnordered;
use protean_core::domain::{Moment, Verdict, left_out, settle};
use protean_core::message::Lane;
use protean_core::port::{BoxFuture, Changes, Delivery, Outcome, ParkedPage};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::conflicts::Conflicts;
use crate::job::{Bench, Judged, Ran, Step};
use crate::lanes::{Item, Lanes, Slots};
use crate::pipeline::{LeftOut, Marking, Pipeline};
use crate::source::{LaneSource, ParkedSource};

/// The wait before a store that failed is asked again.
const STORE_WAIT: Duration = Duration::from_millis(100);

/// How many settled units of a lane may wait before no more are started.
const BATCH: usize = 1024;

/// How soon what other processes have parked or released is looked for after a commit.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// Something that has happened.
enum Happening {
    Read(Lane, protean_core::Result<Vec<Delivery>>),
    Parked(Lane, protean_core::Result<ParkedPage>),
    Ran(Box<Ran>),
    Committed(Lane, Vec<Outcome>),
    Resend(Lane),
}

/// The worker of one group.
pub(crate) struct Worker {
    bench: Bench,
    lanes: Lanes<Delivery>,
    sources: Vec<LaneSource>,
    parked: Vec<ParkedSource>,
    pipelines: Vec<Pipeline>,
    conflicts: Conflicts,
    under_way: FuturesUnordered<BoxFuture<'static, Happening>>,
    stopping: bool,
}

impl Worker {
    pub(crate) fn new(bench: Bench) -> Self {
        let server = &bench.domain.config().server;
        let slots = match bench.group.is_sequential() {
            true => Slots { concurrency: 1, reserved: 0 },
            false => Slots { concurrency: server.concurrency, reserved: server.reserved },
        };
        let lanes = bench.domain.lanes().lanes();
        let page = bench.group.subscription.messages_per_tick.max(1);
        let now = bench.domain.clock().now();
        let pipeline = |lane: &Lane| Pipeline::new(*lane, Arc::clone(&bench.group.name));
        Self {
            lanes: Lanes::new(lanes, slots),
            sources: lanes.iter().map(|lane| LaneSource::new(*lane, page)).collect(),
            parked: lanes.iter().map(|lane| ParkedSource::new(*lane, page, now)).collect(),
            pipelines: lanes.iter().map(pipeline).collect(),
            conflicts: Conflicts::default(),
            under_way: FuturesUnordered::new(),
            stopping: false,
            bench,
        }
    }

    /// Works until `stop` is set, and then until what runs has ended and is
    /// committed. What has not started is left as it is, for the next process.
    pub(crate) async fn work(mut self, mut stop: watch::Receiver<bool>) {
        let mut commits = self.bench.store.commits();
        loop {
            self.start_what_can();
            if self.stopping && self.under_way.is_empty() {
                return;
            }
            let look_in = self.look_in();
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop), if !self.stopping => self.stop(),
                woken = commits.changed(), if !self.stopping => {
                    if woken.is_err() { self.stop(); }
                    self.wake();
                }
                Some(happening) = self.under_way.next() => {
                    self.take_in(happening);
                    // Whatever else has happened already belongs to the same batch.
                    while let Some(Some(more)) = self.under_way.next().now_or_never() {
                        self.take_in(more);
                    }
                }
                () = tokio::time::sleep(look_in) => {}
            }
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.lanes.release();
    }

    fn wake(&mut self) {
        self.sources.iter_mut().for_each(LaneSource::wake);
        let soon = self.bench.domain.clock().now() + LOOK_AFTER;
        self.parked.iter_mut().for_each(|parked| parked.expect(soon));
    }

    /// How long nothing is due.
    fn look_in(&self) -> Duration {
        let now = self.bench.domain.clock().now();
        let due = self.parked.iter().filter_map(ParkedSource::look_at).min();
        due.filter(|_| !self.stopping).map_or(Duration::from_secs(3600), |due| due.since(now))
    }

    fn start_what_can(&mut self) {
        self.start_commits();
        if !self.stopping {
            self.start_handlers();
            self.start_reads();
        }
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
        let store = Arc::clone(&self.bench.store);
        self.under_way
            .push(Box::pin(async move { Happening::Committed(lane, store.commit(units).await) }));
    }

    fn start_reads(&mut self) {
        for source in &mut self.sources {
            let (ready, held) = (self.lanes.ready(source.lane), self.lanes.len(source.lane));
            let Some(read) = source.next(&self.bench, ready, held) else { continue };
            let (lane, store) = (source.lane, Arc::clone(&self.bench.store));
            self.under_way.push(Box::pin(async move {
                let read = store.lane(read).await;
                if read.is_err() {
                    tokio::time::sleep(STORE_WAIT).await;
                }
                Happening::Read(lane, read)
            }));
        }
        let now = self.bench.domain.clock().now();
        for source in &mut self.parked {
            let Some(read) = source.next(&self.bench, now) else { continue };
            let (lane, store) = (source.lane, Arc::clone(&self.bench.store));
            self.under_way
                .push(Box::pin(async move { Happening::Parked(lane, store.parked(read).await) }));
        }
    }

    fn start_handlers(&mut self) {
        loop {
            for (lane, pipeline) in Lane::ALL.into_iter().zip(&self.pipelines) {
                self.lanes.hold(lane, pipeline.len() >= BATCH);
            }
            let Some(Item { lane, message: delivery, .. }) = self.lanes.start() else { return };
            let pipeline = self.pipeline(lane);
            let (overlay, since) = (pipeline.overlay(), pipeline.begin());
            let running = self.bench.clone().run((lane, since), delivery, overlay);
            let ran = running.map(|ran| Happening::Ran(Box::new(ran)));
            self.under_way.push(Box::pin(ran));
        }
    }

    fn pipeline(&mut self, lane: Lane) -> &mut Pipeline {
        let index = usize::from(lane == Lane::Backfill).min(self.pipelines.len() - 1);
        &mut self.pipelines[index]
    }

    fn parked(&mut self, lane: Lane) -> &mut ParkedSource {
        let index = usize::from(lane == Lane::Backfill).min(self.parked.len() - 1);
        &mut self.parked[index]
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

    fn read(&mut self, lane: Lane, read: protean_core::Result<Vec<Delivery>>) {
        let group = &self.bench.group.name;
        let failed = |error: &protean_core::Error| warn!(%group, %lane, "cannot read: {error}");
        let read = read.inspect_err(failed).ok();
        if let Some(source) = self.sources.iter_mut().find(|source| source.lane == lane) {
            source.read(read.as_deref());
        }
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

    fn found(&mut self, lane: Lane, page: protean_core::Result<ParkedPage>) {
        match page {
            Ok(page) => {
                for delivery in self.parked(lane).found(page) {
                    self.offer(delivery);
                }
            }
            Err(error) => {
                warn!(group = %self.bench.group.name, "cannot read what is parked: {error}");
                let when = self.bench.domain.clock().now() + STORE_WAIT;
                self.parked(lane).failed(when);
            }
        }
    }

    fn offer(&mut self, delivery: Delivery) {
        if self.stopping {
            return;
        }
        let message = &delivery.recorded.message;
        self.lanes.offer(Item {
            lane: self.bench.domain.lanes().lane(message.priority),
            priority: message.priority,
            position: delivery.recorded.position,
            stream: message.stream.name(),
            message: delivery,
        });
    }

    /// Settles what a turn came to and frees its slot.
    fn ran(&mut self, ran: Ran) {
        let Ran { lane, delivery, since, step } = ran;
        self.lanes.returned(lane, delivery.recorded.message.stream.as_str());
        match step {
            Step::Itself(judged) => {
                let marking = marking(&delivery, &judged.verdict);
                self.settle(lane, delivery, judged, marking);
            }
            Step::Before(before, judged) => {
                if self.settle(lane, *before, judged, Marking::Early) {
                    self.offer(delivery);
                } else {
                    let marking = marking(&delivery, &Verdict::Held);
                    self.settle(lane, delivery, Verdict::Held.into(), marking);
                }
            }
        }
        self.pipeline(lane).end(since);
    }

    /// True when the group moves on to the next message of the stream.
    fn settle(&mut self, lane: Lane, delivery: Delivery, judged: Judged, marking: Marking) -> bool {
        let Judged { verdict, readers } = judged;
        self.tell(&delivery, &verdict);
        let group = Arc::clone(&self.bench.group);
        let moment = Moment { now: self.bench.domain.clock().now(), lane };
        let otherwise = left_out(&group, &delivery, moment);
        let mut settled = settle(&group, &delivery, verdict, moment);
        settled.unit.readers = readers;
        let moves_on = settled.next.is_some();
        self.pipeline(lane).push(delivery, settled, otherwise, marking);
        moves_on
    }

    fn tell(&self, delivery: &Delivery, verdict: &Verdict) {
        let (handler, id) = (&self.bench.group.handler, &delivery.recorded.message.id);
        match verdict {
            Verdict::Retry(reason) => warn!(%handler, %id, "handler.failed: {reason}"),
            Verdict::Unavailable(reason) => warn!(%handler, %id, "unavailable: {reason}"),
            Verdict::Dead(reason) => warn!(%handler, %id, "message.dlq: {reason}"),
            _ => debug!(%handler, %id, "handler.completed"),
        }
    }

    fn committed(&mut self, lane: Lane, outcomes: Vec<Outcome>) {
        let committed = self.pipeline(lane).committed(outcomes);
        for parked in &mut self.parked {
            // A released message may be of the other lane.
            committed.due.into_iter().for_each(|due| parked.expect(due));
        }
        for delivery in committed.durable.iter().filter(|delivery| delivery.parked) {
            self.conflicts.committed(delivery.recorded.position);
            self.parked_of(delivery).give_back(delivery.recorded.position);
        }
        for left_out in committed.left_out {
            self.left_out(lane, left_out);
        }
        if let Some(reason) = committed.unavailable {
            warn!(group = %self.bench.group.name, %lane, "cannot commit, trying again: {reason}");
            self.under_way.push(Box::pin(async move {
                tokio::time::sleep(STORE_WAIT).await;
                Happening::Resend(lane)
            }));
        }
    }

    /// A unit was left out, so its message is parked and due: it runs again on
    /// fresh state, unless the database refuses what it writes or it is in
    /// conflict time after time.
    fn left_out(&mut self, lane: Lane, left_out: LeftOut) {
        let LeftOut { mut delivery, outcome } = left_out;
        let position = delivery.recorded.position;
        if let Some(verdict) = self.verdict_on(&delivery, outcome) {
            delivery.parked = true;
            self.parked_of(&delivery).take(position);
            self.settle(lane, delivery, verdict.into(), Marking::None);
            return;
        }
        let now = self.bench.domain.clock().now();
        let parked = self.parked_of(&delivery);
        parked.give_back(position);
        parked.expect(now);
    }

    /// What a message has come to whose unit was left out; nothing when it just runs again.
    fn verdict_on(&mut self, delivery: &Delivery, outcome: Outcome) -> Option<Verdict> {
        match outcome {
            Outcome::Rejected(violations) => Some(Verdict::Dead(violations.to_string())),
            Outcome::Stale(what) if delivery.parked => {
                let retry = &self.bench.domain.config().server.version_retry;
                self.conflicts.left_out(delivery.recorded.position, what, retry)
            }
            _ => None,
        }
    }

    fn parked_of(&mut self, delivery: &Delivery) -> &mut ParkedSource {
        let lane = self.bench.domain.lanes().lane(delivery.recorded.message.priority);
        self.parked(lane)
    }
}

fn marking(delivery: &Delivery, verdict: &Verdict) -> Marking {
    match verdict {
        _ if delivery.parked => Marking::None,
        Verdict::Duplicate => Marking::Again,
        _ => Marking::InTurn,
    }
}
