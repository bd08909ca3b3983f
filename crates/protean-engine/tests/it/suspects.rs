//! The process ends abruptly: what was in flight runs again, apart from other messages.

use std::time::Duration;

use protean::message::Priority;

use crate::tallies::{Add, Bench, Fault, Forwarder, On, counts};

const KILLER: i64 = 1;

/// A server whose concurrent handler has the killer and others in flight.
async fn in_flight(others: i64) -> Bench {
    in_flight_with(others, "").await
}

async fn in_flight_with(others: i64, config: &str) -> Bench {
    let faults = crate::tallies::Faults::default();
    let forwarder = Forwarder(faults.clone());
    let mut bench = Bench::configured(On::Sqlite, config, |builder| builder.register(forwarder));
    bench.faults = faults;
    for number in 1..=others {
        // The forwarder asks under the negative number.
        bench.faults.plan(-number, Fault::Sleep(Duration::from_secs(3600)));
        bench.add(&format!("t-{number}"), number, Priority::NORMAL).await;
    }
    bench
}

fn calls(bench: &Bench, number: i64) -> usize {
    bench.faults.calls().iter().filter(|call| **call == -number).count()
}

async fn copied(bench: &Bench, number: i64) -> bool {
    bench.seen(&format!("copy-of-t-{number}")).await == [number + 1000]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_ends_the_process_each_time_is_dead_and_its_neighbours_are_handled() {
    let bench = in_flight(5).await;
    bench.serve_and_die(async || (1..=5).all(|number| calls(&bench, number) == 1)).await;
    bench.faults.mend();
    bench.faults.plan(-KILLER, Fault::Sleep(Duration::from_secs(3600)));
    // The configuration allows two retries, so three tries that count.
    for died in 1..=3 {
        bench.serve_and_die(async || calls(&bench, KILLER) == 1 + died).await;
    }
    let dead = async || bench.group_status("bench.Forwarder").await.dead() == 1;
    bench.serve_until(dead).await;
    assert_eq!(calls(&bench, KILLER), 4, "it is not run once more");
    bench.drain().await;
    for number in 2..=5 {
        assert!(copied(&bench, number).await, "{number} is a neighbour");
    }
    assert!(!copied(&bench, KILLER).await);
    let forwarder = bench.group_status("bench.Forwarder").await;
    assert_eq!((counts(&forwarder), forwarder.dead()), ((8, 0), 1));
    bench.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspects_run_one_at_a_time_and_the_others_beside_them() {
    let bench = in_flight(4).await;
    bench.serve_and_die(async || (1..=4).all(|number| calls(&bench, number) == 1)).await;
    bench.add("fresh", 9, Priority::NORMAL).await;
    let again = async || (1..=4).map(|number| calls(&bench, number) - 1).sum::<usize>();
    bench.serve_and_die(async || again().await > 0 && calls(&bench, 9) == 1).await;
    assert_eq!(again().await, 1, "the first suspect has not returned");
    bench.faults.mend();
    bench.drain().await;
    for number in 1..=4 {
        assert!(copied(&bench, number).await);
    }
    assert_eq!(bench.seen("copy-of-fresh").await, [1009]);
    bench.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_suspects_than_are_looked_for_at_once_all_run_again() {
    let bench =
        in_flight_with(30, "[server.subscriptions.Forwarder]\nmessages_per_tick = 5\n").await;
    bench.serve_and_die(async || (1..=30).all(|number| calls(&bench, number) == 1)).await;
    bench.faults.mend();
    bench.drain().await;
    for number in 1..=30 {
        assert!(copied(&bench, number).await, "{number}");
        assert_eq!(calls(&bench, number), 2, "{number} runs again, and once");
    }
    assert_eq!(counts(&bench.group_status("bench.Forwarder").await), (60, 0));
    bench.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_suspected_after_a_proper_end() {
    let bench = in_flight(0).await;
    for number in 1..=3 {
        bench.add(&format!("t-{number}"), number, Priority::NORMAL).await;
    }
    bench.drain().await;
    let commands = (0..50).map(|number| Add { tally: "more".into(), number: 100 + number });
    bench.domain.process_all(commands).await.unwrap();
    bench.drain().await;
    assert_eq!(counts(&bench.group_status("bench.Forwarder").await).0, 106);
    bench.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_attempt_of_a_suspect_counts_once() {
    let bench = in_flight(1).await;
    bench.serve_and_die(async || calls(&bench, 1) == 1).await;
    bench.faults.mend();
    bench.faults.plan(-1, Fault::Fail(2));
    bench.drain().await;
    assert!(copied(&bench, 1).await, "two failures leave the third try");
    assert_eq!(calls(&bench, 1), 4, "what the abrupt end cut off, two failures, a success");
    bench.assert_closes().await;
}
