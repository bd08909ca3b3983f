//! What a worker reads from a broker: one lane of a group, whose entries it shares
//! with other processes. The broker hands out the work, and the log says what it is.
//!
//! ```text
//! read ─▶ fetched ─▶ held ─(all its messages are durable)─▶ done ─(settled)─▶ gone
//!           └ settled, parked or refused before ──────────────▲
//! ```
//!
//! The lease of what is held is renewed before it ends. Pure: it says what to ask of the
//! broker, and [`SharedReads`](super::shared_reads::SharedReads) asks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Lane, Positions};
use protean_port::port::{BrokerRead, Delivery, EntryRef, TakeOver};

use super::broker_reader::{Fetched, FetchedEntry, Reconsidered};
use super::names;
use super::page_size::PageSize;
use crate::worker::lanes::MAX_WAITING_MESSAGES;
use crate::worker::runner::HandlerRunner;

/// How long production entries that are done wait to be settled together: nothing depends on the
/// delay, and each call costs the broker as much as several entries do.
const SETTLE_DELAY: Duration = Duration::from_millis(50);
/// With this many, entries that are done are settled at once.
const MAX_DONE_ENTRIES: usize = 256;
/// How often what dead workers have left is looked for.
const TAKE_OVER_INTERVAL: Duration = Duration::from_secs(1);
/// The most entries in a read of those that say where messages are: others want some too, and
/// the next may stand for many more.
const MAX_PLACES_ENTRIES: usize = 8;
/// The most of them to take over at once.
const MAX_PLACES_TAKEN_OVER: usize = 32;

/// One lane of a group on a broker's stream. Times are since the worker began.
#[derive(Default)]
pub(crate) struct BrokerSource {
    pub(crate) lane: Lane,
    group: Arc<str>,
    consumer: Arc<str>,
    streams: Arc<[Arc<str>]>,
    page: PageSize,
    wait: Duration,
    lease: Duration,
    reading: bool,
    has_read: bool,
    /// The entries of each message in memory, by its log position: a message may have come more
    /// than once.
    held: HashMap<u64, Vec<EntryRef>>,
    /// How many messages of each entry are not durable yet.
    open: HashMap<EntryRef, usize>,
    /// Entries that are to be given back.
    unknown: Vec<EntryRef>,
    /// How many messages the last entries stood for, when they said where they are.
    per_entry: Option<usize>,
    done: Vec<EntryRef>,
    /// When the entries that are done are to be settled.
    settle_at: Option<Duration>,
    settling: bool,
    hold_at: Duration,
    holding: bool,
    take_over_at: Duration,
    taking_over: bool,
}

impl BrokerSource {
    /// A lane of which nothing is read yet.
    pub(crate) fn new(runner: &HandlerRunner, lane: Lane) -> Self {
        let (group, server) = (&runner.group, &runner.domain.config().server);
        let stream = names::stream(lane, &group.category, &server.priority_lanes);
        Self {
            lane,
            group: Arc::clone(&group.name),
            consumer: names::consumer(&group.name),
            streams: Arc::from([Arc::from(stream)]),
            page: PageSize::new(group.subscription.messages_per_tick),
            // Before the first has come, the next may be as large as they get.
            per_entry: (lane == Lane::Backfill).then_some(Positions::MAX_WRITTEN),
            wait: group.subscription.blocking_timeout,
            lease: server.lease,
            ..Self::default()
        }
    }

    /// The read to start `now`, when of the `waiting` messages of the lane in memory
    /// `ready` can run.
    pub(crate) fn next_read(
        &mut self,
        ready: usize,
        waiting: usize,
        now: Duration,
    ) -> Option<BrokerRead> {
        let page = self.page.messages();
        if self.reading || ready >= page || waiting >= page + MAX_WAITING_MESSAGES {
            return None;
        }
        (self.reading, self.has_read) = (true, true);
        self.page.begin(now);
        Some(self.read_for(self.entries(), Some(self.wait)))
    }

    /// A read has ended.
    pub(crate) fn read(&mut self, fetched: &Fetched) {
        self.reading = false;
        let places = || fetched.entries.iter().map(|entry| entry.places);
        let messages = places().map(|places| places.unwrap_or(1)).sum::<usize>();
        self.page.found(messages + fetched.unreadable.len());
        if !fetched.entries.is_empty() {
            let say_where = places().any(|places| places.is_some());
            self.per_entry = say_where.then(|| messages.div_ceil(fetched.entries.len()));
        }
    }

    /// About how many entries bring a page of messages.
    fn entries(&self) -> usize {
        let page = self.page.messages();
        match self.per_entry {
            Some(messages) => (page / messages.max(1)).clamp(1, MAX_PLACES_ENTRIES),
            None => page,
        }
    }

    /// The search to start now for what dead workers have left.
    pub(crate) fn next_take_over(&mut self, now: Duration) -> Option<TakeOver> {
        if self.taking_over || now < self.take_over_at {
            return None;
        }
        self.taking_over = true;
        self.take_over_at = now + TAKE_OVER_INTERVAL.min(self.lease);
        Some(TakeOver {
            group: Arc::clone(&self.group),
            consumer: Arc::clone(&self.consumer),
            streams: Arc::clone(&self.streams),
            idle: self.lease,
            // More than in a read: the next search is a while away.
            limit: match self.per_entry {
                Some(_) => self.page.messages().min(MAX_PLACES_TAKEN_OVER),
                None => self.page.messages(),
            },
        })
    }

    /// A search for what dead workers have left has ended.
    pub(crate) fn taken_over(&mut self) {
        self.taking_over = false;
    }

