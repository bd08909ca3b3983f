//! What the scheduler promises, each promise a property over random arrivals.

use proptest::collection::vec;
use proptest::prelude::ProptestConfig;
use proptest::{prop_assert, prop_assert_eq, proptest};
use protean_engine::Slots;
use protean_port::message::{Lane, Priority};

use crate::simulation::{Seen, SimulatedMessage, Watch, World, any_arrival, any_slots, simulate};

/// Calls one function at each start and another when nothing more starts.
struct Check<S, R>(S, R);

impl<S: FnMut(&World, &Seen), R: FnMut(&World)> Watch for Check<S, R> {
    fn starts(&mut self, world: &World, chosen: &Seen) {
        (self.0)(world, chosen);
    }

    fn rests(&mut self, world: &World) {
        (self.1)(world);
    }
}

fn at_each_start(check: impl FnMut(&World, &Seen)) -> impl Watch {
    Check(check, |_: &World| {})
}

fn nothing() -> impl Watch {
    at_each_start(|_, _| {})
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn backfill_starts_only_when_no_production_message_could(
        slots in any_slots(), arrivals in vec(any_arrival(), 0..60)
    ) {
        simulate(slots, arrivals, &mut at_each_start(|world, chosen| {
            let could = world.startable(Lane::Primary);
            assert!(chosen.arrival.lane == Lane::Primary || could.is_empty(), "{could:?} waits");
        }));
    }

    #[test]
    fn backfill_leaves_the_reserved_slots_free(
        slots in any_slots(), arrivals in vec(any_arrival(), 0..60)
    ) {
        simulate(slots, arrivals, &mut at_each_start(|world, chosen| {
            let after = world.backfill_running() + usize::from(chosen.arrival.lane == Lane::Backfill);
            assert!(after <= (slots.concurrency - slots.reserved).max(1));
            assert!(world.running().count() < slots.concurrency);
        }));
    }

    #[test]
    fn one_message_of_a_stream_runs_at_a_time(
        slots in any_slots(), arrivals in vec(any_arrival(), 0..60)
    ) {
        simulate(slots, arrivals, &mut at_each_start(|world, chosen| {
            let stream = &chosen.arrival.stream;
            assert!(world.running().all(|other| other.arrival.stream != *stream));
        }));
    }

    #[test]
    fn within_a_lane_the_most_urgent_and_then_the_oldest_goes_first(
        slots in any_slots(), arrivals in vec(any_arrival(), 0..60)
    ) {
        simulate(slots, arrivals, &mut at_each_start(|world, chosen| {
            let rank = |seen: &Seen| (-seen.arrival.priority.value(), seen.position);
            let first = world.startable(chosen.arrival.lane).into_iter().map(rank).min();
            assert_eq!(Some(rank(chosen)), first);
        }));
    }

    #[test]
    fn no_slot_stays_free_while_a_message_could_start(
        slots in any_slots(), arrivals in vec(any_arrival(), 0..60)
    ) {
        simulate(slots, arrivals, &mut Check(|_: &World, _: &Seen| {}, |world: &World| {
            for lane in Lane::ALL {
                let could = world.startable(lane);
                assert!(could.is_empty(), "{could:?} could start");
            }
        }));
    }

    #[test]
    fn every_message_runs_once(slots in any_slots(), arrivals in vec(any_arrival(), 0..60)) {
        let (count, mut started) = (arrivals.len(), 0);
        let world = simulate(slots, arrivals, &mut at_each_start(|_, chosen| {
            assert!(chosen.waits(), "{chosen:?} started before");
            started += 1;
        }));
        prop_assert!(world.seen.values().all(|seen| seen.ended.is_some()));
        prop_assert_eq!((world.seen.len(), started), (count, count));
    }

    #[test]
    fn production_waits_for_one_running_handler_at_most(
        slots in any_slots(), bulk in vec(any_arrival(), 0..60), at in 0_u64..40
    ) {
        let backfill = |arrival: SimulatedMessage| SimulatedMessage {
            lane: Lane::Backfill, priority: Priority::BULK, ..arrival
        };
        let mut arrivals: Vec<SimulatedMessage> = bulk.into_iter().map(backfill).collect();
        let longest = arrivals.iter().map(|arrival| arrival.takes).max().unwrap_or(0);
        arrivals.push(SimulatedMessage {
            at, takes: 1, lane: Lane::Primary, priority: Priority::NORMAL, stream: "deposit".into()
        });
        let world = simulate(slots, arrivals, &mut nothing());
        let production = world.seen.values().find(|seen| seen.arrival.lane == Lane::Primary).unwrap();
        let waited = production.started.unwrap() - at;
        let most = if slots.reserved > 0 { 0 } else { longest };
        prop_assert!(waited <= most, "waited {waited} of at most {most}");
    }

    #[test]
    fn a_held_lane_starts_nothing_and_holds_up_no_other(arrivals in vec(any_arrival(), 1..30)) {
        let slots = Slots { concurrency: 100, reserved: 0 };
        let mut lanes = protean_engine::Lanes::new(&Lane::ALL, slots);
        let mut backfill = std::collections::HashSet::new();
        for (arrival, position) in arrivals.into_iter().zip(1..) {
            let SimulatedMessage { lane, priority, stream, .. } = arrival;
            if lane == Lane::Backfill { backfill.insert(stream.clone()); }
            lanes.offer(protean_engine::Item { lane, priority, position, stream, message: () });
        }
        lanes.hold(Lane::Primary, true);
        let mut started = 0;
        while let Some(item) = lanes.start() {
            prop_assert_eq!(item.lane, Lane::Backfill);
            started += 1;
        }
        prop_assert_eq!(started, backfill.len());
    }
}

#[test]
fn a_message_that_is_offered_twice_runs_twice() {
    let mut lanes = protean_engine::Lanes::new(&Lane::ALL, Slots { concurrency: 2, reserved: 0 });
    let item = |message| protean_engine::Item {
        lane: Lane::Backfill,
        priority: Priority::BULK,
        position: 7,
        stream: "s".into(),
        message,
    };
    lanes.offer(item("from the log"));
    lanes.offer(item("parked"));
    let first = lanes.start().unwrap();
    assert!(lanes.start().is_none(), "one of a stream at a time");
    lanes.returned(first.lane, &first.stream);
    assert_eq!((first.message, lanes.start().unwrap().message), ("from the log", "parked"));
    assert_eq!(lanes.len(Lane::Backfill), 0);
}
