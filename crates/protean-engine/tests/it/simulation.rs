//! Runs the schedulers of a server's handlers in simulated time, with the slots that they
//! share, and watches every decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use protean_engine::{Item, Lanes, SlotArbiter, Slots};
use protean_port::message::{Lane, Priority, Timestamp};

/// A handler that takes as long as this hangs: the simulation ends before.
pub(crate) const HANGS: u64 = 1_000_000;

/// A server, in which a tick is a millisecond.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) slots: Slots,
    /// How many messages of each handler may run at once.
    pub(crate) limits: Vec<usize>,
    pub(crate) min_share: f64,
    /// The age, in ticks, from which backfill competes.
    pub(crate) aging: Option<u64>,
}

/// A message that comes in at `at` and takes `takes` to handle.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedMessage {
    pub(crate) at: u64,
    pub(crate) takes: u64,
    pub(crate) lane: Lane,
    pub(crate) priority: Priority,
    pub(crate) stream: Arc<str>,
    pub(crate) handler: usize,
}

/// A message as the observer knows it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) arrival: SimulatedMessage,
    pub(crate) position: u64,
    /// Its handler has asked for slots since anything came in or ended.
    pub(crate) announced: bool,
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
    pub(crate) setup: Setup,
    pub(crate) now: u64,
    pub(crate) seen: BTreeMap<u64, Seen>,
}

impl World {
    pub(crate) fn running(&self) -> impl Iterator<Item = &Seen> {
        self.seen.values().filter(|seen| seen.runs())
    }

    pub(crate) fn running_of(&self, handler: usize) -> usize {
        self.running().filter(|seen| seen.arrival.handler == handler).count()
    }

    pub(crate) fn running_in(&self, lane: Lane) -> usize {
        self.running().filter(|seen| seen.arrival.lane == lane).count()
    }

    /// Messages of a lane that wait for nothing but a slot.
    pub(crate) fn ready(&self, lane: Lane) -> Vec<&Seen> {
        let busy = |of: &SimulatedMessage| {
            let mut running = self.running().map(|other| &other.arrival);
            running.any(|other| (other.handler, &other.stream) == (of.handler, &of.stream))
        };
        let could = |seen: &&Seen| {
            let (of, limit) = (&seen.arrival, self.setup.limits[seen.arrival.handler]);
            let here = seen.announced && seen.waits() && of.lane == lane;
            here && self.running_of(of.handler) < limit && !busy(of)
        };
        self.seen.values().filter(could).collect()
    }

    /// The time that messages of a lane have run until `until`.
    pub(crate) fn time_of(&self, lane: Lane, until: u64) -> u64 {
        let of_lane = self.seen.values().filter(|seen| seen.arrival.lane == lane);
        let times = of_lane.filter_map(|seen| {
            let end = seen.ended.unwrap_or(u64::MAX).min(until);
            Some(end.saturating_sub(seen.started?))
        });
        times.sum()
    }

    /// When the first message of a lane that is the last to start has started.
    pub(crate) fn last_start(&self, lane: Lane) -> u64 {
        let of_lane = self.seen.values().filter(|seen| seen.arrival.lane == lane);
        of_lane.filter_map(|seen| seen.started).max().unwrap_or(0)
    }
}

/// What the observer checks: before each start, and when nothing more starts.
pub(crate) trait Watch {
    fn starts(&mut self, world: &World, chosen: &Seen);
    fn rests(&mut self, world: &World);
}

/// The handlers of the server, and the slots they share.
struct Server {
    handlers: Vec<Lanes<()>>,
    arbiter: SlotArbiter,
    /// The slot of each running message, by its position.
    taken: BTreeMap<u64, Lane>,
    /// The handlers that have something to do.
    awake: BTreeSet<usize>,
}

/// Runs until everything that does not hang has been handled, and gives the last state.
pub(crate) fn simulate(
    setup: Setup,
    mut arrivals: Vec<SimulatedMessage>,
    watch: &mut impl Watch,
) -> World {
    arrivals.sort_by_key(|arrival| arrival.at);
    let mut server = Server::new(&setup);
    let mut world = World { setup, now: 0, seen: BTreeMap::new() };
    let mut coming = arrivals.into_iter().zip(1_u64..).peekable();
    loop {
        while let Some((arrival, position)) = coming.next_if(|(next, _)| next.at <= world.now) {
            server.offer(&arrival, position);
            let (started, ended) = (None, None);
            let seen = Seen { arrival, position, announced: false, started, ended };
            world.seen.insert(position, seen);
        }
        server.end_what_is_over(&mut world);
        server.start_what_can(&mut world, watch);
        watch.rests(&world);
        let ends = world.running().map(|seen| seen.started.unwrap() + seen.arrival.takes);
        let arrives = coming.peek().map(|(next, _)| next.at);
        let next = ends.chain(arrives).chain(server.ages_at(world.now)).min();
        match next.filter(|next| *next < HANGS) {
            Some(next) => world.now = next,
            None => return world,
        }
    }
}

impl Server {
    fn new(setup: &Setup) -> Self {
        let mut arbiter = SlotArbiter::new(setup.slots, setup.min_share);
        let join = |(place, limit): (usize, &usize)| {
            assert_eq!(arbiter.join(*limit), place);
            Lanes::new(&Lane::ALL, setup.aging.map(Duration::from_millis))
        };
        let handlers = setup.limits.iter().enumerate().map(join).collect();
        Self { handlers, arbiter, taken: BTreeMap::new(), awake: BTreeSet::new() }
    }

