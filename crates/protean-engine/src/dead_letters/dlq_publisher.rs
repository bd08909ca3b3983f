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

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_core::config::SubscriptionType;
use protean_core::domain::{Domain, Group};
use protean_port::Result;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{Broker, DeadLetter, DeadLetterRead, Store};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::dlq_entry::{DlqEntry, dlq_entry};
use super::dlq_index::DlqIndex;
use crate::leadership::{Leadership, Term};
use crate::source::names::stream;

/// How many letters are in memory at once.
const PAGE: usize = 100;
/// The longest time between two looks: the broker may have lost what it held.
const LOOK: Duration = Duration::from_secs(10);
/// For each moment of work so many of rest.
const REST: u32 = 10;

/// Mirrors the dead letters of the groups that read streams.
pub(crate) struct DlqPublisher {
    domain: Domain,
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
}

impl DlqPublisher {
    pub(crate) fn new(domain: Domain, store: Arc<dyn Store>, broker: Arc<dyn Broker>) -> Self {
        Self { domain, store, broker }
    }

    /// Mirrors until `stop` says so, while no other process does. Dropping the
    /// future loses nothing.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let tick = self.domain.config().outbox.tick_interval;
        if self.streams().is_empty() {
            return;
        }
        let name = format!("{}.dlq", self.domain.name());
        let leadership = Leadership::new(Arc::clone(&self.store), name);
        let work = |claim, term: Term| async move {
            self.work(tick, term.over()).await;
            drop(claim);
        };
        leadership.run(&stop, work).await;
    }

    async fn work(&self, tick: Duration, stop: &CancellationToken) {
        let mut commits = self.store.commits();
        let mut index = DlqIndex::new(Arc::clone(&self.broker), self.domain.name(), self.streams());
        while !stop.is_cancelled() {
            commits.mark_unchanged();
            let began = Instant::now();
            if let Err(error) = self.round(&mut index).await {
                warn!("cannot mirror dead letters, trying again: {error}");
                index.forget();
            }
            let rest = tick.max(began.elapsed() * REST);
            if tokio::time::timeout(rest, stop.cancelled()).await.is_ok() {
                return;
            }
            tokio::select! {
                _ = stop.cancelled() => return,
                _ = commits.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Publishes what is not there and takes out what is not dead any more.
    async fn round(&self, index: &mut DlqIndex) -> Result {
        index.look().await?;
        let mut dead = HashSet::new();
        for group in self.groups() {
            let mut after = 0;
            loop {
                let page = self.store.dead_letters(read(group, after)).await?;
                let Some(last) = page.last() else { break };
                after = last.recorded.position;
                for letter in &page {
                    dead.insert(DlqEntry::of(group, letter));
                }
                self.publish(index, group, &page).await?;
            }
        }
        index.keep(&dead).await
    }

    async fn publish(&self, index: &mut DlqIndex, group: &Group, page: &[DeadLetter]) -> Result {
        let mut new = Vec::new();
        for letter in page {
            let entry = DlqEntry::of(group, letter);
            if index.has(&entry) {
                continue;
            }
            let lane = self.domain.lanes().lane(letter.recorded.message.priority);
            let from = self.stream(group, lane);
            match dlq_entry(group, letter, (&from, self.domain.name())) {
                Ok(data) => new.push((entry, dlq(&from), data)),
                // The others have their entries all the same.
                Err(error) => warn!(position = entry.position(), "{error}"),
            }
        }
        index.put(new).await
    }

    fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        let groups = self.domain.registry().groups().iter();
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
