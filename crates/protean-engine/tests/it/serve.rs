//! A server drains what is in the log, and every account closes.

use std::time::Duration;

use protean::message::{Lane, Priority};
use protean_engine::Server;

use crate::harness::{Harness, On, SYNCHRONOUS, WAIT_LIMIT, counts, lane_lag};
use crate::on_every_stack;
use crate::tallies::{Add, Fault, Forwarder, Numbers, Tally};

on_every_stack! {
    handles_every_command_and_every_event_once
    many_commands_to_one_aggregate_add_up
    commands_of_handlers_are_handled_once
    production_passes_a_backlog
    a_stop_leaves_the_rest_to_the_next_server
    synchronous_and_queued_commands_mix
    a_synchronous_domain_needs_no_server
    a_reader_sees_what_is_committed_by_then
    a_duplicate_name_is_taken_in_once
    many_commands_are_taken_in_and_the_bad_ones_reported
}

async fn handles_every_command_and_every_event_once(on: On) {
    let harness = Harness::new(on);
    for number in 0..300 {
        let priority = if number % 3 == 0 { Priority::NORMAL } else { Priority::BULK };
        harness.add(&format!("t-{}", number % 40), number, priority).await;
    }
    harness.drain().await;
    assert_eq!(harness.sum().await, (0..300).sum::<i64>());
    let commands = harness.group_status("harness.TallyCommands").await;
    assert_eq!(counts(&commands), (300, 0));
    assert_eq!(commands.committed, 300);
    assert_eq!(harness.numbers().await.settled(), 300);
    harness.assert_closes().await;
}

async fn many_commands_to_one_aggregate_add_up(on: On) {
    let harness = Harness::new(on);
    let commands = (1..=400).map(|number| Add { tally: "one".into(), number });
    harness.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    harness.drain().await;
    let tally =
        harness.domain.repository::<Tally>().await.unwrap().get(&"one".into()).await.unwrap();
    assert_eq!(tally.sum, (1..=400).sum::<i64>());
    assert_eq!(harness.seen("one").await, (1..=400).collect::<Vec<_>>());
    harness.assert_closes().await;
}

async fn commands_of_handlers_are_handled_once(on: On) {
    let harness = Harness::with(on, |builder| builder.register(Forwarder(Default::default())));
    for number in 1..=50 {
        harness.add("source", number, Priority::BULK).await;
    }
    harness.drain().await;
    let copied: Vec<i64> = (1..=50).map(|number| number + 1000).collect();
    assert_eq!(harness.seen("copy-of-source").await, copied);
    let commands = harness.group_status("harness.TallyCommands").await;
    let bulk = commands.lanes.iter().all(|lane| lane.priority == Priority::BULK);
    assert!(bulk, "the priority travels on: {commands:?}");
    harness.assert_closes().await;
}

async fn production_passes_a_backlog(on: On) {
    let harness = Harness::new(on);
    for number in 0..200 {
        harness.faults.plan(number, Fault::Sleep(Duration::from_millis(5)));
        harness.add(&format!("bulk-{number}"), number, Priority::BULK).await;
    }
    let sent = std::cell::Cell::new(None);
    harness
        .serve_until(async || {
            let calls = harness.faults.calls().len();
            if calls >= 20 && sent.get().is_none() {
                harness.add("production", 7777, Priority::NORMAL).await;
                sent.set(Some(harness.faults.calls().len()));
            }
            harness.faults.calls().contains(&7777)
        })
        .await;
    let place = harness.faults.calls().iter().position(|number| *number == 7777);
    let behind = place.unwrap().saturating_sub(sent.get().unwrap());
    // What runs and what begins on the way to the handler, which takes longer on a busy machine.
    assert!(behind < 60, "production waited behind {behind} of a backlog of 180");
    harness.assert_closes().await;
}

async fn a_stop_leaves_the_rest_to_the_next_server(on: On) {
    let harness = Harness::new(on);
    for number in 0..100 {
        harness.faults.plan(number, Fault::Sleep(Duration::from_millis(2)));
        harness.add(&format!("t-{}", number % 7), number, Priority::BULK).await;
    }
    for part in 1..=4 {
        harness.serve_until(async || harness.faults.calls().len() >= part * 20).await;
        harness.assert_closes().await;
    }
    let numbers = harness.numbers().await;
    let on_the_way = lane_lag(&harness.domain, &numbers, Lane::Backfill);
    assert!(on_the_way > 0, "{numbers:?}");
    harness.drain().await;
    assert_eq!(harness.sum().await, (0..100).sum::<i64>());
    // A message that ran before its turn, as its aggregate wanted, may come once more, but does
    // not run again.
    assert_eq!(counts(&harness.numbers().await).0, 100);
    assert_eq!(harness.faults.calls().len(), 100, "a stop repeats nothing");
    harness.assert_closes().await;
}