    fn offer(&mut self, arrival: &SimulatedMessage, position: u64) {
        let SimulatedMessage { lane, priority, stream, at, handler, .. } = arrival.clone();
        let time = timestamp(at);
        self.handlers[handler].offer(Item { lane, priority, position, time, stream, message: () });
        self.awake.insert(handler);
    }

    fn end_what_is_over(&mut self, world: &mut World) {
        let now = world.now;
        for seen in world.seen.values_mut() {
            let over = seen.runs() && seen.started.is_some_and(|at| at + seen.arrival.takes <= now);
            if over {
                seen.ended = Some(now);
                let handler = seen.arrival.handler;
                self.handlers[handler].returned(&seen.arrival.stream);
                let lane = self.taken.remove(&seen.position).unwrap();
                self.arbiter.release(handler, lane, Duration::from_millis(now));
                self.awake.insert(handler);
            }
        }
        // A message whose stream has become free is news as well.
        let of_awake =
            world.seen.values_mut().filter(|seen| self.awake.contains(&seen.arrival.handler));
        of_awake.for_each(|seen| seen.announced = false);
        self.wake();
    }

    fn start_what_can(&mut self, world: &mut World, watch: &mut impl Watch) {
        let (now, time) = (world.now, Duration::from_millis(world.now));
        for (handler, lanes) in self.handlers.iter().enumerate() {
            if lanes.ages_in(timestamp(now)).is_some_and(|wait| wait.is_zero()) {
                self.awake.insert(handler);
            }
        }
        while let Some(handler) = self.awake.pop_first() {
            while let Some(started) = {
                let Self { handlers, arbiter, .. } = self;
                let ask = |demand| arbiter.choose(handler, demand, time);
                handlers[handler].start(timestamp(now), ask)
            } {
                let position = started.item.position;
                watch.starts(world, &world.seen[&position].clone());
                self.taken.insert(position, started.slot);
                world.seen.get_mut(&position).unwrap().started = Some(now);
            }
            let of_handler = world.seen.values_mut().filter(|seen| seen.arrival.handler == handler);
            of_handler.for_each(|seen| seen.announced = true);
            self.wake();
        }
    }

    /// Only handlers that the arbiter wakes ask again.
    fn wake(&mut self) {
        while let Some(handler) = self.arbiter.wake() {
            self.awake.insert(handler);
        }
    }

    fn ages_at(&self, now: u64) -> Option<u64> {
        let waits = self.handlers.iter().filter_map(|lanes| lanes.ages_in(timestamp(now)));
        let wait = waits.filter(|wait| !wait.is_zero()).min()?;
        Some(now + u64::try_from(wait.as_millis()).unwrap())
    }
}

fn timestamp(tick: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(tick * 1000).unwrap())
}

/// Any number of slots, of which any number is reserved.
pub(crate) fn any_slots() -> impl Strategy<Value = Slots> {
    (1_usize..6, 0_usize..6).prop_map(|(concurrency, reserved)| Slots {
        concurrency,
        reserved: reserved.min(concurrency - 1),
    })
}

/// A strict server with one handler that uses all slots.
pub(crate) fn one_handler() -> impl Strategy<Value = Setup> {
    any_slots().prop_map(|slots| strict(slots, vec![usize::MAX]))
}

/// A strict server with a few handlers, some of which run one message at a time.
pub(crate) fn handlers() -> impl Strategy<Value = Setup> {
    let limit = prop_oneof![Just(1), Just(usize::MAX)];
    (any_slots(), vec(limit, 1..5)).prop_map(|(slots, limits)| strict(slots, limits))
}

/// The same under any policy.
pub(crate) fn any_policy() -> impl Strategy<Value = Setup> {
    (handlers(), any::<bool>(), 0.0..0.9, 0_u64..20).prop_map(|(setup, shares, share, age)| {
        match shares {
            true => Setup { min_share: share, ..setup },
            false => Setup { aging: Some(age), ..setup },
        }
    })
}

fn strict(slots: Slots, limits: Vec<usize>) -> Setup {
    Setup { slots, limits, min_share: 0.0, aging: None }
}

/// A message of a few streams that arrives soon and is handled quickly.
pub(crate) fn any_arrival() -> impl Strategy<Value = SimulatedMessage> {
    let priority = prop_oneof![
        Just(Priority::BULK),
        Just(Priority::LOW),
        Just(Priority::NORMAL),
        Just(Priority::CRITICAL),
    ];
    let shape = (0_u64..30, 1_u64..8, priority, 0_u8..6, any::<u8>());
    shape.prop_map(|(at, takes, priority, stream, handler)| SimulatedMessage {
        at,
        takes,
        lane: if priority < Priority::NORMAL { Lane::Backfill } else { Lane::Primary },
        priority,
        stream: format!("s-{stream}").into(),
        handler: handler.into(),
    })
}

/// Messages for the handlers of a server.
pub(crate) fn among(
    setup: &Setup,
    arrivals: impl IntoIterator<Item = SimulatedMessage>,
) -> Vec<SimulatedMessage> {
    let handlers = setup.limits.len();
    let within = |arrival: SimulatedMessage| SimulatedMessage {
        handler: arrival.handler % handlers,
        ..arrival
    };
    arrivals.into_iter().map(within).collect()
}
