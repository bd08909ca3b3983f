//! A group that several processes read at once: each takes entries from the broker,
//! and the one that leads looks after what is parked and what was left behind.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{BoxFuture, Broker, BrokerRead, Delivery, Entry, EntryRef, TakeOver};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::broker_reader::{BrokerReader, Fetched, Reconsidered};
use super::broker_source::BrokerSource;
use super::receive_span::received;
use crate::failpoint::reached;
use crate::per_lane::PerLane;
use crate::worker::lanes::Lanes;
use crate::worker::runner::HandlerRunner;

/// The wait before entries that could not be settled are settled again.
const SETTLE_RETRY_DELAY: Duration = Duration::from_millis(500);

/// What one process reads of a group that it shares.
pub(crate) struct SharedReads {
    reader: BrokerReader,
    sources: PerLane<BrokerSource>,
    under_way: FuturesUnordered<BoxFuture<'static, Event>>,
}

/// What has ended.
enum Event {
    Read(Lane, Fetched),
    TakenOver(Lane, Fetched),
    Reconsidered(Lane, Vec<EntryRef>, Reconsidered),
    /// These are still to be settled.
    Settled(Lane, Vec<EntryRef>),
    Held(Lane),
}

impl SharedReads {
    /// Nothing is read yet. Nothing is waited for once `stop` is cancelled.
    pub(crate) fn new(
        runner: &HandlerRunner,
        broker: Arc<dyn Broker>,
        stop: CancellationToken,
    ) -> Self {
        let lanes = runner.domain.lanes().lanes();
        Self {
            sources: PerLane::new(lanes, |lane| BrokerSource::new(runner, lane)),
            reader: BrokerReader { runner: runner.clone(), broker, stop, head: Arc::default() },
            under_way: FuturesUnordered::new(),
        }
    }

    /// Starts what the broker is to be asked now.
    pub(super) fn start(&mut self, lanes: &Lanes<Delivery>, leads: bool, now: Duration) {
        for source in self.sources.iter_mut() {
            let (ready, waiting) = (lanes.ready(source.lane), lanes.len(source.lane));
            if let Some(read) = source.next_read(ready, waiting, now) {
                self.under_way.push(Box::pin(fetch(self.reader.clone(), source.lane, read)));
            }
            if leads && let Some(take) = source.next_take_over(now) {
                self.under_way.push(Box::pin(take_over(self.reader.clone(), source.lane, take)));
            }
            if let Some(entries) = source.next_hold(now) {
                self.under_way.push(Box::pin(hold(
                    self.reader.clone(),
                    source.lane,
                    Arc::clone(source.consumer()),
                    entries,
                )));
            }
        }
        self.start_settling(|source| source.next_settle(now));
    }

    /// Starts to settle all that is durable: nothing more will come.
    pub(super) fn settle_done(&mut self) {
        self.start_settling(BrokerSource::settle_done);
    }

    fn start_settling(&mut self, next: impl Fn(&mut BrokerSource) -> Option<Vec<EntryRef>>) {
        for source in self.sources.iter_mut() {
            if let Some(entries) = next(source) {
                self.under_way.push(Box::pin(settle(self.reader.clone(), source.lane, entries)));
            }
        }
    }

    /// True when everything that was begun has ended.
    pub(super) fn is_at_rest(&self) -> bool {
        self.under_way.is_empty()
    }

