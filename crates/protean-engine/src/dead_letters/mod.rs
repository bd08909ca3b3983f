//! Dead letters: messages that were given up, to inspect, replay or purge.
//!
//! `dlq_publisher` shows them in the dead-letter streams of the broker as well.

mod dlq_entry;
mod dlq_index;
mod dlq_publisher;

use std::sync::Arc;

use protean_core::domain::{Domain, Group};
use protean_core::handling::{Moment, purge, replay};
use protean_port::Result;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{Changes, DeadLetter, DeadLetterRead, Store};

use crate::commit::commit_each;
pub(crate) use dlq_publisher::DlqPublisher;

/// How many dead letters are in memory at once.
const PAGE_MESSAGES: usize = 500;

/// The dead letters of one group. Works with and without a running server; a running one
/// picks up what is replayed within a second.
pub struct DeadLetters<'a> {
    domain: &'a Domain,
    group: &'a Group,
    store: Arc<dyn Store>,
}

impl<'a> DeadLetters<'a> {
    /// The dead letters of this group.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn of(domain: &'a Domain, group: &'a Group) -> Result<Self> {
        let store = Arc::clone(domain.store().await?);
        Ok(Self { domain, group, store })
    }

    /// At most `limit` dead letters after a log position, in the order of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn page(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>> {
        self.given_up_before(Timestamp::MAX, after, limit).await
    }

    async fn given_up_before(
        &self,
        before: Timestamp,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>> {
        let (group, category) = (self.group.name.to_string(), self.group.category.clone());
        self.store.dead_letters(DeadLetterRead { group, category, after, before, limit }).await
    }

    /// The dead letter at a log position, when there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn at(&self, position: u64) -> Result<Option<DeadLetter>> {
        let Some(before) = position.checked_sub(1) else { return Ok(None) };
        let found = self.page(before, 1).await?.pop();
        Ok(found.filter(|dead| dead.recorded.position == position))
    }

    /// Runs a message again, with a fresh count of attempts; `false` when another
    /// operator replayed or purged it meanwhile.
    ///
    /// # Errors
    /// When the store cannot be written; the dead letter is unchanged then.
    pub async fn replay(&self, dead: &DeadLetter) -> Result<bool> {
        let units = [replay(self.group, dead, self.moment())].into();
        Ok(commit_each(&*self.store, units).await? == 1)
    }

    /// Drops a message for good and releases what waits behind it; `false` when another
    /// operator replayed or purged it meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read or written; the dead letter is unchanged then.
    pub async fn purge(&self, dead: &DeadLetter) -> Result<bool> {
        let units = [self.purging(dead).await?].into();
        Ok(commit_each(&*self.store, units).await? == 1)
    }

    /// Replays all dead letters in the order of the log, and answers how many. Cancel
    /// safe: what was replayed by then is, the rest stays dead.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was replayed by then is.
    pub async fn replay_all(&self) -> Result<u64> {
        let (mut replayed, mut after) = (0, 0);
        loop {
            let page = self.page(after, PAGE_MESSAGES).await?;
            let Some(last) = page.last() else { return Ok(replayed) };
            after = last.recorded.position;
            let units = page.iter().map(|dead| replay(self.group, dead, self.moment())).collect();
            replayed += commit_each(&*self.store, units).await?;
        }
    }

    /// Purges the messages given up before a moment, and answers how many. Cancel safe:
    /// what was purged by then is, the rest stays dead.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was purged by then is.
    pub async fn purge_all(&self, before: Timestamp) -> Result<u64> {
        let (mut purged, mut after) = (0, 0);
        loop {
            let page = self.given_up_before(before, after, PAGE_MESSAGES).await?;
            let Some(last) = page.last() else { return Ok(purged) };
            after = last.recorded.position;
            let mut units = Vec::new();
            for dead in &page {
                units.push(self.purging(dead).await?);
            }
            purged += commit_each(&*self.store, units.into()).await?;
        }
    }

    async fn purging(&self, dead: &DeadLetter) -> Result<Changes> {
        let stream = &dead.recorded.message.stream;
        let next = self.store.next(&self.group.name, stream).await?;
        Ok(purge(self.group, dead, next, self.moment()))
    }

    /// Always the backfill lane: however urgent the messages, writing many of them is
    /// bulk work.
    fn moment(&self) -> Moment {
        Moment::of(self.domain.env(), Lane::Backfill)
    }
}
