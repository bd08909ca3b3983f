//! The lane scheduler: which message runs next. A pure state machine without a
//! clock and without I/O.
//!
//! ```text
//! offer ─▶ ready ─(start: a slot is free, its stream is)─▶ running ─(returned)─▶ gone
//!          ▲ ▲ ├─(its stream runs, or is of the other lane)─▶ waiting ─┐
//!          │ └─│──(its stream returned, or is free: one of them)───────┘
//!          │   └─(one message goes before it)─▶ behind ─┐
//!          └──────(that one is let past: all of them)───┘
//! ```
//!
//! * The [arbiter](super::SlotArbiter) of the server says for which lane there is a slot; here,
//!   a lane asks only while it has a message that could start.
//! * With an age, the next message of backfill that is older competes with production: the two
//!   lanes take turns then.
//! * Within a lane higher priorities go first, then the order of the log.
//! * One message of a stream runs at a time, whatever its lane.
//! * While messages of a stream have run in one lane and are not [committed](Uncommitted), none
//!   starts in the other.
//! * A message put first in its stream is not overtaken by later ones of its priority.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Lane, Priority, Timestamp};

use super::slots::Demand;
use super::uncommitted::{Uncommitted, WaitsFor};

/// How many messages of a lane may wait in memory for their streams, beside a page.
pub(crate) const MAX_WAITING_MESSAGES: usize = 1024;

/// Where a message stands in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    priority: Reverse<Priority>,
    position: u64,
    /// Tells two offers of one message apart: it may come from the log and be parked.
    offer: u64,
}

/// A message that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<M> {
    /// Its lane.
    pub lane: Lane,
    /// Its priority.
    pub priority: Priority,
    /// Its position in the log.
    pub position: u64,
    /// When it was sent.
    pub time: Timestamp,
    /// The stream it belongs to.
    pub stream: Arc<str>,
    /// The message.
    pub message: M,
}

impl<M> Item<M> {
    fn place(&self, offer: u64) -> Place {
        Place { priority: Reverse(self.priority), position: self.position, offer }
    }
}

/// A message that starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started<M> {
    /// The message.
    pub item: Item<M>,
    /// The lane of its slot: primary also for backfill that competes with production.
    pub slot: Lane,
}

#[derive(Debug)]
struct Queue<M> {
    ready: BTreeMap<Place, Item<M>>,
    waiting: HashMap<Arc<str>, BTreeMap<Place, Item<M>>>,
    /// Messages that wait for one message, by its position: it goes first in their stream, or is
    /// their own, has run already and is not committed.
    behind: HashMap<u64, BTreeMap<Place, Item<M>>>,
}

impl<M> Queue<M> {
    /// Makes the first waiting message of a stream ready: the others follow when it has run.
    fn wake(&mut self, stream: &str) {
        let Some(waiting) = self.waiting.get_mut(stream) else { return };
        self.ready.extend(waiting.pop_first());
        if waiting.is_empty() {
            self.waiting.remove(stream);
        }
    }

    /// Those that are not ready.
    fn waiting(&self) -> impl Iterator<Item = &Item<M>> {
        self.waiting.values().chain(self.behind.values()).flat_map(BTreeMap::values)
    }

    /// Makes the messages ready that wait for this one.
    fn wake_behind(&mut self, position: u64) {
        self.ready.extend(self.behind.remove(&position).into_iter().flatten());
    }
}

/// The messages of a group that are to run, by lane.
#[derive(Debug)]
pub struct Lanes<M> {
    /// The age from which backfill competes with production.
    aging: Option<Duration>,
    /// The lane of the message that took the last slot of production.
    last: Lane,
    queues: BTreeMap<Lane, Queue<M>>,
    busy: HashSet<Arc<str>>,
    count: BTreeMap<Lane, usize>,
    held: HashSet<Lane>,
    first: HashMap<Arc<str>, BTreeMap<u64, Priority>>,
    uncommitted: Uncommitted,
    offers: u64,
}