    /// Takes in what was fetched; gives the messages that are not in memory yet.
    pub(crate) fn take_in(&mut self, fetched: Fetched, now: Duration) -> Vec<Delivery> {
        if self.open.is_empty() {
            self.hold_at = now + self.lease / 3;
        }
        self.done.extend(fetched.unreadable);
        self.unknown.extend(fetched.unknown);
        let mut fresh = Vec::new();
        for FetchedEntry { at, messages, .. } in fetched.entries {
            if messages.is_empty() {
                self.done.push(at);
                continue;
            }
            let open = self.open.entry(at.clone()).or_default();
            for delivery in messages {
                let entries = self.held.entry(delivery.recorded.position).or_default();
                let is_known = entries.contains(&at);
                if !is_known {
                    entries.push(at.clone());
                    *open += 1;
                }
                if entries.len() == 1 && !is_known {
                    fresh.push(delivery);
                }
            }
        }
        fresh
    }

    /// A message is durable, or parked: of its entries those can be settled that stand for no
    /// other.
    pub(crate) fn durable(&mut self, position: u64) {
        let entries = self.held.remove(&position).unwrap_or_default();
        self.ended(entries);
    }

    /// A message of each of these entries is durable, or parked.
    fn ended(&mut self, entries: Vec<EntryRef>) {
        for entry in entries {
            let Some(open) = self.open.get_mut(&entry) else { continue };
            *open -= 1;
            if *open == 0 {
                self.open.remove(&entry);
                self.done.push(entry);
            }
        }
    }

    /// Takes the entries of a message whose outcome is open, to look it up again.
    pub(crate) fn reconsider(&mut self, position: u64) -> Vec<EntryRef> {
        self.held.remove(&position).unwrap_or_default()
    }

    /// A message was looked up again; gives it when it is to be handled.
    pub(crate) fn reconsidered(
        &mut self,
        entries: Vec<EntryRef>,
        reconsidered: Reconsidered,
    ) -> Option<Delivery> {
        match reconsidered {
            Reconsidered::Open(delivery) => {
                let held = self.held.entry(delivery.recorded.position).or_default();
                let is_fresh = held.is_empty();
                held.extend(entries);
                is_fresh.then_some(*delivery)
            }
            Reconsidered::Settled => {
                self.ended(entries);
                None
            }
            // They are given back when the worker leaves.
            Reconsidered::Unknown => None,
        }
    }

    /// What to settle now. Entries of bulk work wait for nothing: they come in batches, and the
    /// relay counts those that are there.
    pub(crate) fn next_settle(&mut self, now: Duration) -> Option<Vec<EntryRef>> {
        if self.done.is_empty() || self.settling {
            return None;
        }
        let at = *self.settle_at.get_or_insert(now + SETTLE_DELAY);
        let waits = self.lane == Lane::Primary && self.done.len() < MAX_DONE_ENTRIES && now < at;
        if waits { None } else { self.settle_done() }
    }

    /// What to settle when nothing more will come.
    pub(crate) fn settle_done(&mut self) -> Option<Vec<EntryRef>> {
        if self.settling || self.done.is_empty() {
            return None;
        }
        (self.settling, self.settle_at) = (true, None);
        Some(std::mem::take(&mut self.done))
    }

    /// An attempt to settle has ended: these are still to be settled.
    pub(crate) fn settled(&mut self, left: Vec<EntryRef>) {
        self.settling = false;
        self.done.extend(left);
    }

    /// The entries whose lease to renew now, so that no other process takes them over.
    pub(crate) fn next_hold(&mut self, now: Duration) -> Option<Vec<EntryRef>> {
        if self.holding || self.open.is_empty() || now < self.hold_at {
            return None;
        }
        (self.holding, self.hold_at) = (true, now + self.lease / 3);
        Some(self.open.keys().cloned().collect())
    }

    /// A renewal has ended, successful or not: what another process has taken over is
    /// handled by the one that commits first.
    pub(crate) fn held(&mut self) {
        self.holding = false;
    }

    /// When there is something to do that no event announces.
    pub(crate) fn due(&self, leads: bool) -> Option<Duration> {
        let hold = (!self.holding && !self.open.is_empty()).then_some(self.hold_at);
        let take_over = (leads && !self.taking_over).then_some(self.take_over_at);
        let settle = self.settle_at.filter(|_| !self.settling);
        hold.into_iter().chain(take_over).chain(settle).min()
    }

    /// A read without a wait, for what a dropped read has brought.
    pub(crate) fn last_read(&self) -> Option<BrokerRead> {
        self.has_read.then(|| self.read_for(self.entries(), None))
    }

    fn read_for(&self, limit: usize, wait: Option<Duration>) -> BrokerRead {
        BrokerRead {
            group: Arc::clone(&self.group),
            consumer: Arc::clone(&self.consumer),
            streams: Arc::clone(&self.streams),
            limit,
            wait,
        }
    }

    /// Takes everything that will not be settled here, to be given back.
    pub(crate) fn leave(&mut self) -> Vec<EntryRef> {
        self.held.clear();
        let unknown = std::mem::take(&mut self.unknown);
        std::mem::take(&mut self.open).into_keys().chain(unknown).collect()
    }

    pub(crate) fn group(&self) -> &Arc<str> {
        &self.group
    }

    pub(crate) fn consumer(&self) -> &Arc<str> {
        &self.consumer
    }
}

#[cfg(test)]
#[path = "broker_source_tests.rs"]
mod tests;
