//! The lane scheduler: which message runs next. A pure state machine without a
//! clock and without I/O.
//!
//! ```text
//! offer ─▶ ready ─(start: a slot is free, its stream is)─▶ running ─(returned)─▶ gone
//!            ▲  └─(its stream runs)─▶ waiting ─┐
//!            └────────(its stream returned)────┘
//! ```
//!
//! * Lanes are strict: nothing of a lane starts while an earlier lane has a
//!   message that could start.
//! * Within a lane higher priorities go first, then the order of the log.
//! * One message of a stream runs at a time, whatever its lane.
//! * Of the slots, backfill holds at most `concurrency − reserved`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use protean_core::message::{Lane, Priority};

/// How many messages may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// In all lanes together.
    pub concurrency: usize,
    /// Of these, kept free of backfill.
    pub reserved: usize,
}

impl Slots {
    fn of(self, lane: Lane) -> usize {
        match lane {
            Lane::Primary => self.concurrency,
            // A lane that could hold no slot would never run.
            Lane::Backfill => self.concurrency.saturating_sub(self.reserved).max(1),
        }
    }
}

/// Where a message stands in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    priority: Reverse<Priority>,
    position: u64,
    /// Tells two offers of one message apart: it may come from the log and from what is parked.
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

#[derive(Debug)]
struct Queue<M> {
    ready: BTreeMap<Place, Item<M>>,
    waiting: HashMap<Arc<str>, BTreeMap<Place, Item<M>>>,
    running: usize,
}

/// The messages of a group that are to run, by lane.
#[derive(Debug)]
pub struct Lanes<M> {
    slots: Slots,
    queues: BTreeMap<Lane, Queue<M>>,
    busy: HashSet<Arc<str>>,
    count: BTreeMap<Lane, usize>,
    held: HashSet<Lane>,
    offers: u64,
}

impl<M> Lanes<M> {
    /// No message yet, for these lanes.
    pub fn new(lanes: &[Lane], slots: Slots) -> Self {
        let queue = || Queue { ready: BTreeMap::new(), waiting: HashMap::new(), running: 0 };
        Self {
            slots,
            queues: lanes.iter().map(|lane| (*lane, queue())).collect(),
            busy: HashSet::new(),
            count: lanes.iter().map(|lane| (*lane, 0)).collect(),
            held: HashSet::new(),
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

    /// How many messages run.
    pub fn running(&self) -> usize {
        self.queues.values().map(|queue| queue.running).sum()
    }

    /// Says whether a lane is held: nothing of it starts then.
    pub fn hold(&mut self, lane: Lane, held: bool) {
        if held {
            self.held.insert(lane);
        } else {
            self.held.remove(&lane);
        }
    }

    /// The message to start now; its slot and its stream are taken until it
    /// has [`returned`](Self::returned).
    pub fn start(&mut self) -> Option<Item<M>> {
        if self.running() >= self.slots.concurrency {
            return None;
        }
        Lane::ALL.into_iter().find_map(|lane| self.start_of(lane))
    }

    fn start_of(&mut self, lane: Lane) -> Option<Item<M>> {
        let allowed = self.slots.of(lane);
        let queue = self.queues.get_mut(&lane)?;
        if queue.running >= allowed || self.held.contains(&lane) {
            return None;
        }
        while let Some((place, item)) = queue.ready.pop_first() {
            if self.busy.contains(&item.stream) {
                queue.waiting.entry(Arc::clone(&item.stream)).or_default().insert(place, item);
                continue;
            }
            self.busy.insert(Arc::clone(&item.stream));
            queue.running += 1;
            *self.count.entry(lane).or_default() -= 1;
            return Some(item);
        }
        None
    }

    /// Gives back the slot and the stream of a message that ran.
    pub fn returned(&mut self, lane: Lane, stream: &str) {
        self.busy.remove(stream);
        if let Some(queue) = self.queues.get_mut(&lane) {
            queue.running = queue.running.saturating_sub(1);
        }
        for queue in self.queues.values_mut() {
            // The first of each lane is enough: the others follow when it has run.
            let Some(waiting) = queue.waiting.get_mut(stream) else { continue };
            if let Some((place, item)) = waiting.pop_first() {
                queue.ready.insert(place, item);
            }
            if waiting.is_empty() {
                queue.waiting.remove(stream);
            }
        }
    }

    /// Forgets every message that has not started.
    pub fn release(&mut self) {
        for queue in self.queues.values_mut() {
            queue.ready.clear();
            queue.waiting.clear();
        }
        self.count.values_mut().for_each(|count| *count = 0);
    }
}