    /// The next messages for the worker to handle. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, now: Duration) -> Vec<Delivery> {
        match self.under_way.next().await {
            Some(event) => self.take_in(event, now),
            // Nothing is under way.
            None => std::future::pending().await,
        }
    }

    fn take_in(&mut self, event: Event, now: Duration) -> Vec<Delivery> {
        let (lane, fetched) = match event {
            Event::Settled(lane, left) => {
                self.sources[lane].settled(left);
                return Vec::new();
            }
            Event::Held(lane) => {
                self.sources[lane].held();
                return Vec::new();
            }
            Event::Read(lane, fetched) => {
                self.sources[lane].read(&fetched);
                (lane, fetched)
            }
            Event::TakenOver(lane, fetched) => {
                self.sources[lane].taken_over();
                (lane, fetched)
            }
            Event::Reconsidered(lane, entries, reconsidered) => {
                let again = self.sources[lane].reconsidered(entries, reconsidered);
                return again.into_iter().collect();
            }
        };
        self.sources[lane].take_in(fetched, now)
    }

    pub(super) fn durable(&mut self, position: u64) {
        self.sources.iter_mut().for_each(|source| source.durable(position));
    }

    pub(super) fn reconsider(&mut self, delivery: &Delivery) {
        for source in self.sources.iter_mut() {
            let entries = source.reconsider(delivery.recorded.position);
            if !entries.is_empty() {
                let (reader, lane, delivery) = (self.reader.clone(), source.lane, delivery.clone());
                self.under_way.push(Box::pin(async move {
                    Event::Reconsidered(lane, entries, reader.reconsider(delivery).await)
                }));
            }
        }
    }

    pub(super) fn due(&self, leads: bool) -> Option<Duration> {
        self.sources.iter().filter_map(|source| source.due(leads)).min()
    }

    /// Gives back what has not been handled: others need not wait for the lease to end.
    pub(super) async fn leave(mut self) {
        let broker = Arc::clone(&self.reader.broker);
        for source in self.sources.iter_mut() {
            let mut entries = source.leave();
            // What a read has brought that was dropped when the worker began to stop.
            if let Some(last) = source.last_read()
                && let Ok(left) = broker.read(last).await
            {
                entries.extend(left.into_iter().map(|entry| entry.at));
            }
            let (group, consumer, lane) = (source.group(), source.consumer(), source.lane);
            let handler = &self.reader.runner.group.handler;
            if let Err(error) = broker.release(group, consumer, &entries).await {
                warn!(
                    %handler, %lane, error = format_args!("{error:#}"),
                    "cannot give back unhandled entries, others get them when the lease ends"
                );
            }
            broker.leave(group, consumer);
        }
    }
}

async fn fetch(reader: BrokerReader, lane: Lane, read: BrokerRead) -> Event {
    let broker = Arc::clone(&reader.broker);
    let (stream, consumer) = (Arc::clone(&read.streams[0]), Arc::clone(&read.consumer));
    let entries = tokio::select! {
        entries = broker.read(read) => entries,
        // What it brings all the same is given back when the worker leaves.
        () = reader.stop.cancelled() => return Event::Read(lane, Fetched::default()),
    };
    let fetched = fetch_entries(&reader, lane, stream, consumer, entries, true).await;
    reached("after entries are read");
    Event::Read(lane, fetched)
}

async fn take_over(reader: BrokerReader, lane: Lane, take: TakeOver) -> Event {
    let broker = Arc::clone(&reader.broker);
    let (stream, consumer) = (Arc::clone(&take.streams[0]), Arc::clone(&take.consumer));
    // It is waited for though the worker stops: what has moved here is to be given back.
    let entries = broker.take_over(take).await;
    Event::TakenOver(lane, fetch_entries(&reader, lane, stream, consumer, entries, false).await)
}

async fn fetch_entries(
    reader: &BrokerReader,
    lane: Lane,
    stream: Arc<str>,
    consumer: Arc<str>,
    entries: Result<Vec<Entry>>,
    is_read: bool,
) -> Fetched {
    let began = Instant::now();
    let fetched = reader.fetch(lane, Arc::clone(&stream), consumer, entries, is_read).await;
    let messages = fetched.entries.iter().flat_map(|entry| &entry.messages);
    let broker = &reader.runner.domain.config().outbox.broker;
    received(&reader.runner, Some(broker), &stream, lane, began, messages);
    fetched
}

async fn hold(
    reader: BrokerReader,
    lane: Lane,
    consumer: Arc<str>,
    entries: Vec<EntryRef>,
) -> Event {
    let group = &reader.runner.group;
    // What is lost is handled twice at worst, and takes effect once.
    if let Err(error) = reader.broker.hold(&group.name, &consumer, &entries).await {
        warn!(
            handler = %group.handler, %lane, error = format_args!("{error:#}"),
            "cannot renew the lease of entries being handled"
        );
    }
    Event::Held(lane)
}

async fn settle(reader: BrokerReader, lane: Lane, entries: Vec<EntryRef>) -> Event {
    let group = &reader.runner.group;
    reached("before handled entries are settled");
    let Err(error) = reader.broker.settle(&group.name, &entries).await else {
        reached("after handled entries are settled");
        return Event::Settled(lane, Vec::new());
    };
    warn!(
        handler = %group.handler, %lane, error = format_args!("{error:#}"),
        "cannot settle handled entries, trying again"
    );
    if reader.pause(SETTLE_RETRY_DELAY).await {
        return Event::Settled(lane, entries);
    }
    // The process that takes them over finds that their messages are settled.
    Event::Settled(lane, Vec::new())
}