impl<M> Lanes<M> {
    /// A scheduler of these lanes, without a message. Backfill that is older than `aging`
    /// competes with production.
    pub fn new(lanes: &[Lane], aging: Option<Duration>) -> Self {
        let (ready, waiting, behind) = (BTreeMap::new, HashMap::new, HashMap::new);
        let queue = || Queue { ready: ready(), waiting: waiting(), behind: behind() };
        Self {
            aging,
            last: Lane::Backfill,
            queues: lanes.iter().map(|lane| (*lane, queue())).collect(),
            busy: HashSet::new(),
            count: lanes.iter().map(|lane| (*lane, 0)).collect(),
            held: HashSet::new(),
            first: HashMap::new(),
            uncommitted: Uncommitted::default(),
            offers: 0,
        }
    }

    /// Takes in a message.
    pub fn offer(&mut self, item: Item<M>) {
        if let Some(queue) = self.queues.get_mut(&item.lane) {
            self.offers += 1;
            *self.count.entry(item.lane).or_default() += 1;
            queue.ready.insert(item.place(self.offers), item);
        }
    }

    /// How many messages of a lane wait to run.
    pub fn len(&self, lane: Lane) -> usize {
        self.count.get(&lane).copied().unwrap_or(0)
    }

    /// How many of them do not wait for their stream.
    pub fn ready(&self, lane: Lane) -> usize {
        self.queues.get(&lane).map_or(0, |queue| queue.ready.len())
    }

