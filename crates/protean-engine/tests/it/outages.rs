//! What may become of a broker while several servers share the work: parts of it are
//! removed, it goes back in time, is full, takes no dead letters, is not heard of.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use protean::message::Priority;
use protean::port::Counter;
use protean_test_servers::RedisServer;

use crate::shared::{fill, is_exact, lengths};
use crate::tallies::{Bench, Fault, On};
use crate::way::Way;
use crate::with_a_broker;

const EVENTS: &str = "bench::tally";
const COMMANDS: &str = "bench::tally:command";
const NUMBERS: &str = "bench.NumbersProjector";

/// Each number takes its time.
fn slow(benches: [&Bench; 2], numbers: i64, each: Duration) {
    for bench in benches {
        (0..numbers).for_each(|number| bench.faults.plan(number, Fault::Sleep(each)));
    }
}

async fn handled(bench: &Bench) -> u64 {
    bench.numbers().await.count(Counter::Handled)
}

async fn until(done: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < Duration::from_secs(20), "not in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Each number to a tally of its own: no later event brings an earlier one along.
async fn spread(bench: &Bench, numbers: std::ops::Range<i64>, priority: Priority) {
    for number in numbers {
        bench.add(&format!("t-{number}"), number, priority).await;
    }
}

/// Everything was handled, and once.
async fn is_whole(bench: &Bench, count: i64) {
    assert_eq!(bench.sum().await, (0..count).sum::<i64>());
    let numbers = bench.numbers().await;
    assert_eq!(numbers.count(Counter::Handled), count.cast_unsigned());
    assert_eq!((numbers.lag(), numbers.parked(), numbers.dead()), (0, 0, 0));
    bench.assert_closes().await;
}

async fn what_lay_in_a_stream_or_a_group_that_was_deleted_is_handled(on: On) {
    for order in [&["DEL", EVENTS][..], &["XGROUP", "DESTROY", EVENTS, NUMBERS]] {
        let bench = Bench::new(on);
        let second = bench.sibling();
        slow([&bench, &second], 400, Duration::from_millis(10));
        spread(&bench, 0..400, Priority::NORMAL).await;
        let deleting = async {
            until(async || handled(&bench).await >= 20).await;
            bench.redis().command(order);
        };
        let all = async || handled(&bench).await == 400;
        tokio::join!(bench.serve_until(all), second.serve_until(all), deleting);
        bench.drain().await;
        is_whole(&bench, 400).await;
        bench.serve_until(async || lengths(&bench) == 0).await;
    }
}

async fn a_deleted_stream_is_made_again_while_there_is_always_something_to_publish(on: On) {
    let bench = Bench::new(on);
    let number = AtomicI64::new(0);
    let busy = async {
        loop {
            let next = number.fetch_add(1, Ordering::SeqCst);
            spread(&bench, next..next + 1, Priority::NORMAL).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let deleted = AtomicU64::new(u64::MAX);
    let more = async || {
        let handled = handled(&bench).await;
        if handled >= 20 && deleted.load(Ordering::SeqCst) == u64::MAX {
            bench.redis().command(&["DEL", EVENTS, COMMANDS]);
            deleted.store(handled, Ordering::SeqCst);
        }
        handled > deleted.load(Ordering::SeqCst).saturating_add(100)
    };
    tokio::select! {
        () = bench.serve_until(more) => {}
        () = busy => {}
    }
    bench.drain().await;
    is_whole(&bench, number.into_inner()).await;
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
    let bench = Bench::rewritten(on, on_the_way, |builder| builder);
    let second = bench.sibling();
    slow([&bench, &second], 300, Duration::from_millis(2));
    replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    until(async || replica.command(&["INFO", "replication"]).contains("master_link_status:up"))
        .await;
    fill(&bench, 200).await;
    let failing = async {
        until(async || handled(&bench).await >= 50).await;
        replica.command(&["REPLICAOF", "NO", "ONE"]);
        for number in 200..300 {
            bench.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
        }
        until(async || handled(&bench).await >= 120).await;
        primary.kill();
        way.lead_to(replica.port());
    };
    let all = async || handled(&bench).await == 300;
    tokio::join!(bench.drain(), second.serve_until(all), failing);
    is_whole(&bench, 300).await;
    let length = |stream: &str| replica.command(&["XLEN", stream]);
    let drained = async || {
        [EVENTS, COMMANDS]
            .iter()
            .all(|stream| length(stream) == "0" && length(&format!("{stream}:backfill")) == "0")
    };
    bench.serve_until(drained).await;
}

async fn a_full_broker_is_drained_and_the_relay_goes_on_by_itself(on: On) {
    let bench = Bench::new(on);
    let redis = bench.redis();
    fill(&bench, 60).await;
    let filling = async {
        until(async || handled(&bench).await >= 5).await;
        redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
        for number in 60..200 {
            bench.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
        }
        // Whatever it held is handled all the same.
        until(async || lengths(&bench) == 0).await;
        let waits = bench.group_status("bench.TallyCommands").await.lag();
        assert!(waits >= 140, "{waits} wait in the database");
        redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    };
    let all = async || handled(&bench).await == 200;
    tokio::join!(bench.serve_until(all), filling);
    bench.drain().await;
    is_exact(&bench, 200).await;
    bench.serve_until(async || lengths(&bench) == 0).await;
}

async fn a_letter_that_nobody_takes_waits_and_holds_up_nothing(on: On) {
    let bench = Bench::new(on);
    let redis = bench.redis();
    let dead = format!("{EVENTS}:dlq");
    bench.faults.plan(8, Fault::Reject);
    fill(&bench, 4).await;
    bench.drain().await;
    let mut allowed = vec!["ACL", "SETUSER", "default", "resetkeys", "~protean:mark:*"];
    let streams =
        [EVENTS, COMMANDS].map(|stream| [format!("~{stream}"), format!("~{stream}:backfill")]);
    allowed.extend(streams.iter().flatten().map(String::as_str));
    let playing = async {
        redis.command(&allowed);
        redis.command(&["XADD", EVENTS, "*", "data", "garbage"]);
        for number in 4..80 {
            bench.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
        }
        // 28, 48 and 68 wait behind 8.
        until(async || handled(&bench).await == 76).await;
        until(async || redis.command(&["XLEN", EVENTS]) == "1").await;
        redis.command(&["ACL", "SETUSER", "default", "allkeys"]);
        assert_eq!(redis.command(&["XLEN", &dead]), "0");
    };
    // One of each group for the entry, and one for the event.
    let there = async || redis.command(&["XLEN", &dead]) == "3" && lengths(&bench) == 0;
    let played = AtomicBool::new(false);
    let playing = async {
        playing.await;
        played.store(true, Ordering::SeqCst);
    };
    let both = async || played.load(Ordering::SeqCst) && there().await;
    tokio::join!(bench.serve_until(both), playing);
    let letters = redis.command(&["XRANGE", &dead, "-", "+"]);
    assert_eq!(letters.matches("the entry is not JSON").count(), 2, "{letters}");
    let numbers = bench.numbers().await;
    assert_eq!((numbers.dead(), numbers.parked(), numbers.lag()), (1, 3, 0));
    bench.assert_closes().await;
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
    let bench = Bench::rewritten(on, on_the_way, |builder| builder);
    let second = bench.sibling();
    slow([&bench, &second], 200, Duration::from_millis(2));
    fill(&bench, 200).await;
    let cutting = async {
        for part in [20, 100] {
            until(async || handled(&bench).await >= part).await;
            way.lead_nowhere();
            tokio::time::sleep(Duration::from_millis(300)).await;
            way.lead_to(redis.port());
        }
        until(async || handled(&bench).await >= 150).await;
        way.lead_nowhere();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        way.lead_to(redis.port());
    };
    let all = async || handled(&bench).await == 200;
    tokio::join!(bench.drain(), second.serve_until(all), cutting);
    is_exact(&bench, 200).await;
}

/// Bulk work lies in Redis when its lane gets another name, and then when there is none.
async fn a_lane_that_is_called_otherwise_is_drained(on: On) {
    let bench = Bench::new(on);
    let settings = [
        ("backfill", "enabled = true\n"),
        ("bulk", "enabled = true\nbackfill_suffix = \"bulk\"\n"),
        ("backfill", "enabled = true\n"),
        ("none", "enabled = false\n"),
    ];
    let with = |lanes: &str| bench.sibling_with(|base| base.replace("enabled = true\n", lanes));
    for (round, pair) in (0..).zip(settings.windows(2)) {
        let (before, after) = (with(pair[0].1), with(pair[1].1));
        let numbers = round * 40..(round + 1) * 40;
        numbers
            .clone()
            .for_each(|number| before.faults.plan(number, Fault::Sleep(Duration::from_secs(60))));
        spread(&before, numbers.clone(), Priority::BULK).await;
        let stream = format!("{EVENTS}:{}", pair[0].0);
        let lies = async || bench.redis().command(&["XLEN", &stream]) == "40";
        before.serve_and_die(lies).await;
        after.drain().await;
        is_whole(&after, numbers.end).await;
        let gone = async || bench.redis().command(&["EXISTS", &stream]) == "0";
        after.serve_until(gone).await;
    }
}

/// What a server has read ahead it gives back when it stops, with no attempt burnt: the
/// lease of an hour does not have to end.
async fn what_a_stopping_server_has_read_ahead_is_at_once_for_others(on: On) {
    let an_hour = |config: String| config.replace("lease_seconds = 2\n", "lease_seconds = 3600\n");
    let bench = Bench::rewritten(on, an_hour, |builder| builder);
    let second = bench.sibling();
    slow([&bench, &second], 100, Duration::from_millis(20));
    spread(&bench, 0..100, Priority::NORMAL).await;
    bench.serve_until(async || bench.faults.calls().len() >= 5).await;
    let stopped = Instant::now();
    let before = handled(&bench).await;
    assert!(before < 100, "some of it is left");
    second.drain().await;
    assert!(stopped.elapsed() < Duration::from_secs(15), "{:?}", stopped.elapsed());
    let mut calls = [bench.faults.calls(), second.faults.calls()].concat();
    calls.sort_unstable();
    assert_eq!(calls, (0..100).collect::<Vec<_>>(), "each is tried once");
    bench.assert_closes().await;
}

/// The same for what its last reads bring while it stops.
async fn what_comes_while_a_server_stops_is_at_once_for_others(on: On) {
    let an_hour = |config: String| config.replace("lease_seconds = 2\n", "lease_seconds = 3600\n");
    let bench = Bench::rewritten(on, an_hour, |builder| builder);
    let (sent, stopped) = (AtomicI64::new(0), AtomicBool::new(false));
    let sending = async {
        while !stopped.load(Ordering::SeqCst) {
            let next = sent.fetch_add(1, Ordering::SeqCst);
            spread(&bench, next..next + 1, Priority::NORMAL).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let stopping = async {
        for _ in 0..12 {
            let server = bench.sibling();
            server.serve_until(async || !server.faults.calls().is_empty()).await;
        }
        stopped.store(true, Ordering::SeqCst);
    };
    let all = async || {
        let handled = handled(&bench).await.cast_signed();
        stopped.load(Ordering::SeqCst) && handled == sent.load(Ordering::SeqCst)
    };
    tokio::join!(bench.serve_until(all), stopping, sending);
    bench.drain().await;
    is_whole(&bench, sent.into_inner()).await;
}

/// Copies of what is handled, and of what waits to be tried again in an hour.
async fn copies_that_somebody_adds_have_no_effect(on: On) {
    let in_an_hour =
        |base: String| base.replace("retry_delay_seconds = 0.02\n", "retry_delay_seconds = 3600\n");
    let bench = Bench::rewritten(on, in_an_hour, |builder| builder);
    let redis = bench.redis();
    redis.command(&["XGROUP", "CREATE", EVENTS, "copier", "0", "MKSTREAM"]);
    bench.faults.plan(7, Fault::Fail(1));
    spread(&bench, 0..10, Priority::NORMAL).await;
    bench.drain_but(1).await;
    let entries = redis.command(&["XRANGE", EVENTS, "-", "+"]);
    let entries: Vec<&str> = entries.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(entries.len(), 10);
    redis.command(&["XGROUP", "DESTROY", EVENTS, "copier"]);
    for copy in [&entries[..], &entries[..], &entries[..]].concat() {
        redis.command(&["XADD", EVENTS, "*", "data", copy]);
    }
    bench.serve_until(async || lengths(&bench) == 0).await;
    let mut calls = bench.faults.calls();
    calls.sort_unstable();
    assert_eq!(calls, (0..10).collect::<Vec<_>>());
    assert_eq!(bench.numbers().await.parked(), 1);
    bench.assert_closes().await;
}

/// What waits in memory for longer than the lease, and what is handled for as long, is held.
async fn what_outlasts_the_lease_in_one_server_runs_in_no_other(on: On) {
    let bench = Bench::new(on);
    let second = bench.sibling();
    slow([&bench, &second], 40, Duration::from_millis(250));
    let sending = async {
        for number in 0..40 {
            spread(&bench, number..number + 1, Priority::NORMAL).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let all = async || handled(&bench).await == 40;
    tokio::join!(bench.serve_until(all), second.serve_until(all), sending);
    let mut calls = [bench.faults.calls(), second.faults.calls()].concat();
    calls.sort_unstable();
    assert_eq!(calls, (0..40).collect::<Vec<_>>());
}

/// Every other one dies with what it has read; no message is given up for being there.
async fn many_servers_one_after_the_other_leave_few_consumers(on: On) {
    let patient = |base: String| base.replace("max_retries = 2\n", "max_retries = 100\n");
    let bench = Bench::rewritten(on, patient, |builder| builder);
    let mut number = 0;
    for round in 0..12 {
        let server = bench.sibling();
        for _ in 0..3 {
            bench.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
            number += 1;
        }
        let before = handled(&bench).await;
        let some = async || handled(&bench).await > before;
        match round % 2 {
            0 => server.serve_and_die(some).await,
            _ => server.serve_until(some).await,
        }
    }
    bench.drain().await;
    let consumers = |stream: &str, group: &str| {
        let told = bench.redis().command(&["XINFO", "CONSUMERS", stream, group]);
        told.lines().filter(|line| *line == "name").count()
    };
    let few =
        async || consumers(EVENTS, NUMBERS) <= 2 && consumers(COMMANDS, "bench.TallyCommands") <= 2;
    bench.serve_until(few).await;
    assert_eq!(bench.sum().await, (0..number).sum::<i64>());
    bench.assert_closes().await;
}

with_a_broker! {
    what_lay_in_a_stream_or_a_group_that_was_deleted_is_handled
    a_deleted_stream_is_made_again_while_there_is_always_something_to_publish
    a_failover_to_a_replica_that_lags_costs_nothing
    a_full_broker_is_drained_and_the_relay_goes_on_by_itself
    a_letter_that_nobody_takes_waits_and_holds_up_nothing
    connections_that_go_silent_amid_the_work_are_noticed
    a_lane_that_is_called_otherwise_is_drained
    what_a_stopping_server_has_read_ahead_is_at_once_for_others
    what_comes_while_a_server_stops_is_at_once_for_others
    copies_that_somebody_adds_have_no_effect
    what_outlasts_the_lease_in_one_server_runs_in_no_other
    many_servers_one_after_the_other_leave_few_consumers
}
