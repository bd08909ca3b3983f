//! What the slots of a server promise over all of its handlers, in simulated time.

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, prop_oneof};
use proptest::{prop_assert, proptest};
use protean_engine::Slots;
use protean_port::message::{Lane, Priority};

use crate::lanes::{Check, at_each_start, nothing};
use crate::simulation::{
    HANGS, Seen, Setup, SimulatedMessage, World, among, any_arrival, any_policy, any_slots,
    handlers, simulate,
};

fn message(handler: usize, lane: Lane, number: usize, takes: u64) -> SimulatedMessage {
    SimulatedMessage {
        at: 0,
        takes,
        lane,
        priority: if lane == Lane::Primary { Priority::NORMAL } else { Priority::BULK },
        stream: format!("{lane}-{number}").into(),
        handler,
    }
}

/// More of a lane than its handler ever gets to, each message of a stream of its own.
fn flood(handler: usize, lane: Lane, takes: &[u64]) -> Vec<SimulatedMessage> {
    let numbered = takes.iter().cycle().take(150).enumerate();
    numbered.map(|(number, takes)| message(handler, lane, number, *takes)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn backfill_takes_no_slot_that_production_of_any_handler_waits_for(
        setup in handlers(), arrivals in vec(any_arrival(), 0..80)
    ) {
        let arrivals = among(&setup, arrivals);
        simulate(setup, arrivals, &mut at_each_start(|world, chosen| {
            // The first message of a handler takes no slot that others may have.
            let is_first = world.running_of(chosen.arrival.handler) == 0;
            let waiting = world.ready(Lane::Primary);
            let is_production = chosen.arrival.lane == Lane::Primary;
            assert!(is_production || is_first || waiting.is_empty(), "{waiting:?} waits");
        }));
    }

    #[test]
    fn production_waits_only_while_all_slots_are_taken_and_its_handler_runs(
        setup in handlers(), arrivals in vec(any_arrival(), 0..80)
    ) {
        let arrivals = among(&setup, arrivals);
        simulate(setup, arrivals, &mut Check(|_: &World, _: &Seen| {}, |world: &World| {
            for waiting in world.ready(Lane::Primary) {
                assert!(world.running().count() >= world.setup.slots.concurrency, "{waiting:?}");
                assert!(world.running_of(waiting.arrival.handler) > 0, "{waiting:?}");
            }
            for waiting in world.ready(Lane::Backfill) {
                assert!(world.running_of(waiting.arrival.handler) > 0, "{waiting:?}");
            }
        }));
    }

    #[test]
    fn production_waits_for_one_running_handler_beside_any_backfill(
        setup in handlers(), bulk in vec(any_arrival(), 0..80), at in 0_u64..40, which in 0_usize..5
    ) {
        let backfill = |arrival: SimulatedMessage| SimulatedMessage {
            lane: Lane::Backfill, priority: Priority::BULK, ..arrival
        };
        let mut arrivals: Vec<SimulatedMessage> = bulk.into_iter().map(backfill).collect();
        let longest = arrivals.iter().map(|arrival| arrival.takes).max().unwrap_or(0);
        let deposit = message(which, Lane::Primary, 0, 1);
        arrivals.push(SimulatedMessage { at, ..deposit });
        let handler = which % setup.limits.len();
        let has_slot = setup.slots.reserved > 0 && setup.limits[handler] > 1;
        let arrivals = among(&setup, arrivals);
        let world = simulate(setup, arrivals, &mut nothing());
        let production = world.seen.values().find(|seen| seen.arrival.lane == Lane::Primary).unwrap();
        let waited = production.started.unwrap() - at;
        let most = if has_slot { 0 } else { longest };
        prop_assert!(waited <= most, "waited {waited} of at most {most}");
    }

    #[test]
    fn only_the_first_message_of_a_handler_goes_beyond_the_slots(
        setup in handlers(), share in 0.0..0.9, arrivals in vec(any_arrival(), 0..80)
    ) {
        let arrivals = among(&setup, arrivals);
        let setup = Setup { min_share: share, ..setup };
        simulate(setup, arrivals, &mut at_each_start(|world, chosen| {
            let (slots, handlers) = (world.setup.slots, world.setup.limits.len());
            let (handler, lane) = (chosen.arrival.handler, chosen.arrival.lane);
            let running = world.running_of(handler);
            assert!(running < world.setup.limits[handler]);
            assert!(world.running().count() < slots.concurrency + handlers);
            let backfill = world.running_in(Lane::Backfill);
            let allowed = lane == Lane::Primary || backfill < slots.of(lane) + handlers;
            assert!(allowed, "{backfill} of backfill run");
        }));
    }

    #[test]
    fn a_handler_that_hangs_blocks_no_other(
        setup in any_policy(), arrivals in vec(any_arrival(), 0..60), others in 1_usize..4,
        hang in prop_oneof![
            Just(vec![Lane::Primary]), Just(vec![Lane::Backfill]), Just(Lane::ALL.to_vec())
        ],
    ) {
        // The last handler hangs with more than all slots could take.
        let limits = [vec![usize::MAX; others], setup.limits.clone(), vec![usize::MAX]].concat();
        let (setup, last) = (Setup { limits, ..setup }, others + setup.limits.len());
        let stuck = (0..20).flat_map(|number| {
            hang.iter().map(move |lane| message(last, *lane, number, HANGS))
        });
        let fine = arrivals.into_iter().map(|arrival| SimulatedMessage {
            handler: arrival.handler % last, ..arrival
        });
        let arrivals = stuck.chain(fine).collect();
        let world = simulate(setup, arrivals, &mut nothing());
        for seen in world.seen.values().filter(|seen| seen.arrival.handler != last) {
            prop_assert!(seen.ended.is_some(), "{seen:?}");
        }
    }

}

proptest! {
    // Each of these runs through some hundred messages.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn backfill_has_its_share_of_handlers_time_while_production_never_ends(
        slots in any_slots(), share in 0.05_f64..0.9, takes in vec(1_u64..9, 1..7),
        other in vec(1_u64..9, 1..7), apart in prop_oneof![Just(0_usize), Just(1)],
    ) {
        // A handler of production always keeps one slot, beyond the shared ones if need be.
        let most = slots.of(Lane::Backfill) as f64 / (slots.concurrency + apart) as f64;
        let share = share.min(most);
        let limits = vec![usize::MAX; 1 + apart];
        let setup = Setup { slots, limits, min_share: share, aging: None };
        has_its_share(setup, share, &takes, &other, apart)?;
    }

    #[test]
    fn backfill_of_a_handler_that_runs_one_at_a_time_has_its_share_too(
        slots in any_slots(), share in 0.05_f64..0.9, takes in vec(1_u64..9, 1..7),
        other in vec(1_u64..9, 1..7),
    ) {
        let setup = Setup { slots, limits: vec![1], min_share: share, aging: None };
        has_its_share(setup, share, &takes, &other, 0)?;
    }

    #[test]
    fn old_backfill_goes_on_while_production_never_ends(
        setup in handlers(), age in 1_u64..60, takes in vec(1_u64..9, 1..7),
        old in vec(1_u64..9, 1..9), which in 0_usize..5,
    ) {
        let handlers = setup.limits.len();
        let setup = Setup { aging: Some(age), ..setup };
        let mut arrivals: Vec<_> =
            (0..handlers).flat_map(|handler| flood(handler, Lane::Primary, &takes)).collect();
        let backfill = old.iter().enumerate();
        arrivals.extend(backfill.map(|(number, takes)| {
            message(which % handlers, Lane::Backfill, number, *takes)
        }));
        let longest = takes.iter().chain(&old).max().copied().unwrap();
        let world = simulate(setup, arrivals, &mut nothing());
        let backfill = world.seen.values().filter(|seen| seen.arrival.lane == Lane::Backfill);
        for (place, seen) in backfill.enumerate() {
            let turns = (2 * u64::try_from(place).unwrap() + 2) * u64::try_from(handlers).unwrap();
            let (started, most) = (seen.started.unwrap(), age + turns * longest);
            prop_assert!(started <= most, "{seen:?} started at {started}, not by {most}");
        }
    }

    #[test]
    fn old_backfill_delays_production_by_one_message_at_a_time(
        slots in any_slots(), takes in vec(1_u64..9, 1..7), at in 0_u64..200,
    ) {
        // Everything of the backlog is old enough.
        let setup = Setup { slots, limits: vec![usize::MAX], min_share: 0.0, aging: Some(0) };
        let mut arrivals = flood(0, Lane::Backfill, &takes);
        arrivals.push(SimulatedMessage { at, ..message(0, Lane::Primary, 0, 1) });
        let world = simulate(setup, arrivals, &mut nothing());
        let production = world.seen.values().find(|seen| seen.arrival.lane == Lane::Primary).unwrap();
        let waited = production.started.unwrap() - at;
        let longest = takes.into_iter().max().unwrap();
        prop_assert!(waited <= 2 * longest, "waited {waited} of at most 2 * {longest}");
    }
}