async fn synchronous_and_queued_commands_mix(on: On) {
    let harness = Harness::new(on);
    let serving = tokio::spawn({
        let (server, domain) = (Server::new(harness.domain.clone()), harness.domain.clone());
        async move {
            let until = async move {
                let sum = async || {
                    let tallies = domain.repository::<Tally>().await.unwrap();
                    let found = tallies.find(&"both".into()).await.unwrap();
                    found.map_or(0, |tally| tally.sum)
                };
                while sum().await < 200 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            server.run(until).await
        }
    });
    for _ in 0..100 {
        harness.add("both", 1, Priority::BULK).await;
        // Against a busy writer the tries that `version_retry` allows may not be enough.
        let send = || harness.domain.process(Add { tally: "both".into(), number: 1 }).synchronous();
        while let Err(error) = send().await {
            assert!(error.is_conflict(), "{error}");
        }
    }
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap().unwrap().unwrap();
    harness.drain().await;
    assert_eq!((harness.sum().await, harness.seen("both").await.len()), (200, 200));
    harness.assert_closes().await;
}

async fn a_reader_sees_what_is_committed_by_then(on: On) {
    let harness = Harness::new(on);
    let rows = harness.domain.repository::<Numbers>().await.unwrap();
    assert!(rows.find(&"t".into()).await.unwrap().is_none());
    for number in [1, 2] {
        harness.add("t", number, Priority::NORMAL).await;
        harness.drain().await;
        let seen = rows.get(&"t".into()).await.unwrap().seen;
        assert_eq!(seen, (1..=number).collect::<Vec<_>>());
    }
}

async fn a_synchronous_domain_needs_no_server(on: On) {
    let harness = Harness::with(on, |builder| {
        builder.register(Forwarder(Default::default())).config(SYNCHRONOUS)
    });
    for number in 1..=20 {
        harness.domain.process(Add { tally: "now".into(), number }).await.unwrap();
    }
    assert_eq!(harness.seen("now").await, (1..=20).collect::<Vec<_>>());
    assert_eq!(harness.seen("copy-of-now").await.len(), 20);
    let numbers = harness.numbers().await;
    assert_eq!((numbers.lag(), counts(&numbers)), (0, (40, 0)));
    harness.assert_closes().await;
}

async fn a_duplicate_name_is_taken_in_once(on: On) {
    let harness = Harness::new(on);
    let add = || Add { tally: "named".into(), number: 5 };
    let send = || harness.domain.process(add()).idempotency_key("first");
    let id = send().asynchronous().await.unwrap();
    assert_eq!(send().asynchronous().await.unwrap(), id);
    let error = send().synchronous().await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    harness.drain().await;
    assert_eq!(harness.sum().await, 5);
    let now = || harness.domain.process(add()).idempotency_key("second").synchronous();
    now().await.unwrap();
    now().await.unwrap();
    harness.drain().await;
    assert_eq!(harness.sum().await, 10);
}

async fn many_commands_are_taken_in_and_the_bad_ones_reported(on: On) {
    use protean::Submission;
    let harness = Harness::new(on);
    let (sender, rejections) = std::sync::mpsc::channel();
    let commands = (0..2500_i64).map(|number| {
        // An empty identity breaks the rules of the field.
        let tally = if number % 100 == 7 { "".into() } else { "bulk".into() };
        let reference = number.unsigned_abs() + 1;
        // The last hundred come again.
        let number = number % 2400;
        let submission = Submission::new(Add { tally, number });
        submission.reference(reference).idempotency_key(format!("key-{number}"))
    });
    let intake = harness.domain.process_all(commands).priority(Priority::BULK);
    let intake = intake.on_rejected(move |rejection| drop(sender.send(rejection))).await.unwrap();
    assert_eq!((intake.accepted, intake.duplicate, intake.rejected), (2376, 99, 25));
    let lines: Vec<u64> = rejections.iter().map(|rejection| rejection.reference).collect();
    assert_eq!(lines, (0..25).map(|hundred| hundred * 100 + 8).collect::<Vec<_>>());
}
