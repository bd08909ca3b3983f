//! Messages of one aggregate, across lanes and retries.

use protean::message::Priority;

use crate::on_both_stores;
use crate::tallies::{Bench, Fault, On, Skipping, counts};

on_both_stores! {
    the_order_of_an_aggregate_holds_across_lanes
    later_messages_wait_for_one_that_is_retried
    later_messages_are_held_behind_a_dead_one
    others_flow_past_a_held_aggregate
    an_outage_burns_no_attempts
    later_messages_flow_past_a_skipped_one
}

async fn later_messages_flow_past_a_skipped_one(on: On) {
    let bench = Bench::with(on, |builder| builder.register(Skipping));
    bench.faults.plan(0, Fault::Reject);
    committed_alternately(&bench, "skipped", 0..8).await;
    bench.drain_but(7).await;
    let skipping = bench.standing("bench.Skipping").await;
    assert_eq!((counts(&skipping).0, skipping.dead(), skipping.parked()), (7, 1, 0));
    bench.assert_closes().await;
}

/// Events of alternating priority, committed before the projector begins.
async fn committed_alternately(bench: &Bench, tally: &str, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let priority = if number % 2 == 0 { Priority::BULK } else { Priority::NORMAL };
        let command = crate::tallies::Add { tally: tally.into(), number };
        bench.domain.process(command).priority(priority).synchronous().await.unwrap();
    }
}

async fn the_order_of_an_aggregate_holds_across_lanes(on: On) {
    let bench = Bench::new(on);
    committed_alternately(&bench, "mixed", 0..40).await;
    committed_alternately(&bench, "other", 100..130).await;
    bench.drain().await;
    assert_eq!(bench.seen("mixed").await, (0..40).collect::<Vec<_>>());
    assert_eq!(bench.seen("other").await, (100..130).collect::<Vec<_>>());
    assert_eq!(counts(&bench.numbers().await).0, 70, "each is handled once");
    bench.assert_closes().await;
}

async fn later_messages_wait_for_one_that_is_retried(on: On) {
    let bench = Bench::new(on);
    bench.faults.plan(3, Fault::Fail(2));
    committed_alternately(&bench, "slow", 0..10).await;
    bench.serve_until(async || bench.seen("slow").await.len() == 10).await;
    assert_eq!(bench.seen("slow").await, (0..10).collect::<Vec<_>>());
    let numbers = bench.numbers().await;
    assert_eq!((numbers.parked(), numbers.dead()), (0, 0));
    let tries = bench.faults.calls().into_iter().filter(|number| *number == 3).count();
    assert!(tries >= 3, "two failures and a success, not {tries} tries");
    bench.assert_closes().await;
}

async fn later_messages_are_held_behind_a_dead_one(on: On) {
    let bench = Bench::new(on);
    bench.faults.plan(3, Fault::Fail(u32::MAX));
    committed_alternately(&bench, "stuck", 0..10).await;
    bench.drain_but(6).await;
    assert_eq!(bench.seen("stuck").await, [0, 1, 2]);
    let numbers = bench.numbers().await;
    assert_eq!((numbers.dead(), numbers.parked()), (1, 6));
    bench.faults.mend();
    committed_alternately(&bench, "stuck", 10..12).await;
    bench.drain_but(8).await;
    assert_eq!(bench.seen("stuck").await, [0, 1, 2], "what comes later is held as well");
    bench.assert_closes().await;
}

async fn others_flow_past_a_held_aggregate(on: On) {
    let bench = Bench::new(on);
    bench.faults.plan(0, Fault::Reject);
    committed_alternately(&bench, "stuck", 0..5).await;
    committed_alternately(&bench, "fine", 10..20).await;
    bench.drain_but(4).await;
    assert_eq!(bench.seen("fine").await, (10..20).collect::<Vec<_>>());
    assert!(bench.seen("stuck").await.is_empty());
    bench.assert_closes().await;
}

async fn an_outage_burns_no_attempts(on: On) {
    let bench = Bench::new(on);
    bench.faults.plan(1, Fault::Unavailable(3));
    committed_alternately(&bench, "out", 0..3).await;
    bench.serve_until(async || bench.seen("out").await.len() == 3).await;
    assert_eq!(bench.seen("out").await, [0, 1, 2]);
    assert_eq!(bench.numbers().await.dead(), 0, "more outages than tries, and none counted");
}
