//! The process ends abruptly: what was in flight runs again, apart from other messages.

use std::time::Duration;

use protean::message::Priority;

use crate::harness::{Harness, On, counts};
use crate::tallies::{Add, Fault, Forwarder};

const KILLER: i64 = 1;

/// A server whose concurrent handler has the killer and others in flight.
async fn in_flight(others: i64) -> Harness {
    in_flight_with(others, "").await
}

async fn in_flight_with(others: i64, config: &str) -> Harness {
    let faults = crate::tallies::Faults::default();
    let forwarder = Forwarder(faults.clone());
    let mut harness =
        Harness::configured(On::Sqlite, config, |builder| builder.register(forwarder));
    harness.faults = faults;
    for number in 1..=others {
        // The forwarder asks under the negative number.
        harness.faults.plan(-number, Fault::Sleep(Duration::from_secs(3600)));
        harness.add(&format!("t-{number}"), number, Priority::NORMAL).await;
    }
    harness
}

fn calls(harness: &Harness, number: i64) -> usize {
    harness.faults.calls().iter().filter(|call| **call == -number).count()
}

async fn copied(harness: &Harness, number: i64) -> bool {
    harness.seen(&format!("copy-of-t-{number}")).await == [number + 1000]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_ends_the_process_each_time_is_dead_and_its_neighbours_are_handled() {
    let harness = in_flight(5).await;
    harness.serve_and_die(async || (1..=5).all(|number| calls(&harness, number) == 1)).await;
    harness.faults.mend();
    harness.faults.plan(-KILLER, Fault::Sleep(Duration::from_secs(3600)));
    // The configuration allows two retries, so three tries that count.
    for died in 1..=3 {
        harness.serve_and_die(async || calls(&harness, KILLER) == 1 + died).await;
    }
    let dead = async || harness.group_status("harness.Forwarder").await.dead() == 1;
    harness.serve_until(dead).await;
    assert_eq!(calls(&harness, KILLER), 4, "it is not run once more");
    harness.drain().await;
    for number in 2..=5 {
        assert!(copied(&harness, number).await, "{number} is a neighbour");
    }
    assert!(!copied(&harness, KILLER).await);
    let forwarder = harness.group_status("harness.Forwarder").await;
    assert_eq!((counts(&forwarder), forwarder.dead()), ((8, 0), 1));
    harness.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspects_run_one_at_a_time_and_the_others_beside_them() {
    let harness = in_flight(4).await;
    harness.serve_and_die(async || (1..=4).all(|number| calls(&harness, number) == 1)).await;
    harness.add("fresh", 9, Priority::NORMAL).await;
    let again = async || (1..=4).map(|number| calls(&harness, number) - 1).sum::<usize>();
    harness.serve_and_die(async || again().await > 0 && calls(&harness, 9) == 1).await;
    assert_eq!(again().await, 1, "the first suspect has not returned");
    harness.faults.mend();
    harness.drain().await;
    for number in 1..=4 {
        assert!(copied(&harness, number).await);
    }
    assert_eq!(harness.seen("copy-of-fresh").await, [1009]);
    harness.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_suspects_than_are_looked_for_at_once_all_run_again() {
    let harness =
        in_flight_with(30, "[server.subscriptions.Forwarder]\nmessages_per_tick = 5\n").await;
    harness.serve_and_die(async || (1..=30).all(|number| calls(&harness, number) == 1)).await;
    harness.faults.mend();
    harness.drain().await;
    for number in 1..=30 {
        assert!(copied(&harness, number).await, "{number}");
        assert_eq!(calls(&harness, number), 2, "{number} runs again, and once");
    }
    assert_eq!(counts(&harness.group_status("harness.Forwarder").await), (60, 0));
    harness.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_suspected_after_a_proper_end() {
    let harness = in_flight(0).await;
    for number in 1..=3 {
        harness.add(&format!("t-{number}"), number, Priority::NORMAL).await;
    }
    harness.drain().await;
    let commands = (0..50).map(|number| Add { tally: "more".into(), number: 100 + number });
    harness.domain.process_all(commands).await.unwrap();
    harness.drain().await;
    assert_eq!(counts(&harness.group_status("harness.Forwarder").await).0, 106);
    harness.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_attempt_of_a_suspect_counts_once() {
    let harness = in_flight(1).await;
    harness.serve_and_die(async || calls(&harness, 1) == 1).await;
    harness.faults.mend();
    harness.faults.plan(-1, Fault::Fail(2));
    harness.drain().await;
    assert!(copied(&harness, 1).await, "two failures leave the third try");
    assert_eq!(calls(&harness, 1), 4, "what the abrupt end cut off, two failures, a success");
    harness.assert_closes().await;
}