/// Floods handler 0 with production and handler `apart` with backfill, and measures until one
/// of them has started its last message.
fn has_its_share(
    setup: Setup,
    share: f64,
    production: &[u64],
    backfill: &[u64],
    apart: usize,
) -> Result<(), proptest::test_runner::TestCaseError> {
    let concurrency = setup.slots.concurrency;
    let mut arrivals = flood(0, Lane::Primary, production);
    arrivals.extend(flood(apart, Lane::Backfill, backfill));
    let world = simulate(
        setup,
        arrivals,
        &mut at_each_start(|world, chosen| {
            let slots = (world.running().count() + 1).max(concurrency) as f64;
            let (handler, lane) = (chosen.arrival.handler, chosen.arrival.lane);
            let is_first = lane == Lane::Primary || world.running_of(handler) == 0;
            let runs = world.running_in(Lane::Backfill);
            let within = (runs as f64) < (share * slots).ceil();
            let waiting = world.ready(Lane::Primary);
            assert!(is_first || within || waiting.is_empty(), "{runs} of {slots} are backfill's");
        }),
    );
    let until = Lane::ALL.into_iter().map(|lane| world.last_start(lane)).min().unwrap();
    let [of_production, of_backfill] = Lane::ALL.map(|lane| world.time_of(lane, until) as f64);
    let all = of_production + of_backfill;
    // The time of the messages that run is known when they end.
    let slack = 9.0 * (concurrency as f64 + 1.0);
    prop_assert!(
        of_backfill >= share * all - slack,
        "{of_backfill} ms of {all} for a share of {share}"
    );
    // Production keeps what is not backfill's, but for whole slots and the slot of a handler.
    let concurrency = concurrency as f64;
    let most = ((share * concurrency).ceil() + 1.0).min(concurrency) / concurrency;
    let most = if apart == 0 { share } else { most };
    prop_assert!(
        of_backfill <= most * all + slack,
        "{of_backfill} ms of {all}, at most a share of {most}"
    );
    Ok(())
}

#[test]
fn a_backlog_takes_up_all_slots_but_those_reserved() {
    let slots = Slots { concurrency: 32, reserved: 4 };
    let limits = vec![usize::MAX; 40];
    let setup = Setup { slots, limits, min_share: 0.0, aging: None };
    let backlog = flood(0, Lane::Backfill, &[5]);
    let others = (1..40).map(|handler| message(handler, Lane::Primary, 0, HANGS));
    let mut most = 0;
    let world = simulate(
        setup.clone(),
        backlog.clone(),
        &mut at_each_start(|world, _| {
            most = most.max(world.running().count() + 1);
        }),
    );
    assert_eq!((most, world.now), (28, 150_u64.div_ceil(28) * 5));
    // With everything taken by others, each handler goes on with one at a time.
    let world = simulate(setup, others.chain(backlog).collect(), &mut nothing());
    assert_eq!(world.running().count(), 39);
    assert!(world.seen.values().all(|seen| seen.arrival.handler > 0 || seen.ended.is_some()));
}
