//! What the relay has published and not settled yet.
//!
//! ```text
//! page n published ─ 20 ms ─▶ note of the batch ─▶ commit of the cursors ─▶ done
//! page n + 1 …, read behind page n ─▶ with it, or waits for that commit ─▶ the next one
//! ```
//! The next page need not wait for the commit of the last: it is read behind it. What a crash
//! leaves uncommitted is published again, with the same ids.
//!
//! The number of the last batch is noted before the cursors are committed, so that cursors never
//! go beyond the noted batch: a broker that has this batch has everything that is not published
//! again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use protean_port::message::{Lane, Priority};
use protean_port::port::{BoxFuture, Changes, Outcome, Store};
use protean_port::{Error, Result};
use tokio::time::Instant;

use super::batch_notes::BatchNotes;
use super::page::Page;

/// The most pages whose cursors are not committed, and the most batches that are not noted.
pub(super) const MAX_UNSETTLED_PAGES: usize = 64;
/// How long the cursors of a published page wait for those of others. Nobody waits for them.
const SETTLE_DELAY: Duration = Duration::from_millis(20);

/// The cursors of published pages on their way into the store.
pub(super) struct Settlements {
    store: Arc<dyn Store>,
    notes: Arc<BatchNotes>,
    lane: Lane,
    waiting: Vec<Changes>,
    /// When the cursors that wait are to be committed; none while none wait.
    due: Option<Instant>,
    /// The last batch that was published with them.
    number: Option<u64>,
    under_way: Option<UnderWay>,
    /// The last message of each priority that was published, by route.
    published: Vec<BTreeMap<Priority, u64>>,
}

/// A commit of cursors.
struct UnderWay {
    pages: usize,
    outcomes: BoxFuture<'static, Result<Vec<Outcome>>>,
}

impl Settlements {
    pub(super) fn new(
        store: Arc<dyn Store>,
        notes: Arc<BatchNotes>,
        lane: Lane,
        routes: usize,
    ) -> Self {
        Self {
            store,
            notes,
            lane,
            waiting: Vec::new(),
            due: None,
            number: None,
            under_way: None,
            published: vec![BTreeMap::new(); routes],
        }
    }

    /// Where to read on in the log, whatever the store knows of it.
    pub(super) fn published(&self, route: usize) -> Vec<(Priority, u64)> {
        self.published[route].iter().map(|(priority, position)| (*priority, *position)).collect()
    }

    /// Pages were published as a whole with the batch of this number: their cursors are committed
    /// soon. Waits only while the cursors of many pages are not committed.
    pub(super) async fn settle_later(
        &mut self,
        pages: &[Page],
        units: Vec<Changes>,
        number: Option<u64>,
    ) -> Result {
        for page in pages {
            for (priority, position) in page.positions() {
                let last = self.published[page.of.route].entry(priority).or_default();
                *last = position.max(*last);
            }
        }
        self.add(units, number);
        self.take_in_ended()?;
        while self.unsettled() >= MAX_UNSETTLED_PAGES {
            self.start();
            self.ended().await?;
        }
        Ok(())
    }

    /// Commits these units, published with the batch of this number, and all that wait before
    /// them.
    pub(super) async fn settle(&mut self, units: Vec<Changes>, number: Option<u64>) -> Result {
        self.add(units, number);
        self.settle_all().await
    }

    fn add(&mut self, units: Vec<Changes>, number: Option<u64>) {
        self.waiting.extend(units);
        self.number = number.or(self.number);
        self.due.get_or_insert_with(|| Instant::now() + SETTLE_DELAY);
    }

    /// Waits until everything that was published is settled.
    pub(super) async fn settle_all(&mut self) -> Result {
        while !self.is_empty() {
            self.start();
            self.ended().await?;
        }
        Ok(())
    }

    /// True when everything that was published is settled.
    pub(super) fn is_empty(&self) -> bool {
        self.unsettled() == 0
    }

    /// How many pages are published whose cursors are not committed.
    fn unsettled(&self) -> usize {
        self.waiting.len() + self.under_way.as_ref().map_or(0, |under_way| under_way.pages)
    }

