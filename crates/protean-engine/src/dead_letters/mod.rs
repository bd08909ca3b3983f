//! Dead letters: messages that were given up, to inspect, replay or purge.
//!
//! `dlq_publisher` shows them in the dead-letter streams of the broker as well.

mod dlq_entry;
mod dlq_index;
mod dlq_publisher;
mod filter;
mod reasons;
mod shared_reason;

use std::sync::Arc;

use protean_core::domain::{Domain, Group};
use protean_core::handling::{Moment, OperationLog, Operator, purge, replay};
use protean_port::Result;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{Changes, DeadLetter, DeadLetterRead, Store};

use crate::operation::commit_letters;
pub(crate) use dlq_publisher::DlqPublisher;
pub use filter::DeadLetterFilter;
pub use reasons::{DeadLetterReason, dead_letter_reasons};
pub use shared_reason::shared_reason;

/// How many dead letters are in memory at once.
const PAGE_MESSAGES: usize = 500;

/// The dead letters of one group. Works with and without a running server; a running one
/// picks up what is replayed within a second.
///
/// With an [operator](Self::by), each transaction that replays or purges also appends an event to
/// the category `<domain>::operations`.
pub struct DeadLetters<'a> {
    domain: &'a Domain,
    group: &'a Group,
    store: Arc<dyn Store>,
    by: Option<Operator>,
}

impl<'a> DeadLetters<'a> {
    /// The dead letters of this group.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn of(domain: &'a Domain, group: &'a Group) -> Result<Self> {
        let store = Arc::clone(domain.store().await?);
        Ok(Self { domain, group, store, by: None })
    }

    /// Records every later action under the name of this operator.
    #[must_use]
    pub fn by(self, operator: Operator) -> Self {
        Self { by: Some(operator), ..self }
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
        let mut log = self.begin("replay", &DeadLetterFilter::at(dead.recorded.position));
        let unit = replay(self.group, dead, self.moment());
        Ok(self.commit(&mut log, vec![unit]).await? == 1)
    }

    /// Drops a message for good and releases what waits behind it; `false` when another
    /// operator replayed or purged it meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read or written; the dead letter is unchanged then.
    pub async fn purge(&self, dead: &DeadLetter) -> Result<bool> {
        let mut log = self.begin("purge", &DeadLetterFilter::at(dead.recorded.position));
        let unit = self.purging(dead).await?;
        Ok(self.commit(&mut log, vec![unit]).await? == 1)
    }

    /// Replays all dead letters in the order of the log, and answers how many. Cancel
    /// safe: what was replayed by then is, the rest stays dead.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was replayed by then is.
    pub async fn replay_all(&self) -> Result<u64> {
        self.replay_matching(&DeadLetterFilter::default()).await
    }

    /// Replays the dead letters that match the filter, like [`replay_all`](Self::replay_all).
    ///
    /// # Errors
    /// The same as those of [`replay_all`](Self::replay_all).
    pub async fn replay_matching(&self, filter: &DeadLetterFilter) -> Result<u64> {
        let (mut replayed, mut after) = (0, 0);
        let mut log = self.begin("replay", filter);
        loop {
            let page = self.candidates(filter, after).await?;
            let Some(last) = page.last() else { return Ok(replayed) };
            after = last.recorded.position;
            let meant = page.iter().filter(|dead| filter.matches(dead));
            let units = meant.map(|dead| replay(self.group, dead, self.moment())).collect();
            replayed += self.commit(&mut log, units).await?;
        }
    }

    /// Counts the dead letters that match the filter.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count(&self, filter: &DeadLetterFilter) -> Result<u64> {
        let (mut count, mut after) = (0, 0);
        loop {
            let page = self.candidates(filter, after).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = last.recorded.position;
            count += page.iter().filter(|dead| filter.matches(dead)).count() as u64;
        }
    }

    /// Purges the messages given up before a moment, and answers how many. Cancel safe:
    /// what was purged by then is, the rest stays dead.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was purged by then is.
    pub async fn purge_all(&self, before: Timestamp) -> Result<u64> {
        let filter = DeadLetterFilter { before: Some(before), ..DeadLetterFilter::default() };
        self.purge_matching(&filter).await
    }

    /// Purges the dead letters that match the filter, like [`purge_all`](Self::purge_all).
    ///
    /// # Errors
    /// The same as those of [`purge_all`](Self::purge_all).
    pub async fn purge_matching(&self, filter: &DeadLetterFilter) -> Result<u64> {
        let (mut purged, mut after) = (0, 0);
        let mut log = self.begin("purge", filter);
        loop {
            let page = self.candidates(filter, after).await?;
            let Some(last) = page.last() else { return Ok(purged) };
            after = last.recorded.position;
            let mut units = Vec::new();
            for dead in page.iter().filter(|dead| filter.matches(dead)) {
                units.push(self.purging(dead).await?);
            }
            purged += self.commit(&mut log, units).await?;
        }
    }

    /// The next page of dead letters that may match the filter.
    async fn candidates(&self, filter: &DeadLetterFilter, after: u64) -> Result<Vec<DeadLetter>> {
        if let Some(position) = filter.position {
            let found = if after < position { self.at(position).await? } else { None };
            return Ok(found.into_iter().collect());
        }
        let before = filter.before.unwrap_or(Timestamp::MAX);
        self.given_up_before(before, after, PAGE_MESSAGES).await
    }

    async fn purging(&self, dead: &DeadLetter) -> Result<Changes> {
        let stream = &dead.recorded.message.stream;
        let next = self.store.next(&self.group.name, stream).await?;
        Ok(purge(self.group, dead, next, self.moment()))
    }

    /// Begins the record of what the operator does, when there is one.
    fn begin(&self, action: &'static str, filter: &DeadLetterFilter) -> Option<OperationLog> {
        let by = self.by.as_ref()?;
        let group = [("group", self.group.name.to_string())];
        let category = [("category", self.group.category.to_string())];
        let filter = group.into_iter().chain(category).chain(filter.conditions());
        Some(OperationLog::begin(self.domain.name(), by, action, filter))
    }

    async fn commit(&self, log: &mut Option<OperationLog>, units: Vec<Changes>) -> Result<u64> {
        commit_letters(&*self.store, log, units, self.domain.clock().now()).await
    }

    /// Always the backfill lane: however urgent the messages, writing many of them is
    /// bulk work.
    fn moment(&self) -> Moment {
        Moment::of(self.domain.env(), Lane::Backfill)
    }
}
