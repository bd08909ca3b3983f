//! What a worker reads from a broker: one lane of a group, whose entries it shares
//! with other processes. The broker hands out the work, and the log says what it is.
//!
//! ```text
//! read ─▶ fetched ─▶ held ─(its message is durable)─▶ done ─(settled)─▶ gone
//!           └ settled, parked or refused before ──────▲
//! ```
//!
//! The lease of what is held is renewed before it ends. Pure: it says what to ask of the
//! broker, and [`SharedReads`](super::shared_reads::SharedReads) asks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::Lane;
use protean_port::port::{BrokerRead, Delivery, EntryRef, TakeOver};

use super::broker_reader::{Fetched, FetchedMessage};
use super::names;
use super::page_size::PageSize;
use crate::worker::lanes::MAX_WAITING_MESSAGES;
use crate::worker::runner::HandlerRunner;

/// How often what dead workers have left is looked for.
const TAKE_OVER_INTERVAL: Duration = Duration::from_secs(1);

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
    /// Entries whose messages are in memory, by log position: a message may have come more
    /// than once.
    held: HashMap<u64, Vec<EntryRef>>,
    done: Vec<EntryRef>,
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
        let limit = self.page.begin(now);
        Some(self.read_for(limit, Some(self.wait)))
    }

    /// A read has ended that brought so many entries.
    pub(crate) fn read(&mut self, entries: usize) {
        self.reading = false;
        self.page.found(entries);
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
            limit: self.page.messages(),
        })
    }

    /// A search for what dead workers have left has ended.
    pub(crate) fn taken_over(&mut self) {
        self.taking_over = false;
    }

    /// Takes in what was fetched; gives the messages that are not in memory yet.
    pub(crate) fn take_in(&mut self, fetched: Fetched, now: Duration) -> Vec<Delivery> {
        if self.held.is_empty() {
            self.hold_at = now + self.lease / 3;
        }
        self.done.extend(fetched.done);
        let mut fresh = Vec::new();
        for FetchedMessage { entry, delivery } in fetched.messages {
            let entries = self.held.entry(delivery.recorded.position).or_default();
            if entries.is_empty() {
                fresh.push(delivery);
            }
            entries.push(entry);
        }
        fresh
    }

    /// A message is durable, or parked: its entries can be settled.
    pub(crate) fn durable(&mut self, position: u64) {
        self.done.extend(self.held.remove(&position).into_iter().flatten());
    }

    /// Takes the entries of a message whose outcome is open, to look it up again.
    pub(crate) fn reconsider(&mut self, position: u64) -> Vec<EntryRef> {
        self.held.remove(&position).unwrap_or_default()
    }

    /// What to settle now.
    pub(crate) fn next_settle(&mut self) -> Option<Vec<EntryRef>> {
        if self.settling || self.done.is_empty() {
            return None;
        }
        self.settling = true;
        Some(std::mem::take(&mut self.done))
    }

    /// An attempt to settle has ended: these are still to be settled.
    pub(crate) fn settled(&mut self, left: Vec<EntryRef>) {
        self.settling = false;
        self.done.extend(left);
    }

    /// The entries whose lease to renew now, so that no other process takes them over.
    pub(crate) fn next_hold(&mut self, now: Duration) -> Option<Vec<EntryRef>> {
        if self.holding || self.held.is_empty() || now < self.hold_at {
            return None;
        }
        (self.holding, self.hold_at) = (true, now + self.lease / 3);
        Some(self.held.values().flatten().cloned().collect())
    }

    /// A renewal has ended, successful or not: what another process has taken over is
    /// handled by the one that commits first.
    pub(crate) fn held(&mut self) {
        self.holding = false;
    }

    /// When there is something to do that no event announces.
    pub(crate) fn due(&self, leads: bool) -> Option<Duration> {
        let hold = (!self.holding && !self.held.is_empty()).then_some(self.hold_at);
        let take_over = (leads && !self.taking_over).then_some(self.take_over_at);
        hold.into_iter().chain(take_over).min()
    }

    /// A read without a wait, for what a dropped read has brought.
    pub(crate) fn last_read(&self) -> Option<BrokerRead> {
        self.has_read.then(|| self.read_for(self.page.messages(), None))
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
        std::mem::take(&mut self.held).into_values().flatten().collect()
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
