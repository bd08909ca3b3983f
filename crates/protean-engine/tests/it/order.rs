//! Messages of one aggregate, across lanes and retries.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any};
use proptest::{prop_oneof, proptest};
use protean::message::Priority;
use protean_engine::DeadLetters;

use crate::harness::{Harness, On, counts};
use crate::on_every_stack;
use crate::tallies::{Add, Fault, Faults, Mailer, Skipping};

on_every_stack! {
    the_order_of_an_aggregate_holds_across_lanes
    later_messages_wait_for_one_that_is_retried
    later_messages_are_held_behind_a_dead_one
    others_flow_past_a_held_aggregate
    an_outage_burns_no_attempts
    later_messages_flow_past_a_skipped_one
    a_late_copy_from_the_other_lane_is_counted_and_does_nothing
    while_nothing_fails_a_handler_runs_once_for_each_event
    while_nothing_fails_a_handler_runs_once_for_each_event_that_was_there_before
}

async fn while_nothing_fails_a_handler_runs_once_for_each_event(on: On) {
    let mailed = Faults::default();
    let harness = Harness::with(on, |builder| builder.register(Mailer(mailed.clone())));
    for number in 0..EVENTS {
        harness.add(&tally_of(number), number, priority_of(number)).await;
    }
    harness.drain().await;
    assert_each_once(mailed.calls());
    assert_each_once(harness.faults.calls());
    harness.assert_closes().await;
}

async fn while_nothing_fails_a_handler_runs_once_for_each_event_that_was_there_before(on: On) {
    let mailed = Faults::default();
    let harness = Harness::with(on, |builder| builder.register(Mailer(mailed.clone())));
    for number in 0..EVENTS {
        let command = Add { tally: tally_of(number).into(), number };
        let process = harness.domain.process(command).priority(priority_of(number));
        process.synchronous().await.unwrap();
    }
    harness.drain().await;
    assert_each_once(mailed.calls());
    assert_each_once(harness.faults.calls());
    harness.assert_closes().await;
}

const EVENTS: i64 = 600;

/// Few tallies, so that each has events of every priority at once.
fn tally_of(number: i64) -> String {
    format!("t-{}", number % 13)
}

fn priority_of(number: i64) -> Priority {
    match number % 4 {
        0 => Priority::BULK,
        1 => Priority::LOW,
        2 => Priority::NORMAL,
        _ => Priority::HIGH,
    }
}

fn assert_each_once(mut calls: Vec<i64>) {
    calls.sort_unstable();
    let again = calls.windows(2).filter(|pair| pair[0] == pair[1]).count();
    calls.dedup();
    assert_eq!(calls, (0..EVENTS).collect::<Vec<_>>());
    assert_eq!(again, 0, "runs again, of {EVENTS} events");
}

async fn a_late_copy_from_the_other_lane_is_counted_and_does_nothing(on: On) {
    let harness = Harness::new(on);
    committed_alternately(&harness, "mixed", 0..40).await;
    harness.drain().await;
    assert_eq!(harness.seen("mixed").await, (0..40).collect::<Vec<_>>(), "by version, each once");
    let numbers = harness.numbers().await;
    let (handled, late) = counts(&numbers);
    assert_eq!((handled, numbers.settled()), (40, 40), "copies are no part of the account");
    // Those that were read before they ran early, in the lane of those behind them.
    assert!(late <= 20, "{late} of 20 backfill events came after their turn");
    harness.assert_closes().await;
}

async fn later_messages_flow_past_a_skipped_one(on: On) {
    let harness = Harness::with(on, |builder| builder.register(Skipping));
    harness.faults.plan(0, Fault::Reject);
    committed_alternately(&harness, "skipped", 0..8).await;
    harness.drain_but(7).await;
    let skipping = harness.group_status("harness.Skipping").await;
    assert_eq!((counts(&skipping).0, skipping.dead(), skipping.parked()), (7, 1, 0));
    harness.assert_closes().await;
}

