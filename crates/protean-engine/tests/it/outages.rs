//! What may become of a broker while several servers share the work: parts of it are
//! removed, it goes back in time, is full, takes no dead letters, is not heard of.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protean::message::Priority;
use protean::port::Counter;
use protean_test_servers::RedisServer;

use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::shared::{fill, is_exact, lengths};
use crate::tallies::Fault;
use crate::way::Way;
use crate::with_a_broker;

pub(crate) const EVENTS: &str = "harness::tally";
const COMMANDS: &str = "harness::tally:command";
pub(crate) const NUMBERS: &str = "harness.NumbersProjector";

/// Each number takes its time.
pub(crate) fn slow<const N: usize>(benches: [&Harness; N], numbers: i64, each: Duration) {
    for harness in benches {
        (0..numbers).for_each(|number| harness.faults.plan(number, Fault::Sleep(each)));
    }
}

pub(crate) async fn handled(harness: &Harness) -> u64 {
    harness.numbers().await.count(Counter::Handled)
}

async fn until(done: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < WAIT_LIMIT, "not in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Each number to a tally of its own: no later event brings an earlier one along.
pub(crate) async fn spread(harness: &Harness, numbers: std::ops::Range<i64>, priority: Priority) {
    for number in numbers {
        harness.add(&format!("t-{number}"), number, priority).await;
    }
}

/// Everything was handled, and once.
pub(crate) async fn is_whole(harness: &Harness, count: i64) {
    assert_eq!(harness.sum().await, (0..count).sum::<i64>());
    let numbers = harness.numbers().await;
    assert_eq!(numbers.count(Counter::Handled), count.cast_unsigned());
    assert_eq!((numbers.lag(), numbers.parked(), numbers.dead()), (0, 0, 0));
    harness.assert_closes().await;
}

async fn what_lay_in_a_stream_or_a_group_that_was_deleted_is_handled(on: On) {
    for order in [&["DEL", EVENTS][..], &["XGROUP", "DESTROY", EVENTS, NUMBERS]] {
        let harness = Harness::new(on);
        let second = harness.sibling();
        slow([&harness, &second], 400, Duration::from_millis(10));
        spread(&harness, 0..400, Priority::NORMAL).await;
        let deleting = async {
            until(async || handled(&harness).await >= 20).await;
            harness.redis().command(order);
        };
        let all = async || handled(&harness).await == 400;
        tokio::join!(harness.serve_until(all), second.serve_until(all), deleting);
        harness.drain().await;
        is_whole(&harness, 400).await;
        harness.serve_until(async || lengths(&harness) == 0).await;
    }
}

async fn a_deleted_stream_is_made_again_while_there_is_always_something_to_publish(on: On) {
    let harness = Harness::new(on);
    let number = AtomicI64::new(0);
    let busy = async {
        loop {
            let next = number.fetch_add(1, Ordering::SeqCst);
            spread(&harness, next..next + 1, Priority::NORMAL).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let deleted = AtomicU64::new(u64::MAX);
    let more = async || {
        let handled = handled(&harness).await;
        if handled >= 20 && deleted.load(Ordering::SeqCst) == u64::MAX {
            harness.redis().command(&["DEL", EVENTS, COMMANDS]);
            deleted.store(handled, Ordering::SeqCst);
        }
        handled > deleted.load(Ordering::SeqCst).saturating_add(100)
    };
    tokio::select! {
        () = harness.serve_until(more) => {}
        () = busy => {}
    }
    harness.drain().await;
    is_whole(&harness, number.into_inner()).await;
}

/// A replica that has fallen behind is promoted: it has entries that were settled, and
/// has not what came later.
async fn a_failover_to_a_replica_that_lags_costs_nothing(on: On) {
    let primary = RedisServer::start("");
    let replica = RedisServer::start("");
    let way = Way::to(primary.port()).await;
    let on_the_way = |config: String| {
        let uri = |line: &str| {
            line.starts_with("URI").then(|| format!("URI = 'redis://127.0.0.1:{}/0'", way.port))
        };
        config.lines().map(|line| uri(line).unwrap_or(line.into()) + "\n").collect()
    };
    let harness = Harness::rewritten(on, on_the_way, |builder| builder);
    let second = harness.sibling();
    slow([&harness, &second], 300, Duration::from_millis(2));
    replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    until(async || replica.command(&["INFO", "replication"]).contains("master_link_status:up"))
        .await;
    fill(&harness, 200).await;
    let failing = async {
        until(async || handled(&harness).await >= 50).await;
        replica.command(&["REPLICAOF", "NO", "ONE"]);
        for number in 200..300 {
            harness.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
        }
        until(async || handled(&harness).await >= 120).await;
        primary.kill();
        way.lead_to(replica.port());
    };
    let all = async || handled(&harness).await == 300;
    tokio::join!(harness.drain(), second.serve_until(all), failing);
    is_whole(&harness, 300).await;
    let length = |stream: &str| replica.command(&["XLEN", stream]);
    let drained = async || {
        [EVENTS, COMMANDS]
            .iter()
            .all(|stream| length(stream) == "0" && length(&format!("{stream}:backfill")) == "0")
    };
    harness.serve_until(drained).await;
}

async fn a_full_broker_is_drained_and_the_relay_goes_on_by_itself(on: On) {
    let harness = Harness::new(on);
    let redis = harness.redis();
    fill(&harness, 60).await;
    let filling = async {
        until(async || handled(&harness).await >= 5).await;
        redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
        for number in 60..200 {
            harness.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
        }
        // Whatever it held is handled all the same.
        until(async || lengths(&harness) == 0).await;
        let waits = harness.group_status("harness.TallyCommands").await.lag();
        assert!(waits >= 140, "{waits} wait in the database");
        redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    };
    let all = async || handled(&harness).await == 200;
    tokio::join!(harness.serve_until(all), filling);
    harness.drain().await;
    is_exact(&harness, 200).await;
    harness.serve_until(async || lengths(&harness) == 0).await;
}

async fn a_letter_that_nobody_takes_waits_and_holds_up_nothing(on: On) {
    let harness = Harness::new(on);
    let redis = harness.redis();
    let dead = format!("{EVENTS}:dlq");
    harness.faults.plan(8, Fault::Reject);
    fill(&harness, 4).await;
    harness.drain().await;
    let mut allowed = vec!["ACL", "SETUSER", "default", "resetkeys", "~protean:mark:*"];
    let streams =
        [EVENTS, COMMANDS].map(|stream| [format!("~{stream}"), format!("~{stream}:backfill")]);
    allowed.extend(streams.iter().flatten().map(String::as_str));
    let playing = async {
        redis.command(&allowed);
        redis.command(&["XADD", EVENTS, "*", "data", "garbage"]);
        for number in 4..80 {
            harness.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
        }
        // 28, 48 and 68 wait behind 8.
        until(async || handled(&harness).await == 76).await;
        until(async || redis.command(&["XLEN", EVENTS]) == "1").await;
        redis.command(&["ACL", "SETUSER", "default", "allkeys"]);
        assert_eq!(redis.command(&["XLEN", &dead]), "0");
    };
    // One of each group for the entry, and one for the event.
    let there = async || redis.command(&["XLEN", &dead]) == "3" && lengths(&harness) == 0;
    let played = AtomicBool::new(false);
    let playing = async {
        playing.await;
        played.store(true, Ordering::SeqCst);
    };
    let both = async || played.load(Ordering::SeqCst) && there().await;
    tokio::join!(harness.serve_until(both), playing);
    let letters = redis.command(&["XRANGE", &dead, "-", "+"]);
    assert_eq!(letters.matches("the entry is not JSON").count(), 2, "{letters}");
    let numbers = harness.numbers().await;
    assert_eq!((numbers.dead(), numbers.parked(), numbers.lag()), (1, 3, 0));
    harness.assert_closes().await;
}

async fn connections_that_go_silent_amid_the_work_are_noticed(on: On) {
    let redis = RedisServer::start("");
    let way = Way::to(redis.port()).await;
    let on_the_way = |config: String| {
        let location = format!(
            "URI = 'redis://127.0.0.1:{}/0'\nsocket_timeout = 0.5\nsocket_connect_timeout = 0.5",
            way.port
        );
        let uri = |line: &str| line.starts_with("URI").then(|| location.clone());
        config.lines().map(|line| uri(line).unwrap_or(line.into()) + "\n").collect()
    };
    let harness = Harness::rewritten(on, on_the_way, |builder| builder);
    let second = harness.sibling();
    slow([&harness, &second], 200, Duration::from_millis(2));
    fill(&harness, 200).await;
    let cutting = async {
        for part in [20, 100] {
            until(async || handled(&harness).await >= part).await;
            way.lead_nowhere();
            tokio::time::sleep(Duration::from_millis(300)).await;
            way.lead_to(redis.port());
        }
        until(async || handled(&harness).await >= 150).await;
        way.lead_nowhere();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        way.lead_to(redis.port());
    };
    let all = async || handled(&harness).await == 200;
    tokio::join!(harness.drain(), second.serve_until(all), cutting);
    is_exact(&harness, 200).await;
}

/// Bulk work lies in Redis when its lane gets another name, and then when there is none.
async fn a_lane_that_is_called_otherwise_is_drained(on: On) {
    let harness = Harness::new(on);
    let settings = [
        ("backfill", "enabled = true\n"),
        ("bulk", "enabled = true\nbackfill_suffix = \"bulk\"\n"),
        ("backfill", "enabled = true\n"),
        ("none", "enabled = false\n"),
    ];
    let with = |lanes: &str| harness.sibling_with(|base| base.replace("enabled = true\n", lanes));
    for (round, pair) in (0..).zip(settings.windows(2)) {
        let (before, after) = (with(pair[0].1), with(pair[1].1));
        let numbers = round * 40..(round + 1) * 40;
        numbers
            .clone()
            .for_each(|number| before.faults.plan(number, Fault::Sleep(Duration::from_secs(60))));
        spread(&before, numbers.clone(), Priority::BULK).await;
        let stream = format!("{EVENTS}:{}", pair[0].0);
        let lies = async || harness.redis().command(&["XLEN", &stream]) == "40";
        before.serve_and_die(lies).await;
        after.drain().await;
        is_whole(&after, numbers.end).await;
        let gone = async || harness.redis().command(&["EXISTS", &stream]) == "0";
        after.serve_until(gone).await;
    }
}

/// Copies of what is handled, and of what waits to be tried again in an hour.
async fn copies_that_somebody_adds_have_no_effect(on: On) {
    let in_an_hour =
        |base: String| base.replace("retry_delay_seconds = 0.02\n", "retry_delay_seconds = 3600\n");
    let harness = Harness::rewritten(on, in_an_hour, |builder| builder);
    let redis = harness.redis();
    redis.command(&["XGROUP", "CREATE", EVENTS, "copier", "0", "MKSTREAM"]);
    harness.faults.plan(7, Fault::Fail(1));
    spread(&harness, 0..10, Priority::NORMAL).await;
    harness.drain_but(1).await;
    let entries = redis.command(&["XRANGE", EVENTS, "-", "+"]);
    let entries: Vec<&str> = entries.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(entries.len(), 10);
    redis.command(&["XGROUP", "DESTROY", EVENTS, "copier"]);
    for copy in [&entries[..], &entries[..], &entries[..]].concat() {
        redis.command(&["XADD", EVENTS, "*", "data", copy]);
    }
    harness.serve_until(async || lengths(&harness) == 0).await;
    let mut calls = harness.faults.calls();
    calls.sort_unstable();
    assert_eq!(calls, (0..10).collect::<Vec<_>>());
    assert_eq!(harness.numbers().await.parked(), 1);
    harness.assert_closes().await;
}

/// What waits in memory for longer than the lease, and what is handled for as long, is held.
async fn what_outlasts_the_lease_in_one_server_runs_in_no_other(on: On) {
    let harness = Harness::new(on);
    let second = harness.sibling();
    slow([&harness, &second], 40, Duration::from_millis(250));
    let sending = async {
        for number in 0..40 {
            spread(&harness, number..number + 1, Priority::NORMAL).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let all = async || handled(&harness).await == 40;
    tokio::join!(harness.serve_until(all), second.serve_until(all), sending);
    let mut calls = [harness.faults.calls(), second.faults.calls()].concat();
    calls.sort_unstable();
    assert_eq!(calls, (0..40).collect::<Vec<_>>());
}

/// Every other one dies with what it has read; no message is given up for being there.
async fn many_servers_one_after_the_other_leave_few_consumers(on: On) {
    let patient = |base: String| base.replace("max_retries = 2\n", "max_retries = 100\n");
    let harness = Harness::rewritten(on, patient, |builder| builder);
    let mut number = 0;
    for round in 0..12 {
        let server = harness.sibling();
        for _ in 0..3 {
            harness.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
            number += 1;
        }
        let before = handled(&harness).await;
        let some = async || handled(&harness).await > before;
        match round % 2 {
            0 => server.serve_and_die(some).await,
            _ => server.serve_until(some).await,
        }
    }
    harness.drain().await;
    let consumers = |stream: &str, group: &str| {
        let text = harness.redis().command(&["XINFO", "CONSUMERS", stream, group]);
        text.lines().filter(|line| *line == "name").count()
    };
    let few = async || {
        consumers(EVENTS, NUMBERS) <= 2 && consumers(COMMANDS, "harness.TallyCommands") <= 2
    };
    harness.serve_until(few).await;
    assert_eq!(harness.sum().await, (0..number).sum::<i64>());
    harness.assert_closes().await;
}

with_a_broker! {
    what_lay_in_a_stream_or_a_group_that_was_deleted_is_handled
    a_deleted_stream_is_made_again_while_there_is_always_something_to_publish
    a_failover_to_a_replica_that_lags_costs_nothing
    a_full_broker_is_drained_and_the_relay_goes_on_by_itself
    a_letter_that_nobody_takes_waits_and_holds_up_nothing
    connections_that_go_silent_amid_the_work_are_noticed
    a_lane_that_is_called_otherwise_is_drained
    copies_that_somebody_adds_have_no_effect
    what_outlasts_the_lease_in_one_server_runs_in_no_other
    many_servers_one_after_the_other_leave_few_consumers
}
