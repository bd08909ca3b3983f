//! Reads a stream page by page into the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_core::domain::{Domain, Group, message_from_entry};
use protean_port::message::Message;
use protean_port::port::{
    Append, Broker, BrokerGroup, BrokerRead, Changes, Claim, Entry, EntryRef, Expect, Outcome,
    Store, TakeOver,
};
use protean_port::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::foreign_stream::ForeignStream;
use crate::failpoint::reached;
use crate::pause::pause;
use crate::source::names;
use crate::source::unreadable::{EntryReader, Unreadable, add_to_dlq};

/// The wait before a broker or store that failed is asked again.
const RETRY_WAIT: Duration = Duration::from_millis(200);

/// The reader of a stream, with the claim. It remembers nothing: what is not settled after
/// a failure is pending at the broker, and taken over from there.
pub(super) struct InboxReader {
    domain: Domain,
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    stop: CancellationToken,
    group: Arc<Group>,
    of: BrokerGroup,
    consumer: Arc<str>,
    page: usize,
    wait: Duration,
    take_over_at: Instant,
    /// Held for as long as this reads.
    _claim: Box<dyn Claim>,
}

impl InboxReader {
    pub(super) fn new(
        stream: &ForeignStream,
        broker: Arc<dyn Broker>,
        claim: Box<dyn Claim>,
        stop: CancellationToken,
    ) -> Self {
        let group = &stream.group;
        Self {
            domain: stream.domain.clone(),
            store: Arc::clone(&stream.store),
            broker,
            stop,
            group: Arc::clone(group),
            of: BrokerGroup {
                stream: group.category.as_str().into(),
                group: Arc::clone(&group.name),
            },
            consumer: names::consumer(&group.name),
            page: group.subscription.messages_per_tick.max(1),
            wait: group.subscription.blocking_timeout,
            take_over_at: Instant::now(),
            _claim: claim,
        }
    }

    /// Reads until `stop` is cancelled or the claim is lost. An outage of the broker or the
    /// store is waited out.
    pub(super) async fn work(mut self) {
        // When this fails so does the first read, which reports it.
        self.broker.prepare(std::slice::from_ref(&self.of)).await.map(drop).unwrap_or_default();
        while !self.stop.is_cancelled() {
            if let Err(failed) = self.next().await {
                self.recover(failed).await;
            }
        }
        // Entries that the last read brought after its future was dropped.
        if let Ok(left) = self.broker.read(self.reading(None)).await {
            self.take_in(left).await.map(drop).unwrap_or_default();
        }
        let left = self.broker.leave(&self.of.group, &self.consumer);
        for page in left.chunks(self.page) {
            if let Err(failed) = self.take_in(page.to_vec()).await {
                error!(
                    handler = %self.group.handler, entries = page.len(),
                    error = format_args!("{failed:#}"),
                    "cannot store received entries while stopping, they may be lost"
                );
            }
        }
    }

    /// Reads the next page.
    async fn next(&mut self) -> Result {
        if Instant::now() >= self.take_over_at {
            self.take_over().await?;
        }
        let wait = self.wait.min(self.take_over_at.saturating_duration_since(Instant::now()));
        let stop = self.stop.clone();
        let entries = tokio::select! {
            entries = self.broker.read(self.reading(Some(wait))) => entries?,
            () = stop.cancelled() => return Ok(()),
        };
        self.take_in(entries).await.map(drop)
    }

    /// Takes over what was read and not settled, by this process or an earlier one: there
    /// is no other, since this one has the claim.
    async fn take_over(&mut self) -> Result {
        loop {
            let take = TakeOver {
                group: Arc::clone(&self.of.group),
                consumer: Arc::clone(&self.consumer),
                streams: Arc::from([Arc::clone(&self.of.stream)]),
                idle: Duration::ZERO,
                limit: self.page,
            };
            let left = self.broker.take_over(take).await?;
            let found = left.len();
            // Entries that cannot be settled now would be found again and again.
            if found == 0 || self.take_in(left).await? < found {
                self.take_over_at = Instant::now() + self.domain.config().server.lease;
                return Ok(());
            }
        }
    }

