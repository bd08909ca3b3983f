//! Page after page, from the stream into the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_core::domain::{Domain, message_from_entry};
use protean_port::message::{Category, Message};
use protean_port::port::{
    Append, Broker, BrokerGroup, BrokerRead, Changes, Claim, Entry, EntryRef, Expect, Outcome,
    Store, TakeOver,
};
use protean_port::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{Inbox, pause};
use crate::failpoint::reached;
use crate::source::names;
use crate::source::unreadable::add_to_dlq;

/// The wait before a broker or store that failed is asked again.
const WAIT: Duration = Duration::from_millis(200);

/// Who has the claim, at work. It keeps nothing in mind: what is not settled after
/// a failure is pending at the broker, where it is looked for.
pub(super) struct InboxReader {
    domain: Domain,
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    stop: CancellationToken,
    of: BrokerGroup,
    category: Category,
    consumer: Arc<str>,
    page: usize,
    wait: Duration,
    look_at: Instant,
    /// Held for as long as this reads.
    _claim: Box<dyn Claim>,
}

impl InboxReader {
    pub(super) fn new(
        inbox: &Inbox,
        broker: Arc<dyn Broker>,
        claim: Box<dyn Claim>,
        stop: CancellationToken,
    ) -> Self {
        let group = &inbox.group;
        let stream = Arc::from(group.category.as_str());
        Self {
            domain: inbox.domain.clone(),
            store: Arc::clone(&inbox.store),
            broker,
            stop,
            of: BrokerGroup { stream, group: Arc::clone(&group.name) },
            category: group.category.clone(),
            consumer: names::consumer(&group.name),
            page: group.subscription.messages_per_tick.max(1),
            wait: group.subscription.blocking_timeout,
            look_at: Instant::now(),
            _claim: claim,
        }
    }

    /// Takes in what comes until the claim is lost or the server stops.
    /// An outage of either side is waited out.
    pub(super) async fn work(mut self) {
        // It fails as the first read does, and is told then.
        self.broker.prepare(std::slice::from_ref(&self.of)).await.map(drop).unwrap_or_default();
        while !self.stop.is_cancelled() {
            if let Err(failed) = self.next().await {
                self.recover(failed).await;
            }
        }
        // What the last read has brought after nobody waited for it any more.
        if let Ok(left) = self.broker.read(self.reading(None)).await {
            self.take_in(left).await.map(drop).unwrap_or_default();
        }
        let left = self.broker.leave(&self.of.group, &self.consumer);
        for page in left.chunks(self.page) {
            if let Err(failed) = self.take_in(page.to_vec()).await {
                let (group, lost) = (&self.of.group, left.len());
                error!(%group, "some of {lost} entries that nobody else has are lost: {failed}");
            }
        }
    }

    /// Takes in the next page.
    async fn next(&mut self) -> Result {
        if Instant::now() >= self.look_at {
            self.look().await?;
        }
        let wait = self.wait.min(self.look_at.saturating_duration_since(Instant::now()));
        let stop = self.stop.clone();
        let entries = tokio::select! {
            entries = self.broker.read(self.reading(Some(wait))) => entries?,
            _ = stop.cancelled() => return Ok(()),
        };
        self.take_in(entries).await.map(drop)
    }

    /// Takes in what was read and not settled, by this process or one before it:
    /// there is no other, since this one has the claim.
    async fn look(&mut self) -> Result {
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
            // What cannot be settled now would be found again and again.
            if found == 0 || self.take_in(left).await? < found {
                self.look_at = Instant::now() + self.domain.config().server.lease;
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

    /// Waits a while after a failure; a group that is missing is made again.
    async fn recover(&mut self, failed: Error) {
        let (group, stream) = (&self.of.group, &self.of.stream);
        if failed.is_not_found() {
            warn!(%group, %stream, "it is missing and made again");
            let groups = std::slice::from_ref(&self.of);
            self.broker.prepare(groups).await.map(drop).unwrap_or_default();
        } else {
            warn!(%group, %stream, "cannot take in: {failed}");
        }
        self.look_at = Instant::now();
        pause(&mut self.stop, WAIT).await;
    }

    /// Takes entries into the log, or those that it cannot take to the dead-letter
    /// stream, and settles them; gives how many that were.
    async fn take_in(&self, entries: Vec<Entry>) -> Result<usize> {
        let (mut units, mut refused) = (Vec::new(), Vec::new());
        for entry in entries {
            match message_from_entry(&self.domain, &self.category, &entry) {
                Ok(message) => units.push((entry, self.unit(message))),
                Err(reason) => refused.push((entry, reason)),
            }
        }
        let kept = self.keep(units, &mut refused).await;
        let mut done =
            add_to_dlq(&self.domain, &*self.broker, &self.of, &self.consumer, refused).await;
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

    /// Commits the units and gives the entries that are in the log then; what it will
    /// never have joins the refused ones.
    async fn keep(
        &self,
        units: Vec<(Entry, Changes)>,
        refused: &mut Vec<(Entry, String)>,
    ) -> Result<Vec<EntryRef>> {
        let (entries, units): (Vec<Entry>, Vec<Changes>) = units.into_iter().unzip();
        let units: Arc<[Changes]> = units.into();
        let outcomes = self.store.commit(Arc::clone(&units)).await;
        let mut kept = Vec::new();
        for ((entry, unit), outcome) in entries.into_iter().zip(&*units).zip(outcomes) {
            match outcome {
                Outcome::Committed(_) => kept.push(entry.at),
                Outcome::Stale(_) if self.is_there(unit).await? => kept.push(entry.at),
                Outcome::Stale(_) => {
                    let told = "another entry of the same id has come before and is in the log";
                    refused.push((entry, told.to_owned()));
                }
                Outcome::Rejected(why) => refused.push((entry, why.to_string())),
                Outcome::Unavailable(why) => return Err(Error::unavailable(why)),
                outcome => return Err(Error::failed(format!("the log answers {outcome:?}"))),
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
    /// However it ends: nothing is to come in where nobody reads.
    fn drop(&mut self) {
        self.broker.leave(&self.of.group, &self.consumer);
    }
}
