//! A handler that fails time after time is left alone for a while.

use protean::message::Priority;

use crate::on_every_stack;
use crate::tallies::{Add, Bench, Fault, On};

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

async fn failing(on: On, config: &str) -> Bench {
    let bench = Bench::configured(on, config, |builder| builder);
    for number in 0..40 {
        bench.faults.plan(number, Fault::Fail(u32::MAX));
    }
    let commands = (0..40).map(|number| Add { tally: format!("t-{number}").into(), number });
    bench.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    bench
}

async fn an_open_breaker_burns_no_attempts_and_loses_nothing(on: On) {
    let bench = failing(on, ONCE).await;
    bench.serve_until(async || bench.faults.calls().len() == 3 && bench.sum().await == 780).await;
    assert_eq!(bench.faults.calls().len(), 3, "it was left alone after three failures");
    let numbers = bench.numbers().await;
    assert_eq!((numbers.parked(), numbers.dead(), numbers.lag()), (3, 0, 37));
    bench.assert_closes().await;
}

async fn a_breaker_of_backfill_leaves_production_alone(on: On) {
    let bench = failing(on, ONCE).await;
    bench.add("production", 1000, Priority::NORMAL).await;
    bench
        .serve_until(async || {
            bench.faults.calls().len() == 4 && bench.seen("production").await == [1000]
        })
        .await;
    bench.add("production", 1001, Priority::NORMAL).await;
    bench.serve_until(async || bench.seen("production").await == [1000, 1001]).await;
    bench.assert_closes().await;
}

async fn a_handler_that_works_again_catches_up(on: On) {
    let bench = failing(on, IMPATIENT).await;
    bench.serve_until(async || bench.faults.calls().len() >= 5).await;
    bench.faults.mend();
    bench.drain().await;
    for number in 0..40 {
        assert_eq!(bench.seen(&format!("t-{number}")).await, [number]);
    }
    assert_eq!(bench.numbers().await.dead(), 0);
    bench.assert_closes().await;
}
