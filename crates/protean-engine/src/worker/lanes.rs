//! The lane scheduler: which message runs next. A pure state machine without a
//! clock and without I/O.
//!
//! ```text
//! offer ─▶ ready ─(start: a slot is free, its stream is)─▶ running ─(returned)─▶ gone
//!            ▲  └─(its stream runs)─▶ waiting ─┐
//!            └────────(its stream returned)────┘
//! ```
//!
//! * Lanes are strict: no message starts while an earlier lane has one that could start.
//! * Within a lane higher priorities go first, then the order of the log.
//! * One message of a stream runs at a time, whatever its lane.
//! * A message put first in its stream is not overtaken by later ones of its priority.
//! * Of the slots, backfill holds at most `concurrency − reserved`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use protean_port::message::{Lane, Priority};

/// How many messages of a lane may wait in memory for their streams, beside a page.
pub(crate) const MAX_WAITING_MESSAGES: usize = 1024;

/// How many messages may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Messages of all lanes together.
    pub concurrency: usize,
    /// Slots that backfill may not use.
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
    first: HashMap<Arc<str>, BTreeMap<u64, Priority>>,
    offers: u64,
}

impl<M> Lanes<M> {
    /// A scheduler of these lanes, without a message.
    pub fn new(lanes: &[Lane], slots: Slots) -> Self {
        let queue = || Queue { ready: BTreeMap::new(), waiting: HashMap::new(), running: 0 };
        Self {
            slots,
            queues: lanes.iter().map(|lane| (*lane, queue())).collect(),
            busy: HashSet::new(),
            count: lanes.iter().map(|lane| (*lane, 0)).collect(),
            held: HashSet::new(),
            first: HashMap::new(),
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

    /// How many messages run.
    pub fn running(&self) -> usize {
        self.queues.values().map(|queue| queue.running).sum()
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
        self.first.entry(Arc::clone(stream)).or_default().insert(position, priority);
    }

    /// True when a message of the stream runs, or one of the same priority that
    /// comes before this position is still to run.
    pub fn has_before(&self, priority: Priority, stream: &str, position: u64) -> bool {
        let before = |item: &Item<M>| {
            item.priority == priority && item.position < position && *item.stream == *stream
        };
        let waits = |queue: &Queue<M>| {
            let waiting = queue.waiting.get(stream).into_iter().flat_map(BTreeMap::values);
            waiting.chain(queue.ready.values()).any(before)
        };
        self.busy.contains(stream) || self.queues.values().any(waits)
    }

    /// Lets the messages behind this one start.
    pub fn let_past(&mut self, stream: &str, position: u64) {
        let Some(first) = self.first.get_mut(stream) else { return };
        first.remove(&position);
        if first.is_empty() {
            self.first.remove(stream);
        }
        if !self.busy.contains(stream) {
            self.wake(stream);
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
            if self.busy.contains(&item.stream) || is_behind(&self.first, &item) {
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
        self.wake(stream);
    }

    /// Makes the first waiting message of a stream ready, in each lane.
    fn wake(&mut self, stream: &str) {
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

    /// Takes out the messages of this kind that have not started.
    pub fn take_back(&mut self, of_kind: impl Fn(&M) -> bool) -> Vec<Item<M>> {
        let mut taken = Vec::new();
        for (lane, queue) in &mut self.queues {
            let before = taken.len();
            let waiting = queue.waiting.values_mut();
            for places in waiting.chain([&mut queue.ready]) {
                let back = places.extract_if(.., |_, item| of_kind(&item.message));
                taken.extend(back.map(|(_, item)| item));
            }
            queue.waiting.retain(|_, places| !places.is_empty());
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

    /// Forgets every message that has not started.
    pub fn release(&mut self) {
        for queue in self.queues.values_mut() {
            queue.ready.clear();
            queue.waiting.clear();
        }
        self.count.values_mut().for_each(|count| *count = 0);
    }
}

/// True when an earlier message of the stream and priority goes first.
fn is_behind<M>(first: &HashMap<Arc<str>, BTreeMap<u64, Priority>>, item: &Item<M>) -> bool {
    first.get(&item.stream).is_some_and(|first| {
        let mut earlier = first.range(..item.position);
        !first.contains_key(&item.position) && earlier.any(|(_, of)| *of == item.priority)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protean_port::message::{Lane, Priority};

    use super::{Item, Lanes, Slots};

    fn item(stream: &str, position: u64, lane: Lane) -> Item<u64> {
        let priority = if lane == Lane::Primary { Priority::NORMAL } else { Priority::BULK };
        Item { lane, priority, position, stream: Arc::from(stream), message: position }
    }

    fn lanes() -> Lanes<u64> {
        let mut lanes = Lanes::new(&Lane::ALL, Slots { concurrency: 9, reserved: 0 });
        lanes.put_first(Priority::NORMAL, &Arc::from("a"), 3);
        lanes
    }

    fn started(lanes: &mut Lanes<u64>) -> Vec<u64> {
        std::iter::from_fn(|| lanes.start()).map(|item| item.position).collect()
    }

    #[test]
    fn no_message_of_its_priority_overtakes_one_put_first_in_a_stream() {
        let mut lanes = lanes();
        for at in [5, 6] {
            lanes.offer(item("a", at, Lane::Primary));
        }
        lanes.offer(item("b", 7, Lane::Primary));
        assert_eq!(started(&mut lanes), [7], "the first one has not come yet");
        lanes.offer(item("a", 3, Lane::Primary));
        assert_eq!(started(&mut lanes), [3]);
        lanes.returned(Lane::Primary, "a");
        assert!(started(&mut lanes).is_empty(), "it is not settled yet");
        lanes.let_past("a", 3);
        assert_eq!(started(&mut lanes), [5]);
        lanes.returned(Lane::Primary, "a");
        assert_eq!(started(&mut lanes), [6]);
    }

    #[test]
    fn earlier_messages_and_those_of_another_priority_do_not_wait() {
        let mut lanes = lanes();
        lanes.offer(item("a", 2, Lane::Primary));
        assert_eq!(started(&mut lanes), [2]);
        lanes.returned(Lane::Primary, "a");
        lanes.offer(item("a", 4, Lane::Backfill));
        assert_eq!(started(&mut lanes), [4]);
    }

    #[test]
    fn what_is_taken_back_does_not_run_and_what_waited_behind_it_does() {
        let mut lanes = Lanes::new(&Lane::ALL, Slots { concurrency: 9, reserved: 0 });
        for at in [1, 2, 3, 4] {
            lanes.offer(item("a", at, Lane::Primary));
        }
        assert_eq!(started(&mut lanes), [1]);
        // 2 is woken, 3 and 4 wait for their stream.
        lanes.returned(Lane::Primary, "a");
        let back = lanes.take_back(|at| [2, 4].contains(at));
        assert_eq!(Vec::from_iter(back.iter().map(|item| item.position)), [4, 2]);
        assert_eq!(lanes.len(Lane::Primary), 1);
        assert_eq!(started(&mut lanes), [3]);
        assert_eq!(lanes.len(Lane::Primary), 0);
    }

    #[test]
    fn knows_which_messages_of_a_stream_are_still_to_run_before() {
        let mut lanes = lanes();
        let before = |lanes: &Lanes<u64>| lanes.has_before(Priority::NORMAL, "a", 3);
        lanes.offer(item("a", 2, Lane::Primary));
        assert!(before(&lanes), "it is ready");
        assert_eq!(started(&mut lanes), [2]);
        assert!(before(&lanes), "it runs");
        lanes.returned(Lane::Primary, "a");
        lanes.offer(item("a", 5, Lane::Primary));
        lanes.offer(item("b", 1, Lane::Primary));
        assert!(!before(&lanes), "one is later, one of another stream");
    }
}
