//! A handler that fails time after time is left alone for a while.

use protean::message::Priority;

use crate::harness::{Harness, On};
use crate::on_every_stack;
use crate::tallies::{Add, Fault};

on_every_stack! {
    an_open_breaker_burns_no_attempts_and_loses_nothing
    a_breaker_of_backfill_leaves_production_alone
    a_handler_that_works_again_catches_up
}

const IMPATIENT: &str = "[server.subscriptions.NumbersProjector]
circuit_breaker_threshold = 3
circuit_breaker_reset_seconds = 0.1
max_retries = 50
";

const ONCE: &str = "[server.subscriptions.NumbersProjector]
circuit_breaker_threshold = 3
circuit_breaker_reset_seconds = 3600
retry_delay_seconds = 3600
";

async fn failing(on: On, config: &str) -> Harness {
    let harness = Harness::configured(on, config, |builder| builder);
    for number in 0..40 {
        harness.faults.plan(number, Fault::Fail(u32::MAX));
    }
    let commands = (0..40).map(|number| Add { tally: format!("t-{number}").into(), number });
    harness.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    harness
}

async fn an_open_breaker_burns_no_attempts_and_loses_nothing(on: On) {
    let harness = failing(on, ONCE).await;
    harness
        .serve_until(async || harness.faults.calls().len() == 3 && harness.sum().await == 780)
        .await;
    assert_eq!(harness.faults.calls().len(), 3, "it was left alone after three failures");
    let numbers = harness.numbers().await;
    assert_eq!((numbers.parked(), numbers.dead(), numbers.lag()), (3, 0, 37));
    harness.assert_closes().await;
}

async fn a_breaker_of_backfill_leaves_production_alone(on: On) {
    let harness = failing(on, ONCE).await;
    harness.add("production", 1000, Priority::NORMAL).await;
    harness
        .serve_until(async || {
            harness.faults.calls().len() == 4 && harness.seen("production").await == [1000]
        })
        .await;
    harness.add("production", 1001, Priority::NORMAL).await;
    harness.serve_until(async || harness.seen("production").await == [1000, 1001]).await;
    harness.assert_closes().await;
}

async fn a_handler_that_works_again_catches_up(on: On) {
    let harness = failing(on, IMPATIENT).await;
    harness.serve_until(async || harness.faults.calls().len() >= 5).await;
    harness.faults.mend();
    harness.drain().await;
    for number in 0..40 {
        assert_eq!(harness.seen(&format!("t-{number}")).await, [number]);
    }
    assert_eq!(harness.numbers().await.dead(), 0);
    harness.assert_closes().await;
}
