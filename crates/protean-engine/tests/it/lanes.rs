//! What the scheduler of one handler promises, each promise a property over random arrivals.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::ProptestConfig;
use proptest::{prop_assert, prop_assert_eq, proptest};
use protean_engine::{Demand, Item, Lanes};
use protean_port::message::{Lane, Priority, Timestamp};

use crate::simulation::{
    Seen, Setup, SimulatedMessage, Watch, World, among, any_arrival, any_policy, one_handler,
    simulate,
};

/// Calls one function at each start and another when nothing more starts.
pub(crate) struct Check<S, R>(pub(crate) S, pub(crate) R);

impl<S: FnMut(&World, &Seen), R: FnMut(&World)> Watch for Check<S, R> {
    fn starts(&mut self, world: &World, chosen: &Seen) {
        (self.0)(world, chosen);
    }

    fn rests(&mut self, world: &World) {
        (self.1)(world);
    }
}

pub(crate) fn at_each_start(check: impl FnMut(&World, &Seen)) -> impl Watch {
    Check(check, |_: &World| {})
}

pub(crate) fn nothing() -> impl Watch {
    at_each_start(|_, _| {})
}

/// Messages of a lane that could start: they are ready, and there is a slot.
fn startable(world: &World, lane: Lane) -> Vec<&Seen> {
    let Setup { slots, .. } = world.setup;
    let slot = world.running().count() < slots.concurrency
        && (lane == Lane::Primary || world.running_in(lane) < slots.of(lane));
    if slot { world.ready(lane) } else { Vec::new() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn backfill_starts_only_when_no_production_message_could(
        setup in one_handler(), arrivals in vec(any_arrival(), 0..60)
    ) {
        let arrivals = among(&setup, arrivals);
        simulate(setup, arrivals, &mut at_each_start(|world, chosen| {
            let could = startable(world, Lane::Primary);
            assert!(chosen.arrival.lane == Lane::Primary || could.is_empty(), "{could:?} waits");
        }));
    }

    #[test]
    fn backfill_leaves_the_reserved_slots_free(
        setup in one_handler(), arrivals in vec(any_arrival(), 0..60)
    ) {
        let arrivals = among(&setup, arrivals);
        simulate(setup, arrivals, &mut at_each_start(|world, chosen| {
            let slots = world.setup.slots;
            let after = world.running_in(Lane::Backfill)
                + usize::from(chosen.arrival.lane == Lane::Backfill);
            assert!(after <= (slots.concurrency - slots.reserved).max(1));
            assert!(world.running().count() < slots.concurrency);
        }));
    }

    #[test]
    fn one_message_of_a_stream_runs_at_a_time(
        setup in any_policy(), arrivals in vec(any_arrival(), 0..60)
    ) {
        let arrivals = among(&setup, arrivals);
        simulate(setup, arrivals, &mut at_each_start(|world, chosen| {
            let of = |seen: &Seen| (seen.arrival.handler, seen.arrival.stream.clone());
            assert!(world.running().all(|other| of(other) != of(chosen)));
        }));
    }

    #[test]
    fn within_a_lane_the_most_urgent_and_then_the_oldest_goes_first(
        setup in any_policy(), arrivals in vec(any_arrival(), 0..60)
    ) {
        let arrivals = among(&setup, arrivals);
        simulate(setup, arrivals, &mut at_each_start(|world, chosen| {
            let rank = |seen: &Seen| (-seen.arrival.priority.value(), seen.position);
            let (handler, lane) = (chosen.arrival.handler, chosen.arrival.lane);
            let ready = world.ready(lane).into_iter();
            let first = ready.filter(|seen| seen.arrival.handler == handler).map(rank).min();
            assert!(first.is_none_or(|first| rank(chosen) <= first), "{first:?} waits");
        }));
    }

    #[test]
    fn no_slot_stays_free_while_a_message_could_start(
        setup in one_handler(), arrivals in vec(any_arrival(), 0..60)
    ) {
        let arrivals = among(&setup, arrivals);
        simulate(setup, arrivals, &mut Check(|_: &World, _: &Seen| {}, |world: &World| {
            for lane in Lane::ALL {
                let could = startable(world, lane);
                assert!(could.is_empty(), "{could:?} could start");
            }
        }));
    }

    #[test]
    fn every_message_runs_once(setup in any_policy(), arrivals in vec(any_arrival(), 0..60)) {
        let (count, mut started) = (arrivals.len(), 0);
        let arrivals = among(&setup, arrivals);
        let world = simulate(setup, arrivals, &mut at_each_start(|_, chosen| {
            assert!(chosen.waits(), "{chosen:?} started before");
            started += 1;
        }));
        prop_assert!(world.seen.values().all(|seen| seen.ended.is_some()));
        prop_assert_eq!((world.seen.len(), started), (count, count));
    }

    #[test]
    fn production_waits_for_one_running_handler_at_most(
        setup in one_handler(), bulk in vec(any_arrival(), 0..60), at in 0_u64..40
    ) {
        let reserved = setup.slots.reserved;
        let backfill = |arrival: SimulatedMessage| SimulatedMessage {
            lane: Lane::Backfill, priority: Priority::BULK, ..arrival
        };
        let mut arrivals: Vec<SimulatedMessage> = bulk.into_iter().map(backfill).collect();
        let longest = arrivals.iter().map(|arrival| arrival.takes).max().unwrap_or(0);
        arrivals.push(SimulatedMessage {
            at, takes: 1, lane: Lane::Primary, priority: Priority::NORMAL,
            stream: "deposit".into(), handler: 0,
        });
        let arrivals = among(&setup, arrivals);
        let world = simulate(setup, arrivals, &mut nothing());
        let production = world.seen.values().find(|seen| seen.arrival.lane == Lane::Primary).unwrap();
        let waited = production.started.unwrap() - at;
        let most = if reserved > 0 { 0 } else { longest };
        prop_assert!(waited <= most, "waited {waited} of at most {most}");
    }

    #[test]
    fn a_held_lane_starts_nothing_and_holds_up_no_other(arrivals in vec(any_arrival(), 1..30)) {
        let mut lanes = Lanes::new(&Lane::ALL, None);
        let mut backfill = std::collections::HashSet::new();
        let time = Timestamp::default();
        for (arrival, position) in arrivals.into_iter().zip(1..) {
            let SimulatedMessage { lane, priority, stream, .. } = arrival;
            if lane == Lane::Backfill { backfill.insert(stream.clone()); }
            lanes.offer(Item { lane, priority, position, time, stream, message: () });
        }
        lanes.hold(Lane::Primary, true);
        let mut started = 0;
        while let Some(start) = lanes.start(time, first_wanted) {
            prop_assert_eq!(start.item.lane, Lane::Backfill);
            started += 1;
        }
        prop_assert_eq!(started, backfill.len());
    }
}

fn first_wanted(demand: Demand) -> Option<Lane> {
    Lane::ALL.into_iter().find(|lane| demand.wants(*lane))
}

fn offer(lanes: &mut Lanes<()>, position: u64, priority: Priority) {
    let lane = if priority < Priority::NORMAL { Lane::Backfill } else { Lane::Primary };
    let time = Timestamp::default();
    lanes.offer(Item { lane, priority, position, time, stream: "s".into(), message: () });
}

fn start(lanes: &mut Lanes<()>) -> Option<u64> {
    lanes.start(Timestamp::default(), first_wanted).map(|started| started.item.position)
}

#[test]
fn backfill_makes_way_for_production_in_a_stream_of_which_it_has_units() {
    let mut lanes = Lanes::new(&Lane::ALL, None);
    let stream = Arc::from("s");
    for position in [1, 2] {
        offer(&mut lanes, position, Priority::BULK);
    }
    assert_eq!(start(&mut lanes), Some(1));
    offer(&mut lanes, 3, Priority::NORMAL);
    lanes.returned("s");
    lanes.ran(&stream, Lane::Backfill, 1, Some(1));
    assert_eq!(start(&mut lanes), None, "what has run is to be committed first");
    lanes.unit_ended("s", Lane::Backfill, 1, true);
    assert_eq!(start(&mut lanes), Some(3));
}

#[test]
fn a_copy_of_what_has_run_waits_for_the_commit_and_holds_nothing_up() {
    let mut lanes = Lanes::new(&Lane::ALL, None);
    let stream = Arc::from("s");
    offer(&mut lanes, 9, Priority::HIGH);
    assert_eq!(start(&mut lanes), Some(9));
    for (position, priority) in [(1, Priority::NORMAL), (2, Priority::NORMAL), (3, Priority::BULK)]
    {
        offer(&mut lanes, position, priority);
    }
    assert_eq!(start(&mut lanes), None, "its stream runs");
    // In the turn of 9, the first of its stream has run.
    lanes.returned("s");
    lanes.ran(&stream, Lane::Primary, 1, Some(1));
    assert_eq!(start(&mut lanes), Some(2), "in the same lane it sees what 1 has done");
    lanes.returned("s");
    lanes.ran(&stream, Lane::Primary, 2, Some(2));
    assert_eq!(start(&mut lanes), None);
    assert_eq!((lanes.len(Lane::Primary), lanes.len(Lane::Backfill)), (1, 1));
    lanes.unit_ended("s", Lane::Primary, 1, true);
    assert_eq!(start(&mut lanes), Some(1));
    lanes.returned("s");
    lanes.unit_ended("s", Lane::Primary, 2, true);
    assert_eq!(start(&mut lanes), Some(3));
}

#[test]
fn a_message_that_is_offered_twice_runs_twice() {
    let mut lanes = Lanes::new(&Lane::ALL, None);
    let time = Timestamp::default();
    let item = |message| Item {
        lane: Lane::Backfill,
        priority: Priority::BULK,
        position: 7,
        time,
        stream: "s".into(),
        message,
    };
    lanes.offer(item("from the log"));
    lanes.offer(item("parked"));
    let first = lanes.start(time, first_wanted).unwrap().item;
    assert!(lanes.start(time, first_wanted).is_none(), "one of a stream at a time");
    lanes.returned(&first.stream);
    let second = lanes.start(time, first_wanted).unwrap().item;
    assert_eq!((first.message, second.message), ("from the log", "parked"));
    assert_eq!(lanes.len(Lane::Backfill), 0);
}