    /// The positions of those that run next unless something comes in between.
    pub fn ahead(&self, lane: Lane, count: usize) -> impl Iterator<Item = u64> + '_ {
        let ready = self.queues.get(&lane).into_iter().flat_map(|queue| queue.ready.keys());
        ready.take(count).map(|place| place.position)
    }

    /// Holds a lane, so that none of its messages starts, or lets it go.
    pub fn hold(&mut self, lane: Lane, held: bool) {
        if held {
            self.held.insert(lane);
        } else {
            self.held.remove(&lane);
        }
    }

    /// Later messages of the stream and priority wait until this one has been
    /// [let past](Self::let_past); it need not be here itself yet.
    pub fn put_first(&mut self, priority: Priority, stream: &Arc<str>, position: u64) {
        let first = self.first.entry(Arc::clone(stream)).or_default();
        first.insert(position, priority);
        // It may be here, behind one of these: it waits for none of them any more.
        for (earlier, _) in first.range(..position) {
            self.queues.values_mut().for_each(|queue| queue.wake_behind(*earlier));
        }
    }

    /// True when a message of the stream runs, or one of the same priority that
    /// comes before this position is still to run.
    pub fn has_before(&self, priority: Priority, stream: &str, position: u64) -> bool {
        let before = |item: &Item<M>| {
            item.priority == priority && item.position < position && *item.stream == *stream
        };
        let waits = |queue: &Queue<M>| queue.waiting().chain(queue.ready.values()).any(before);
        self.busy.contains(stream) || self.queues.values().any(waits)
    }

    /// Lets the messages behind this one start.
    pub fn let_past(&mut self, stream: &str, position: u64) {
        let Some(first) = self.first.get_mut(stream) else { return };
        first.remove(&position);
        if first.is_empty() {
            self.first.remove(stream);
        }
        self.queues.values_mut().for_each(|queue| queue.wake_behind(position));
    }

    /// The message to start now, when `choose` gives a lane a slot; its stream is taken until
    /// it has [`returned`](Self::returned).
    pub fn start(
        &mut self,
        now: Timestamp,
        choose: impl FnOnce(Demand) -> Option<Lane>,
    ) -> Option<Started<M>> {
        let (primary, backfill) = (self.has_next(Lane::Primary), self.has_next(Lane::Backfill));
        let aged = backfill && self.ages_in(now).is_some_and(|wait| wait.is_zero());
        let slot = choose(Demand { primary: primary || aged, backfill: backfill && !aged })?;
        let competes = slot == Lane::Primary && aged;
        let lane = match competes && (!primary || self.last == Lane::Primary) {
            true => Lane::Backfill,
            false => slot,
        };
        if slot == Lane::Primary {
            self.last = lane;
        }
        let (_, item) = self.queues.get_mut(&lane)?.ready.pop_first()?;
        self.busy.insert(Arc::clone(&item.stream));
        *self.count.entry(lane).or_default() -= 1;
        Some(Started { item, slot })
    }

    /// In how long the next message of backfill competes with production.
    pub fn ages_in(&self, now: Timestamp) -> Option<Duration> {
        let aging = self.aging.filter(|_| !self.held.contains(&Lane::Backfill))?;
        let (_, next) = self.queues.get(&Lane::Backfill)?.ready.first_key_value()?;
        Some(aging.saturating_sub(now.since(next.time)))
    }

    /// True when a lane has a message that could start; it is the first that is ready then.
    fn has_next(&mut self, lane: Lane) -> bool {
        let Some(queue) = self.queues.get_mut(&lane) else { return false };
        if self.held.contains(&lane) {
            return false;
        }
        while let Some(first) = queue.ready.first_entry() {
            let item = first.get();
            let waits_for = match self.busy.contains(&item.stream) {
                true => WaitsFor::Stream,
                false => put_first_before(&self.first, item).map_or_else(
                    || self.uncommitted.ask(&item.stream, lane, item.position),
                    WaitsFor::Message,
                ),
            };
            if waits_for == WaitsFor::Nothing {
                return true;
            }
            let (place, item) = first.remove_entry();
            if let WaitsFor::Message(position) = waits_for {
                // Others of its stream need not wait for it.
                queue.wake(&item.stream);
                queue.behind.entry(position).or_default().insert(place, item);
            } else {
                queue.waiting.entry(Arc::clone(&item.stream)).or_default().insert(place, item);
            }
        }
        false
    }

    /// A message of an ordered group has run in a lane. Its unit waits to be committed, and the
    /// group expects `next` then, when that moves it.
    pub fn ran(&mut self, stream: &Arc<str>, lane: Lane, position: u64, next: Option<u64>) {
        let here = || {
            let items = self.queues.values().flat_map(|of| of.waiting().chain(of.ready.values()));
            items.map(|item| &*item.stream).collect()
        };
        self.uncommitted.add(stream, lane, position, next, here);
    }

    /// The unit of a message is committed, or was left out.
    pub fn unit_ended(&mut self, stream: &str, lane: Lane, position: u64, is_committed: bool) {
        let is_free = self.uncommitted.end(stream, lane, position, is_committed);
        for queue in self.queues.values_mut() {
            queue.wake_behind(position);
        }
        if is_free && !self.busy.contains(stream) {
            self.wake(stream);
        }
    }

    /// What has run and is not committed yet.
    pub(super) fn uncommitted(&self) -> &Uncommitted {
        &self.uncommitted
    }

    /// Gives back the stream of a message that ran.
    pub fn returned(&mut self, stream: &str) {
        self.busy.remove(stream);
        self.wake(stream);
    }

    /// Makes the first waiting message of a stream ready, in each lane.
    fn wake(&mut self, stream: &str) {
        self.queues.values_mut().for_each(|queue| queue.wake(stream));
    }

    /// Takes out the messages of this kind that have not started.
    pub fn take_back(&mut self, of_kind: impl Fn(&M) -> bool) -> Vec<Item<M>> {
        let mut taken = Vec::new();
        for (lane, queue) in &mut self.queues {
            let before = taken.len();
            let waiting = queue.waiting.values_mut().chain(queue.behind.values_mut());
            for places in waiting.chain([&mut queue.ready]) {
                let back = places.extract_if(.., |_, item| of_kind(&item.message));
                taken.extend(back.map(|(_, item)| item));
            }
            queue.waiting.retain(|_, places| !places.is_empty());
            queue.behind.retain(|_, places| !places.is_empty());
            *self.count.entry(*lane).or_default() -= taken.len() - before;
        }
        // One of these may have been what woke the others of its stream.
        for stream in taken.iter().map(|item| &item.stream) {
            if !self.busy.contains(stream) {
                self.wake(stream);
            }
        }
        taken
    }
}

/// The earlier message of the stream and priority that goes first.
fn put_first_before<M>(
    first: &HashMap<Arc<str>, BTreeMap<u64, Priority>>,
    item: &Item<M>,
) -> Option<u64> {
    let first = first.get(&item.stream).filter(|first| !first.contains_key(&item.position))?;
    let mut earlier = first.range(..item.position);
    earlier.find(|(_, of)| **of == item.priority).map(|(position, _)| *position)
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
