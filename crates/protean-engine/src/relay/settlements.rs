//! What the relay has published and not settled yet.
//!
//! ```text
//! page n published ─▶ commit of its cursor ─▶ done
//! page n + 1 …, read behind page n ─▶ waits for that commit ─▶ the next one
//! ```
//! The next page need not wait for the commit of the last: it is read behind it. What a crash
//! leaves uncommitted is published again, with the same ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use protean_port::message::Priority;
use protean_port::port::{BoxFuture, Changes, Outcome, Store};
use protean_port::{Error, Result};

use super::page::Page;

/// The most pages whose cursors wait for a commit.
const MAX_UNSETTLED_PAGES: usize = 64;

/// The cursors of published pages on their way into the store.
pub(super) struct Settlements {
    store: Arc<dyn Store>,
    waiting: Vec<Changes>,
    under_way: Option<BoxFuture<'static, Vec<Outcome>>>,
    /// The last message of each priority that was published, by route.
    published: Vec<BTreeMap<Priority, u64>>,
}

impl Settlements {
    pub(super) fn new(store: Arc<dyn Store>, routes: usize) -> Self {
        let (waiting, published) = (Vec::new(), vec![BTreeMap::new(); routes]);
        Self { store, waiting, under_way: None, published }
    }

    /// Where to read on in the log, whatever the store knows of it.
    pub(super) fn published(&self, route: usize) -> Vec<(Priority, u64)> {
        self.published[route].iter().map(|(priority, position)| (*priority, *position)).collect()
    }

    /// Pages were published as a whole: their cursors are committed soon. Waits only while many
    /// pages wait.
    pub(super) async fn settle_later(&mut self, pages: &[Page], units: Vec<Changes>) -> Result {
        for page in pages {
            for (priority, position) in page.positions() {
                let last = self.published[page.of.route].entry(priority).or_default();
                *last = position.max(*last);
            }
        }
        self.waiting.extend(units);
        self.take_in_ended()?;
        if self.waiting.len() >= MAX_UNSETTLED_PAGES {
            self.settled().await?;
        }
        Ok(())
    }

    /// Commits these units and all that wait before them.
    pub(super) async fn settle(&mut self, units: Vec<Changes>) -> Result {
        self.waiting.extend(units);
        self.settle_all().await
    }

    /// Waits until everything that was published is settled.
    pub(super) async fn settle_all(&mut self) -> Result {
        while !self.is_empty() {
            self.settled().await?;
        }
        Ok(())
    }

    /// True when everything that was published is settled.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_none() && self.waiting.is_empty()
    }

    /// Waits for the end of the commit that is under way, and starts the next. Cancel safe.
    pub(super) async fn settled(&mut self) -> Result {
        self.start();
        if let Some(under_way) = &mut self.under_way {
            let outcomes = under_way.await;
            self.end(outcomes)?;
        }
        Ok(())
    }

    /// Takes in a commit that has ended, without waiting, and starts the next.
    fn take_in_ended(&mut self) -> Result {
        self.start();
        match self.under_way.as_mut().and_then(FutureExt::now_or_never) {
            Some(outcomes) => self.end(outcomes),
            None => Ok(()),
        }
    }

    fn start(&mut self) {
        if self.under_way.is_none() && !self.waiting.is_empty() {
            let (store, units) = (Arc::clone(&self.store), std::mem::take(&mut self.waiting));
            self.under_way = Some(Box::pin(async move { store.commit(units.into()).await }));
        }
    }

    fn end(&mut self, outcomes: Vec<Outcome>) -> Result {
        self.under_way = None;
        for outcome in outcomes {
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
        self.start();
        Ok(())
    }

    /// Forgets everything: what the store does not know as published is published again.
    pub(super) fn forget(&mut self) {
        (self.under_way, self.waiting) = (None, Vec::new());
        self.published.fill(BTreeMap::new());
    }
}