/// Events of alternating priority, committed before the projector begins.
async fn committed_alternately(harness: &Harness, tally: &str, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let priority = if number % 2 == 0 { Priority::BULK } else { Priority::NORMAL };
        let command = Add { tally: tally.into(), number };
        harness.domain.process(command).priority(priority).synchronous().await.unwrap();
    }
}

async fn the_order_of_an_aggregate_holds_across_lanes(on: On) {
    let harness = Harness::new(on);
    committed_alternately(&harness, "mixed", 0..40).await;
    committed_alternately(&harness, "other", 100..130).await;
    harness.drain().await;
    assert_eq!(harness.seen("mixed").await, (0..40).collect::<Vec<_>>());
    assert_eq!(harness.seen("other").await, (100..130).collect::<Vec<_>>());
    assert_eq!(counts(&harness.numbers().await).0, 70, "each is handled once");
    harness.assert_closes().await;
}

async fn later_messages_wait_for_one_that_is_retried(on: On) {
    let harness = Harness::new(on);
    harness.faults.plan(3, Fault::Fail(2));
    committed_alternately(&harness, "slow", 0..10).await;
    harness.serve_until(async || harness.seen("slow").await.len() == 10).await;
    assert_eq!(harness.seen("slow").await, (0..10).collect::<Vec<_>>());
    let numbers = harness.numbers().await;
    assert_eq!((numbers.parked(), numbers.dead()), (0, 0));
    let tries = harness.faults.calls().into_iter().filter(|number| *number == 3).count();
    assert!(tries >= 3, "two failures and a success, not {tries} tries");
    harness.assert_closes().await;
}

async fn later_messages_are_held_behind_a_dead_one(on: On) {
    let harness = Harness::new(on);
    harness.faults.plan(3, Fault::Fail(u32::MAX));
    committed_alternately(&harness, "stuck", 0..10).await;
    harness.drain_but(6).await;
    assert_eq!(harness.seen("stuck").await, [0, 1, 2]);
    let numbers = harness.numbers().await;
    assert_eq!((numbers.dead(), numbers.parked()), (1, 6));
    harness.faults.mend();
    committed_alternately(&harness, "stuck", 10..12).await;
    harness.drain_but(8).await;
    assert_eq!(harness.seen("stuck").await, [0, 1, 2], "what comes later is held as well");
    harness.assert_closes().await;
}

async fn others_flow_past_a_held_aggregate(on: On) {
    let harness = Harness::new(on);
    harness.faults.plan(0, Fault::Reject);
    committed_alternately(&harness, "stuck", 0..5).await;
    committed_alternately(&harness, "fine", 10..20).await;
    harness.drain_but(4).await;
    assert_eq!(harness.seen("fine").await, (10..20).collect::<Vec<_>>());
    assert!(harness.seen("stuck").await.is_empty());
    harness.assert_closes().await;
}

async fn an_outage_burns_no_attempts(on: On) {
    let harness = Harness::new(on);
    harness.faults.plan(1, Fault::Unavailable(3));
    committed_alternately(&harness, "out", 0..3).await;
    harness.serve_until(async || harness.seen("out").await.len() == 3).await;
    assert_eq!(harness.seen("out").await, [0, 1, 2]);
    assert_eq!(harness.numbers().await.dead(), 0, "more outages than tries, and none counted");
}

const TALLIES: usize = 4;

/// An event of one of a few tallies, in one of the lanes. It fails a few times, or
/// until it was given up so often; perhaps the server ends while it is on the way,
/// properly or not.
#[derive(Clone, Debug)]
struct Action {
    tally: usize,
    fails: u32,
    given_up: u32,
    urgent: bool,
    ends: Option<(u64, bool)>,
}

