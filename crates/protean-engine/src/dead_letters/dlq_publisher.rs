//! Publishes dead letters to the dead-letter streams, for other programs to see.
//!
//! ```text
//! dead rows ─▶ entries ─┬▶ Broker::publish ─▶ <category>[:backfill]:dlq
//!                       └▶ replayed or purged: Consumer::settle removes the entry
//! ```
//!
//! The rows are the truth. A group on each stream has read every entry and does not settle
//! it while its row exists: so the stream itself says what it holds, and the next round
//! makes up for a process that died between a commit and its entry.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_core::config::SubscriptionType;
use protean_core::domain::{Domain, Group};
use protean_port::Result;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{Broker, DeadLetter, DeadLetterRead, Publication, Store, Watched};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::dlq_entry::{self, DlqKey};
use super::dlq_index::{DlqIndex, NewEntry};
use crate::leadership::{LeaderTerm, Leadership};
use crate::source::names::stream;

/// How many dead letters are in memory at once.
const PAGE_MESSAGES: usize = 100;
/// The longest time between two rounds: the broker may have lost what it held.
const ROUND_INTERVAL: Duration = Duration::from_secs(10);
/// Idle this many times as long as the last round took.
const REST_FACTOR: u32 = 10;

/// Publishes the dead letters of the groups that read streams.
pub(crate) struct DlqPublisher {
    domain: Domain,
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
}

impl DlqPublisher {
    pub(crate) fn new(domain: Domain, store: Arc<dyn Store>, broker: Arc<dyn Broker>) -> Self {
        Self { domain, store, broker }
    }

    /// Publishes until `stop` is cancelled, while this process holds the claim. Cancel
    /// safe: the next round completes what one leaves undone.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let tick = self.domain.config().outbox.tick_interval;
        if self.streams().is_empty() {
            return;
        }
        let name = format!("{}.dlq", self.domain.name());
        let work = |claim, term: LeaderTerm| async move {
            self.work(tick, term.over()).await;
            drop(claim);
        };
        Leadership::new(Arc::clone(&self.store), name).run(&stop, work).await;
    }

    async fn work(&self, tick: Duration, stop: &CancellationToken) {
        let mut moves = self.store.watch(vec![Watched::Moves]);
        let mut index = DlqIndex::new(Arc::clone(&self.broker), self.domain.name(), self.streams());
        while !stop.is_cancelled() {
            moves.take_changed();
            let began = Instant::now();
            if let Err(error) = self.round(&mut index).await {
                warn!(
                    error = format_args!("{error:#}"),
                    "cannot publish dead letters to their streams, trying again"
                );
                index.forget();
            }
            let rest = tick.max(began.elapsed() * REST_FACTOR);
            if tokio::time::timeout(rest, stop.cancelled()).await.is_ok() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _ = moves.changed() => {}
                () = tokio::time::sleep(ROUND_INTERVAL) => {}
            }
        }
    }

    /// Publishes what is missing and removes what is no longer dead.
    async fn round(&self, index: &mut DlqIndex) -> Result {
        index.refresh().await?;
        let mut dead = HashSet::new();
        for group in self.groups() {
            let mut after = 0;
            loop {
                let page = self.store.dead_letters(read(group, after)).await?;
                let Some(last) = page.last() else { break };
                after = last.recorded.position;
                dead.extend(page.iter().map(|dead| DlqKey::of(group, dead)));
                self.publish(index, group, &page).await?;
            }
        }
        index.retain(&dead).await
    }

    async fn publish(&self, index: &mut DlqIndex, group: &Group, page: &[DeadLetter]) -> Result {
        let mut new = Vec::new();
        for dead in page {
            let key = DlqKey::of(group, dead);
            if index.has(&key) {
                continue;
            }
            let lane = self.domain.lanes().lane(dead.recorded.message.priority);
            let from = self.stream(group, lane);
            match dlq_entry::encode(group, dead, &from, self.domain.name()) {
                Ok(data) => {
                    let publication = Publication { stream: dlq(&from), data: data.into() };
                    new.push(NewEntry { key, publication });
                }
                // The other dead letters get their entries all the same.
                Err(error) => warn!(
                    handler = %group.handler, position = key.position(),
                    error = format_args!("{error:#}"),
                    "dead letter not published"
                ),
            }
        }
        index.add(new).await
    }

    fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        let groups = self.domain.groups().iter();
        groups.filter(|group| group.subscription.subscription_type == SubscriptionType::Stream)
    }

    /// Every dead-letter stream of these groups.
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
        before: Timestamp::MAX,
        limit: PAGE_MESSAGES,
    }
}
