//! What a worker reads from a broker: one lane of a group, whose entries it shares
//! with other processes. The broker hands out the work, and the log says what it is.
//!
//! ```text
//! read ─▶ arrival ─▶ held ─(its message is durable)─▶ done ─(settled)─▶ gone
//!           └ settled, parked or refused before ──────▲
//! ```
//!
//! What is held is claimed anew before its lease ends. Pure: [`arrival`] asks, and
//! the worker carries out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::Lane;
use protean_port::port::{BrokerRead, Delivery, EntryRef, TakeOver};

use super::fetched::Fetched;
use crate::observe::status::stream;
use crate::source::log::HELD;
use crate::worker::runner::HandlerRunner;

/// How often what dead workers have left is looked for.
const TAKE_OVER: Duration = Duration::from_secs(1);

/// One lane of a group on a broker's stream. Times are since the worker began.
pub(crate) struct BrokerSource {
    pub(crate) lane: Lane,
    group: Arc<str>,
    consumer: Arc<str>,
    streams: Arc<[Arc<str>]>,
    page: usize,
    wait: Duration,
    lease: Duration,
    reading: bool,
    has_read: bool,
    /// Entries whose messages are in memory, by their position in the log: the
    /// same message may have come more than once.
    held: HashMap<u64, Vec<EntryRef>>,
    done: Vec<EntryRef>,
    settling: bool,
    hold_at: Duration,
    holding: bool,
    look_at: Duration,
    looking: bool,
}

impl BrokerSource {
    /// A lane of a group, nothing of it read yet.
    pub(crate) fn new(runner: &HandlerRunner, lane: Lane) -> Self {
        let (group, server) = (&runner.group, &runner.domain.config().server);
        let stream = stream(lane, &group.category, &server.priority_lanes);
        Self {
            lane,
            group: Arc::clone(&group.name),
            consumer: super::consumer::name(&group.name),
            streams: Arc::from([Arc::from(stream)]),
            page: group.subscription.messages_per_tick.max(1),
            wait: group.subscription.blocking_timeout,
            lease: server.lease,
            reading: false,
            has_read: false,
            held: HashMap::new(),
            done: Vec::new(),
            settling: false,
            hold_at: Duration::ZERO,
            holding: false,
            look_at: Duration::ZERO,
            looking: false,
        }
    }

    /// The read to start now, when of the lane's messages in memory `ready` can
    /// run and `held` are there in all.
    pub(crate) fn next_read(&mut self, ready: usize, held: usize) -> Option<BrokerRead> {
        if self.reading || ready >= self.page || held >= self.page + HELD {
            return None;
        }
        (self.reading, self.has_read) = (true, true);
        Some(self.asks(Some(self.wait)))
    }

    /// A read has ended.
    pub(crate) fn read(&mut self) {
        self.reading = false;
    }

    /// What was left behind, to be looked for now.
    pub(crate) fn next_look(&mut self, now: Duration) -> Option<TakeOver> {
        if self.looking || now < self.look_at {
            return None;
        }
        self.looking = true;
        self.look_at = now + TAKE_OVER.min(self.lease);
        Some(TakeOver {
            group: Arc::clone(&self.group),
            consumer: Arc::clone(&self.consumer),
            streams: Arc::clone(&self.streams),
            idle: self.lease,
            limit: self.page,
        })
    }

    /// A look for what was left behind has ended.
    pub(crate) fn looked(&mut self) {
        self.looking = false;
    }

    /// Takes in what has arrived; gives the messages that are not in memory yet.
    pub(crate) fn take_in(&mut self, arrival: Fetched, now: Duration) -> Vec<Delivery> {
        if self.held.is_empty() {
            self.hold_at = now + self.lease / 3;
        }
        self.done.extend(arrival.done);
        let mut fresh = Vec::new();
        for (entry, delivery) in arrival.deliveries {
            let entries = self.held.entry(delivery.recorded.position).or_default();
            if entries.is_empty() {
                fresh.push(delivery);
            }
            entries.push(entry);
        }
        fresh
    }

    /// A message is durable, or parked: its entries have nothing more to say.
    pub(crate) fn durable(&mut self, position: u64) {
        self.done.extend(self.held.remove(&position).into_iter().flatten());
    }

    /// Takes the entries of a message whose fate is open, to look at it again.
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

    /// What came of it: these are still to be settled.
    pub(crate) fn settled(&mut self, left: Vec<EntryRef>) {
        self.settling = false;
        self.done.extend(left);
    }

    /// What to hold now, so that nobody takes it over.
    pub(crate) fn next_hold(&mut self, now: Duration) -> Option<Vec<EntryRef>> {
        if self.holding || self.held.is_empty() || now < self.hold_at {
            return None;
        }
        (self.holding, self.hold_at) = (true, now + self.lease / 3);
        Some(self.held.values().flatten().cloned().collect())
    }

    /// Holding has ended, one way or the other: what another has taken over is
    /// handled by whoever commits first.
    pub(crate) fn held(&mut self) {
        self.holding = false;
    }

    /// When there is something to do that nothing else tells of.
    pub(crate) fn due(&self, takes_over: bool) -> Option<Duration> {
        let hold = (!self.holding && !self.held.is_empty()).then_some(self.hold_at);
        let look = (takes_over && !self.looking).then_some(self.look_at);
        hold.into_iter().chain(look).min()
    }

    /// A read that brings what one has left over that was dropped; it waits for nothing.
    pub(crate) fn last_read(&self) -> Option<BrokerRead> {
        self.has_read.then(|| self.asks(None))
    }

    fn asks(&self, wait: Option<Duration>) -> BrokerRead {
        BrokerRead {
            group: Arc::clone(&self.group),
            consumer: Arc::clone(&self.consumer),
            streams: Arc::clone(&self.streams),
            limit: self.page,
            wait,
        }
    }

    /// Everything that will not be settled here: to be given back.
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
#[path = "tests.rs"]
mod tests;