fn any_step() -> impl Strategy<Value = Action> {
    let faults = prop_oneof![3 => Just((0, 0)), 1 => Just((1, 0)), 1 => Just((2, 0)),
        1 => Just((u32::MAX, 1)), 1 => Just((u32::MAX, 2))];
    let ends = proptest::option::weighted(0.2, (0_u64..200, any::<bool>()));
    (0..TALLIES, faults, any::<bool>(), ends).prop_map(
        |(tally, (fails, given_up), urgent, ends)| Action { tally, fails, given_up, urgent, ends },
    )
}

/// The events of each tally, and how often each will be given up.
#[derive(Default)]
struct Model(BTreeMap<usize, Vec<(i64, u32)>>);

impl Model {
    /// Everything before the first event that is given up.
    fn seen(&self, tally: usize) -> Vec<i64> {
        let events = self.0.get(&tally).into_iter().flatten();
        events.take_while(|(_, given_up)| *given_up == 0).map(|(number, _)| *number).collect()
    }

    /// How many are dead and how many wait behind them.
    fn stuck(&self) -> (u64, u64) {
        let lengths = self.0.iter().map(|(tally, events)| events.len() - self.seen(*tally).len());
        let stuck: Vec<u64> = lengths.filter(|left| *left > 0).map(|left| left as u64).collect();
        (stuck.len() as u64, stuck.iter().map(|left| left - 1).sum())
    }

    /// Those that are dead run again; some of them are mended.
    fn replayed(&mut self, harness: &Harness) {
        for events in self.0.values_mut() {
            if let Some((number, given_up)) = events.iter_mut().find(|(_, times)| *times > 0) {
                *given_up -= 1;
                if *given_up == 0 {
                    harness.faults.plan(*number, Fault::Fail(0));
                }
            }
        }
    }
}

/// Serves until everything is where the model has it.
async fn agree(harness: &Harness, model: &Model) {
    let (dead, waiting) = model.stuck();
    let agrees = async || {
        let numbers = harness.numbers().await;
        (numbers.lag(), numbers.dead(), numbers.parked()) == (0, dead, waiting)
    };
    harness.serve_until(agrees).await;
    for tally in 0..TALLIES {
        assert_eq!(harness.seen(&format!("t-{tally}")).await, model.seen(tally), "tally {tally}");
    }
    harness.assert_closes().await;
}

async fn play(steps: Vec<Action>) {
    let calm = "[server.subscriptions.NumbersProjector]\ncircuit_breaker_threshold = 1000000\n";
    let (harness, mut model) =
        (Harness::configured(On::Memory, calm, |builder| builder), Model::default());
    for (step, number) in steps.into_iter().zip(0..) {
        if step.fails > 0 {
            harness.faults.plan(number, Fault::Fail(step.fails));
        }
        let priority = if step.urgent { Priority::NORMAL } else { Priority::BULK };
        let command = Add { tally: format!("t-{}", step.tally).into(), number };
        harness.domain.process(command).priority(priority).synchronous().await.unwrap();
        model.0.entry(step.tally).or_default().push((number, step.given_up));
        if let Some((millis, properly)) = step.ends {
            let lives = tokio::time::sleep(Duration::from_millis(millis));
            let server = protean_engine::Server::new(harness.domain.clone());
            if properly {
                server.run(lives).await.unwrap();
            } else {
                let server = server.run(std::future::pending());
                tokio::select! { _ = server => {}, () = lives => {} }
            }
        }
    }
    agree(&harness, &model).await;
    let groups = harness.domain.groups();
    let group = groups.iter().find(|group| *group.name == *"harness.NumbersProjector").unwrap();
    while model.stuck().0 > 0 {
        let letters = DeadLetters::of(&harness.domain, group).await.unwrap();
        let dead = model.stuck().0;
        model.replayed(&harness);
        assert_eq!(letters.replay_all().await.unwrap(), dead);
        agree(&harness, &model).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn later_messages_wait_for_one_that_failed_and_other_streams_flow(
        steps in vec(any_step(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(play(steps));
    }
}