    /// Waits for the end of the commit that is under way, or else of the one that is due next.
    /// Cancel safe.
    pub(super) async fn settled(&mut self) -> Result {
        if self.under_way.is_none()
            && let Some(due) = self.due
        {
            tokio::time::sleep_until(due).await;
            self.start();
        }
        self.ended().await
    }

    async fn ended(&mut self) -> Result {
        if let Some(UnderWay { outcomes, .. }) = &mut self.under_way {
            let outcomes = outcomes.await;
            self.end(outcomes)?;
        }
        Ok(())
    }

    /// Takes in a commit that has ended, without waiting, and starts the next when it is due.
    fn take_in_ended(&mut self) -> Result {
        self.start_due();
        match self.under_way.as_mut().and_then(|commit| (&mut commit.outcomes).now_or_never()) {
            Some(outcomes) => self.end(outcomes),
            None => Ok(()),
        }
    }

    fn start_due(&mut self) {
        if self.due.is_some_and(|due| due <= Instant::now()) {
            self.start();
        }
    }

    /// Starts a commit of all that waits, unless one is under way.
    fn start(&mut self) {
        if self.under_way.is_some() || self.waiting.is_empty() {
            return;
        }
        let (store, units) = (Arc::clone(&self.store), std::mem::take(&mut self.waiting));
        self.due = None;
        // Made now, so that a note of what has to be published again comes after it.
        let noted = self.number.take().map(|number| self.notes.advance(self.lane, number));
        let pages = units.len();
        let outcomes = Box::pin(async move {
            if let Some(noted) = noted {
                noted.await?;
            }
            Ok(store.commit(units.into()).await)
        });
        self.under_way = Some(UnderWay { pages, outcomes });
    }

    fn end(&mut self, outcomes: Result<Vec<Outcome>>) -> Result {
        self.under_way = None;
        for outcome in outcomes? {
            match outcome {
                Outcome::Committed(_) => {}
                Outcome::Unavailable(reason) => return Err(Error::unavailable(reason)),
                // An operator replayed or purged one of them; the others go out once more.
                other => {
                    return Err(Error::unavailable(format!(
                        "published messages cannot be marked as published: {other:?}"
                    )));
                }
            }
        }
        self.start_due();
        Ok(())
    }

    /// Forgets everything: what the store does not know as published is published again.
    pub(super) fn forget(&mut self) {
        (self.under_way, self.waiting, self.due, self.number) = (None, Vec::new(), None, None);
        self.published.fill(BTreeMap::new());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use protean_port::memory::MemoryStore;
    use protean_port::message::Lane;
    use protean_port::port::{Changes, Store};
    use tokio::time::{Instant, sleep};

    use super::{BatchNotes, MAX_UNSETTLED_PAGES, SETTLE_DELAY, Settlements};

    async fn settlements(store: &Arc<dyn Store>) -> Settlements {
        let claim = store.claim("relay").await.unwrap().unwrap();
        let notes = Arc::new(BatchNotes::of(claim, &Lane::ALL));
        Settlements::new(Arc::clone(store), notes, Lane::Primary, 1)
    }

    fn cursor() -> Vec<Changes> {
        vec![Changes::new(Lane::Primary)]
    }

    #[tokio::test(start_paused = true)]
    async fn pages_of_one_moment_are_settled_by_one_commit() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (mut settlements, begun) = (settlements(&store).await, Instant::now());
        for number in 1..=19 {
            settlements.settle_later(&[], cursor(), Some(number)).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(*store.commits().borrow(), 0, "they wait");
        settlements.settled().await.unwrap();
        assert_eq!((begun.elapsed(), *store.commits().borrow()), (SETTLE_DELAY, 1));
        assert!(settlements.is_empty());
        settlements.settle_later(&[], cursor(), Some(20)).await.unwrap();
        settlements.settle_all().await.unwrap();
        assert_eq!(begun.elapsed(), SETTLE_DELAY, "a relay that stops does not wait");
        assert_eq!(*store.commits().borrow(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_pages_are_unsettled_than_a_successor_expects() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (mut settlements, begun) = (settlements(&store).await, Instant::now());
        for number in 1..=500 {
            settlements.settle_later(&[], cursor(), Some(number)).await.unwrap();
            assert!(settlements.unsettled() < MAX_UNSETTLED_PAGES);
        }
        assert!(begun.elapsed().is_zero() && *store.commits().borrow() == 7);
    }
}
