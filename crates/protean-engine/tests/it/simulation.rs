//! Runs the scheduler in simulated time and watches every decision.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::{Just, Strategy, prop_oneof};
use protean_engine::{Item, Lanes, Slots};
use protean_port::message::{Lane, Priority};

/// A message that comes in at `at` and takes `takes` to handle.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedMessage {
    pub(crate) at: u64,
    pub(crate) takes: u64,
    pub(crate) lane: Lane,
    pub(crate) priority: Priority,
    pub(crate) stream: Arc<str>,
}

/// A message as the observer knows it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) arrival: SimulatedMessage,
    pub(crate) position: u64,
    pub(crate) started: Option<u64>,
    pub(crate) ended: Option<u64>,
}

impl Seen {
    pub(crate) fn runs(&self) -> bool {
        self.started.is_some() && self.ended.is_none()
    }

    pub(crate) fn waits(&self) -> bool {
        self.started.is_none()
    }
}

/// Everything an observer can see at one moment.
pub(crate) struct World {
    pub(crate) slots: Slots,
    pub(crate) now: u64,
    pub(crate) seen: BTreeMap<u64, Seen>,
}

impl World {
    pub(crate) fn running(&self) -> impl Iterator<Item = &Seen> {
        self.seen.values().filter(|seen| seen.runs())
    }

    pub(crate) fn backfill_running(&self) -> usize {
        self.running().filter(|seen| seen.arrival.lane == Lane::Backfill).count()
    }

    /// Messages of a lane whose stream is free and for which there is a slot.
    pub(crate) fn startable(&self, lane: Lane) -> Vec<&Seen> {
        let allowed = (self.slots.concurrency - self.slots.reserved).max(1);
        let slot = self.running().count() < self.slots.concurrency
            && (lane == Lane::Primary || self.backfill_running() < allowed);
        let busy = |stream: &str| self.running().any(|other| &*other.arrival.stream == stream);
        let free = |seen: &&Seen| {
            slot && seen.waits() && seen.arrival.lane == lane && !busy(&seen.arrival.stream)
        };
        self.seen.values().filter(free).collect()
    }
}

/// What the observer checks: before each start, and when nothing more starts.
pub(crate) trait Watch {
    fn starts(&mut self, world: &World, chosen: &Seen);
    fn rests(&mut self, world: &World);
}

/// Runs until everything has been handled, and gives the last state.
pub(crate) fn simulate(
    slots: Slots,
    mut arrivals: Vec<SimulatedMessage>,
    watch: &mut impl Watch,
) -> World {
    arrivals.sort_by_key(|arrival| arrival.at);
    let mut lanes = Lanes::new(&Lane::ALL, slots);
    let mut world = World { slots, now: 0, seen: BTreeMap::new() };
    let mut coming = arrivals.into_iter().zip(1_u64..).peekable();
    loop {
        while let Some((arrival, position)) = coming.next_if(|(next, _)| next.at <= world.now) {
            lanes.offer(item(&arrival, position));
            world.seen.insert(position, Seen { arrival, position, started: None, ended: None });
        }
        end_what_is_over(&mut world, &mut lanes);
        while let Some(item) = lanes.start() {
            let chosen = world.seen[&item.position].clone();
            watch.starts(&world, &chosen);
            let now = world.now;
            world.seen.get_mut(&item.position).unwrap().started = Some(now);
        }
        watch.rests(&world);
        let ends = world.running().map(|seen| seen.started.unwrap() + seen.arrival.takes).min();
        let arrives = coming.peek().map(|(next, _)| next.at);
        match ends.into_iter().chain(arrives).min() {
            Some(next) => world.now = next,
            None => return world,
        }
    }
}

fn end_what_is_over(world: &mut World, lanes: &mut Lanes<()>) {
    let now = world.now;
    for seen in world.seen.values_mut() {
        let over = seen.runs() && seen.started.is_some_and(|at| at + seen.arrival.takes <= now);
        if over {
            seen.ended = Some(now);
            lanes.returned(seen.arrival.lane, &seen.arrival.stream);
        }
    }
}

fn item(arrival: &SimulatedMessage, position: u64) -> Item<()> {
    let SimulatedMessage { lane, priority, stream, .. } = arrival.clone();
    Item { lane, priority, position, stream, message: () }
}

/// Any number of slots, of which any number is reserved.
pub(crate) fn any_slots() -> impl Strategy<Value = Slots> {
    (1_usize..6, 0_usize..6).prop_map(|(concurrency, reserved)| Slots {
        concurrency,
        reserved: reserved.min(concurrency - 1),
    })
}

/// A message of a few streams that arrives soon and is handled quickly.
pub(crate) fn any_arrival() -> impl Strategy<Value = SimulatedMessage> {
    let priority = prop_oneof![
        Just(Priority::BULK),
        Just(Priority::LOW),
        Just(Priority::NORMAL),
        Just(Priority::CRITICAL),
    ];
    (0_u64..30, 1_u64..8, priority, 0_u8..6).prop_map(|(at, takes, priority, stream)| {
        SimulatedMessage {
            at,
            takes,
            lane: if priority < Priority::NORMAL { Lane::Backfill } else { Lane::Primary },
            priority,
            stream: format!("s-{stream}").into(),
        }
    })
}
