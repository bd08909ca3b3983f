//! A group that several processes read at once: each takes entries from the broker,
//! and the one that has the claim looks after what is parked and what is left behind.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use protean_core::handling::Moment;
use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{BoxFuture, Broker, BrokerRead, Claim, Delivery, EntryRef, TakeOver};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::suspects::park_left;
use crate::failpoint::reached;
use crate::server::STAND_BY;
use crate::source::broker::BrokerSource;
use crate::source::fetched::{BrokerReader, Fetched};
use crate::worker::lanes::Lanes;
use crate::worker::runner::HandlerRunner;

/// What a worker may read of its group.
pub(crate) enum Access {
    /// All of it: it has the claim.
    Alone(Box<dyn Claim>),
    /// What the broker hands to it, until the receiver says that it is to stop.
    Shared(Arc<dyn Broker>, CancellationToken),
}

/// A worker's part of a group that is shared.
pub(super) struct Sharing {
    inlet: BrokerReader,
    feeds: Vec<BrokerSource>,
    /// The claim is being asked for.
    asking: bool,
    under_way: FuturesUnordered<BoxFuture<'static, Happened>>,
}

/// The claim of a group, and what its holder before has left in flight.
pub(super) type Claimed = (Box<dyn Claim>, Vec<Delivery>);

/// What there is to do for the worker.
pub(super) enum Shared {
    /// Messages to handle.
    Messages(Vec<Delivery>),
    /// This process looks after what is parked from now on.
    Claimed(Claimed),
}

enum Happened {
    Read(Lane, Fetched),
    Looked(Lane, Fetched),
    Reconsidered(Lane, Fetched),
    /// These are still to be settled.
    Settled(Lane, Vec<EntryRef>),
    Held(Lane),
    Asked(Option<Claimed>),
}

impl Sharing {
    pub(super) fn new(
        runner: &HandlerRunner,
        broker: Arc<dyn Broker>,
        stop: CancellationToken,
    ) -> Self {
        let lanes = runner.domain.lanes().lanes().iter();
        Self {
            feeds: lanes.map(|lane| BrokerSource::new(runner, *lane)).collect(),
            inlet: BrokerReader { runner: runner.clone(), broker, stop },
            asking: false,
            under_way: FuturesUnordered::new(),
        }
    }

    /// Starts what the broker is to be asked and told. With the claim `moment` is
    /// none: it does not have to be asked for.
    pub(super) fn start(&mut self, lanes: &Lanes<Delivery>, moment: Option<Moment>, now: Duration) {
        let is_claimed = moment.is_none();
        if let Some(moment) = moment.filter(|_| !self.asking) {
            self.asking = true;
            self.under_way.push(Box::pin(ask(self.inlet.clone(), moment)));
        }
        for feed in &mut self.feeds {
            let (ready, held) = (lanes.ready(feed.lane), lanes.len(feed.lane));
            if let Some(read) = feed.next_read(ready, held) {
                self.under_way.push(Box::pin(fetch(self.inlet.clone(), feed.lane, read)));
            }
            if is_claimed && let Some(take) = feed.next_look(now) {
                self.under_way.push(Box::pin(take_over(self.inlet.clone(), feed.lane, take)));
            }
            if let Some(entries) = feed.next_hold(now) {
                let end = (Arc::clone(feed.group()), Arc::clone(feed.consumer()));
                let broker = Arc::clone(&self.inlet.broker);
                self.under_way.push(Box::pin(hold(broker, feed.lane, end, entries)));
            }
        }
        self.start_settling();
    }

    /// Starts to settle what is durable.
    pub(super) fn start_settling(&mut self) {
        for feed in &mut self.feeds {
            if let Some(entries) = feed.next_settle() {
                let inlet = self.inlet.clone();
                self.under_way.push(Box::pin(settle(inlet, feed.lane, entries)));
            }
        }
    }

    /// True when everything it began has ended.
    pub(super) fn is_at_rest(&self) -> bool {
        self.under_way.is_empty()
    }