    fn reading(&self, wait: Option<Duration>) -> BrokerRead {
        BrokerRead {
            group: Arc::clone(&self.of.group),
            consumer: Arc::clone(&self.consumer),
            streams: Arc::from([Arc::clone(&self.of.stream)]),
            limit: self.page,
            wait,
        }
    }

    /// Waits after a failure, and recreates a missing group.
    async fn recover(&mut self, failed: Error) {
        let (group, stream) = (&self.of.group, &self.of.stream);
        if failed.is_not_found() {
            warn!(%group, %stream, "consumer group missing, recreating");
            let groups = std::slice::from_ref(&self.of);
            self.broker.prepare(groups).await.map(drop).unwrap_or_default();
        } else {
            warn!(
                handler = %self.group.handler, %stream, error = format_args!("{failed:#}"),
                "cannot store received entries, trying again"
            );
        }
        self.take_over_at = Instant::now();
        pause(&self.stop, RETRY_WAIT).await;
    }

    /// Takes entries into the log, and those that are not messages to the dead-letter
    /// stream, and settles them; answers how many were settled.
    async fn take_in(&self, entries: Vec<Entry>) -> Result<usize> {
        let (mut received, mut units, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            match message_from_entry(&self.domain, &self.group.category, &entry) {
                Ok(message) => {
                    received.push(entry);
                    units.push(self.unit(message));
                }
                Err(reason) => refused.push(Unreadable { entry, reason }),
            }
        }
        let kept = self.keep(received, units.into(), &mut refused).await;
        let (handler, consumer) = (&self.group.handler, &self.consumer);
        let reader = EntryReader { handler, from: &self.of, consumer };
        let mut done = add_to_dlq(&self.domain, &*self.broker, reader, refused).await;
        reached("before entries are settled");
        let kept = kept.map(|kept| done.extend(kept));
        self.broker.settle(&self.of.group, &done).await?;
        kept.map(|()| done.len())
    }

    fn unit(&self, message: Message) -> Changes {
        let mut unit = Changes::new(self.domain.lanes().lane(message.priority));
        unit.appends.push(Append { message, expect: Expect::At(0) });
        unit
    }

    /// Commits the unit of each entry and answers the entries that are in the log then. An
    /// entry that the log will never take joins the refused ones.
    async fn keep(
        &self,
        entries: Vec<Entry>,
        units: Arc<[Changes]>,
        refused: &mut Vec<Unreadable>,
    ) -> Result<Vec<EntryRef>> {
        let outcomes = self.store.commit(Arc::clone(&units)).await;
        let mut kept = Vec::new();
        for ((entry, unit), outcome) in entries.into_iter().zip(&*units).zip(outcomes) {
            match outcome {
                Outcome::Committed(_) => kept.push(entry.at),
                Outcome::Stale(_) if self.is_there(unit).await? => kept.push(entry.at),
                Outcome::Stale(_) => {
                    let reason = "the log already has another entry with the same id".to_owned();
                    refused.push(Unreadable { entry, reason });
                }
                Outcome::Rejected(why) => {
                    refused.push(Unreadable { entry, reason: why.to_string() });
                }
                Outcome::Unavailable(why) => return Err(Error::unavailable(why)),
                outcome => {
                    return Err(Error::failed(format!(
                        "the store left out an entry that depends on none: {outcome:?}"
                    )));
                }
            }
        }
        Ok(kept)
    }

    /// True when the log has this very message.
    async fn is_there(&self, unit: &Changes) -> Result<bool> {
        for Append { message, .. } in &unit.appends {
            let found = self.store.stream(&message.stream, 0, 1).await?;
            if found.first().is_none_or(|found| found.message.data != message.data) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for InboxReader {
    /// However the reader ends, the broker is to hand nothing more to its consumer.
    fn drop(&mut self) {
        self.broker.leave(&self.of.group, &self.consumer);
    }
}
