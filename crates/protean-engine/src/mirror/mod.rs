//! The dead-letter streams: what the database holds as given up, for others to see.
//!
//! ```text
//! dead rows ─▶ letters ─┬▶ Broker::publish ─▶ <category>[:backfill]:dlq
//!                       └▶ replayed or purged: Consumer::settle takes the entry out
//! ```
//!
//! The rows are the truth. A group on each stream has read every entry and never
//! settles it while its row is there: so the stream itself tells what it holds, and
//! whatever ends between a commit and its entry is made up for by the next round.

mod letter;
mod shelf;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_core::config::SubscriptionType;
use protean_core::domain::{Domain, Group};
use protean_port::Result;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{Broker, DeadLetter, DeadLetterRead, Store};
use tokio::sync::watch;
use tracing::warn;

use crate::status::stream;
use letter::{Death, travelling};
use shelf::Shelf;

/// How many letters are in memory at once.
const PAGE: usize = 100;
/// The longest time between two looks: the broker may have lost what it held.
const LOOK: Duration = Duration::from_secs(10);
/// For each moment of work so many of rest.
const REST: u32 = 10;

/// Mirrors the dead letters of the groups that read streams.
pub(crate) struct Mirror {
    domain: Domain,
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
}

impl Mirror {
    pub(crate) fn new(domain: Domain, store: Arc<dyn Store>, broker: Arc<dyn Broker>) -> Self {
        Self { domain, store, broker }
    }

    /// Mirrors until `stop` says so, while no other process does. Dropping the
    /// future loses nothing.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let tick = self.domain.config().outbox.tick_interval;
        let name = format!("{}.dlq", self.domain.name());
        while !*stop.borrow() && !self.streams().is_empty() {
            match self.store.claim(&name).await {
                Ok(Some(claim)) => {
                    self.work(tick, &mut stop).await;
                    drop(claim);
                }
                Ok(None) => {}
                Err(error) => warn!("cannot claim the dead-letter streams: {error}"),
            }
            let _ = tokio::time::timeout(LOOK, stop.wait_for(|stop| *stop)).await;
        }
    }

    async fn work(&self, tick: Duration, stop: &mut watch::Receiver<bool>) {
        let mut commits = self.store.commits();
        let mut shelf = Shelf::new(Arc::clone(&self.broker), self.domain.name(), self.streams());
        while !*stop.borrow() {
            commits.mark_unchanged();
            let began = Instant::now();
            if let Err(error) = self.round(&mut shelf).await {
                warn!("cannot mirror dead letters, trying again: {error}");
                shelf.forget();
            }
            let rest = tick.max(began.elapsed() * REST);
            if tokio::time::timeout(rest, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = commits.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Publishes what is not there and takes out what is not dead any more.
    async fn round(&self, shelf: &mut Shelf) -> Result {
        shelf.look().await?;
        let mut dead = HashSet::new();
        for group in self.groups() {
            let mut after = 0;
            loop {
                let page = self.store.dead_letters(read(group, after)).await?;
                let Some(last) = page.last() else { break };
                after = last.recorded.position;
                for letter in &page {
                    dead.insert(Death::of(group, letter));
                }
                self.publish(shelf, group, &page).await?;
            }
        }
        shelf.keep(&dead).await
    }

    async fn publish(&self, shelf: &mut Shelf, group: &Group, page: &[DeadLetter]) -> Result {
        let mut new = Vec::new();
        for letter in page {
            let death = Death::of(group, letter);
            if shelf.has(&death) {
                continue;
            }
            let lane = self.domain.lanes().lane(letter.recorded.message.priority);
            let from = self.stream(group, lane);
            match travelling(group, letter, (&from, self.domain.name())) {
                Ok(data) => new.push((death, dlq(&from), data)),
                // The others have their entries all the same.
                Err(error) => warn!(position = death.position(), "{error}"),
            }
        }
        shelf.put(new).await
    }

    fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        let groups = self.domain.groups().iter();
        groups.filter(|group| group.subscription.subscription_type == SubscriptionType::Stream)
    }

    /// Every dead-letter stream there may be.
    fn streams(&self) -> Vec<Arc<str>> {
        let mut streams: Vec<Arc<str>> = Vec::new();
        for group in self.groups() {
            for lane in self.domain.lanes().lanes() {
                streams.push(dlq(&self.stream(group, *lane)));
            }
        }
        streams.sort_unstable();
        streams.dedup();
        streams
    }

    fn stream(&self, group: &Group, lane: Lane) -> String {
        stream(lane, &group.category, &self.domain.config().server.priority_lanes)
    }
}

fn dlq(stream: &str) -> Arc<str> {
    format!("{stream}:dlq").into()
}

fn read(group: &Group, after: u64) -> DeadLetterRead {
    DeadLetterRead {
        group: group.name.to_string(),
        category: group.category.clone(),
        after,
        before: Timestamp::from_micros(i64::MAX),
        limit: PAGE,
    }
}