    /// The next thing to do for the worker. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, now: Duration) -> Option<Shared> {
        let happened = self.under_way.next().await?;
        let (lane, arrival) = match happened {
            Happened::Asked(claimed) => {
                self.asking = false;
                return claimed.map(Shared::Claimed);
            }
            Happened::Settled(lane, left) => {
                self.feed(lane).settled(left);
                return None;
            }
            Happened::Held(lane) => {
                self.feed(lane).held();
                return None;
            }
            Happened::Read(lane, arrival) => {
                self.feed(lane).read();
                (lane, arrival)
            }
            Happened::Looked(lane, arrival) => {
                self.feed(lane).looked();
                (lane, arrival)
            }
            Happened::Reconsidered(lane, arrival) => (lane, arrival),
        };
        Some(Shared::Messages(self.feed(lane).take_in(arrival, now)))
    }

    fn feed(&mut self, lane: Lane) -> &mut BrokerSource {
        let index = usize::from(lane == Lane::Backfill).min(self.feeds.len() - 1);
        &mut self.feeds[index]
    }

    /// A message is durable or parked, wherever it came from.
    pub(super) fn durable(&mut self, position: u64) {
        self.feeds.iter_mut().for_each(|feed| feed.durable(position));
    }

    /// The unit of a message was left out: it is parked, or somebody has settled it,
    /// or it has to run again.
    pub(super) fn reconsider(&mut self, delivery: &Delivery) {
        for feed in &mut self.feeds {
            let entries = feed.reconsider(delivery.recorded.position);
            if !entries.is_empty() {
                let (inlet, lane, delivery) = (self.inlet.clone(), feed.lane, delivery.clone());
                self.under_way.push(Box::pin(async move {
                    Happened::Reconsidered(lane, inlet.reconsider(delivery, entries).await)
                }));
            }
        }
    }

    /// When there is something to do that nothing else tells of.
    pub(super) fn due(&self, is_claimed: bool) -> Option<Duration> {
        self.feeds.iter().filter_map(|feed| feed.due(is_claimed)).min()
    }

    /// Gives back what has not been handled: others need not wait for the lease to end.
    pub(super) async fn leave(mut self) {
        let broker = Arc::clone(&self.inlet.broker);
        for feed in &mut self.feeds {
            let mut entries = feed.leave();
            // What a read has brought that was dropped when the worker was told to stop.
            if let Some(last) = feed.last_read()
                && let Ok(left) = broker.read(last).await
            {
                entries.extend(left.into_iter().map(|entry| entry.at));
            }
            if let Err(failed) = broker.release(feed.group(), feed.consumer(), &entries).await {
                warn!(group = %feed.group(), "cannot give back what waits, it is taken over \
                     when the lease is over: {failed}");
            }
            broker.leave(feed.group(), feed.consumer());
        }
    }
}

async fn ask(mut inlet: BrokerReader, moment: Moment) -> Happened {
    let group = Arc::clone(&inlet.runner.group);
    match claim(&inlet.runner, moment).await {
        Ok(Some(claimed)) => {
            info!(group = %group.name, "this process looks after what is parked");
            return Happened::Asked(Some(claimed));
        }
        Ok(None) => {}
        Err(failed) => warn!(group = %group.name, "cannot claim the group: {failed}"),
    }
    inlet.pause(STAND_BY).await;
    Happened::Asked(None)
}

async fn claim(runner: &HandlerRunner, moment: Moment) -> Result<Option<Claimed>> {
    let Some(claim) = runner.store.claim(&runner.group.claim()).await? else { return Ok(None) };
    let left = park_left(runner, claim.left(), moment).await?;
    Ok(Some((claim, left)))
}

async fn fetch(inlet: BrokerReader, lane: Lane, read: BrokerRead) -> Happened {
    let (broker, end) = (Arc::clone(&inlet.broker), (read.group.clone(), read.consumer.clone()));
    let stream = Arc::clone(&read.streams[0]);
    let arrival = inlet.arrive(stream, end, broker.read(read)).await;
    reached("after entries are read");
    Happened::Read(lane, arrival)
}

async fn take_over(inlet: BrokerReader, lane: Lane, take: TakeOver) -> Happened {
    let (broker, end) = (Arc::clone(&inlet.broker), (take.group.clone(), take.consumer.clone()));
    let stream = Arc::clone(&take.streams[0]);
    Happened::Looked(lane, inlet.arrive(stream, end, broker.take_over(take)).await)
}

async fn hold(
    broker: Arc<dyn Broker>,
    lane: Lane,
    (group, consumer): (Arc<str>, Arc<str>),
    entries: Vec<EntryRef>,
) -> Happened {
    // What is lost is handled twice at worst, and takes effect once.
    if let Err(failed) = broker.hold(&group, &consumer, &entries).await {
        warn!(%group, %lane, "cannot hold what is being handled: {failed}");
    }
    Happened::Held(lane)
}

async fn settle(mut inlet: BrokerReader, lane: Lane, entries: Vec<EntryRef>) -> Happened {
    let group = Arc::clone(&inlet.runner.group.name);
    reached("before handled entries are settled");
    let Err(failed) = inlet.broker.settle(&group, &entries).await else {
        reached("after handled entries are settled");
        return Happened::Settled(lane, Vec::new());
    };
    warn!(%group, %lane, "cannot settle entries whose messages are handled: {failed}");
    if inlet.pause(STAND_BY).await {
        return Happened::Settled(lane, entries);
    }
    // Whoever takes them over finds that they are settled.
    Happened::Settled(lane, Vec::new())
}
