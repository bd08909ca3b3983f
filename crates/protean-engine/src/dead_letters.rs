//! What was given up: to look at, to run again, to drop.

use std::sync::Arc;

use protean_core::domain::{Domain, Group};
use protean_core::handling::{Moment, purge, replay};
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{Changes, DeadLetter, DeadLetterRead, Outcome, Store};
use protean_port::{Error, Result};

/// How many letters are in memory at once.
const PAGE: usize = 500;

/// After every moment.
const EVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// The dead letters of one group. Works whether a server runs or not; one that
/// does takes up what is replayed within a second.
pub struct DeadLetters<'a> {
    domain: &'a Domain,
    group: &'a Group,
    store: Arc<dyn Store>,
}

impl<'a> DeadLetters<'a> {
    /// Those of this group.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn of(domain: &'a Domain, group: &'a Group) -> Result<Self> {
        let store = Arc::clone(domain.store().await?);
        Ok(Self { domain, group, store })
    }

    /// Those after a log position, in the order of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn page(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>> {
        self.given_up_before(EVER, after, limit).await
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

    /// The one at a log position.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn at(&self, position: u64) -> Result<Option<DeadLetter>> {
        let Some(before) = position.checked_sub(1) else { return Ok(None) };
        let found = self.page(before, 1).await?.pop();
        Ok(found.filter(|letter| letter.recorded.position == position))
    }

    /// Lets a message run again, with all its tries before it; `false` when
    /// somebody else has replayed or purged it meanwhile.
    ///
    /// # Errors
    /// When the store cannot be written; the letter is what it was then.
    pub async fn replay(&self, letter: &DeadLetter) -> Result<bool> {
        let units = vec![replay(self.group, letter, self.moment())];
        Ok(self.commit(units).await? == 1)
    }

    /// Drops a message for good; what waits behind it runs. `false` when
    /// somebody else has replayed or purged it meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read or written; the letter is what it was then.
    pub async fn purge(&self, letter: &DeadLetter) -> Result<bool> {
        let units = vec![self.purging(letter).await?];
        Ok(self.commit(units).await? == 1)
    }

    /// Replays all, in the order of the log, and says how many. What is
    /// replayed when the future is dropped stays so; the rest stays dead.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was replayed by then is.
    pub async fn replay_all(&self) -> Result<u64> {
        let (mut replayed, mut after) = (0, 0);
        loop {
            let page = self.page(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(replayed) };
            after = last.recorded.position;
            let replaying = |letter| replay(self.group, letter, self.moment());
            replayed += self.commit(page.iter().map(replaying).collect()).await?;
        }
    }

    /// Purges those given up before a moment, and says how many. What is purged
    /// when the future is dropped stays so.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was purged by then is.
    pub async fn purge_all(&self, before: Timestamp) -> Result<u64> {
        let (mut purged, mut after) = (0, 0);
        loop {
            let page = self.given_up_before(before, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(purged) };
            after = last.recorded.position;
            let mut units = Vec::new();
            for letter in &page {
                units.push(self.purging(letter).await?);
            }
            purged += self.commit(units).await?;
        }
    }

    async fn purging(&self, letter: &DeadLetter) -> Result<Changes> {
        let stream = &letter.recorded.message.stream;
        let next = self.store.next(&self.group.name, stream).await?;
        Ok(purge(self.group, letter, next, self.moment()))
    }

    /// However urgent the messages are, many of them are bulk work to write.
    fn moment(&self) -> Moment {
        Moment::of(self.domain.env(), Lane::Backfill)
    }

    /// How many of the units were applied; the others came too late.
    async fn commit(&self, units: Vec<Changes>) -> Result<u64> {
        let mut applied = 0;
        for outcome in self.store.commit(units.into()).await {
            match outcome {
                Outcome::Committed(_) => applied += 1,
                Outcome::Unavailable(reason) => return Err(Error::unavailable(reason)),
                _ => {}
            }
        }
        Ok(applied)
    }
}
