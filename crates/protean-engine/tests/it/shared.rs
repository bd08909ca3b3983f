//! Several servers share the work of each group, and one of them ends, or the broker does.

use std::future::pending;
use std::time::Duration;

use protean::message::Priority;
use protean::port::Counter;
use protean_engine::{Rebuild, RebuildEnd};
use protean_test_servers::RedisServer;

use crate::harness::{Harness, On, counts};
use crate::tallies::Fault;

pub(crate) async fn fill(harness: &Harness, count: i64) {
    for number in 0..count {
        let priority = if number % 2 == 0 { Priority::NORMAL } else { Priority::BULK };
        harness.add(&format!("t-{}", number % 20), number, priority).await;
    }
}

/// Everything was handled once, and the events of each tally in their order.
pub(crate) async fn is_exact(harness: &Harness, count: i64) {
    assert_eq!(harness.sum().await, (0..count).sum::<i64>());
    let commands = harness.group_status("harness.TallyCommands").await;
    let numbers = harness.numbers().await;
    for standing in [&commands, &numbers] {
        assert_eq!(standing.count(Counter::Handled), count.cast_unsigned());
        assert_eq!((standing.lag(), standing.parked(), standing.dead()), (0, 0, 0));
    }
    let store = harness.domain.store().await.unwrap();
    let category = protean::message::Category::named("harness::tally");
    for tally in 0..20 {
        let stream = category.stream(&format!("t-{tally}").into());
        let log = store.stream(&stream, 0, 1000).await.unwrap();
        let number = |data: &str| {
            let data: serde_json::Value = serde_json::from_str(data).unwrap();
            data["number"].as_i64().unwrap()
        };
        let text: Vec<i64> = log.iter().map(|event| number(&event.message.data)).collect();
        assert_eq!(harness.seen(&format!("t-{tally}")).await, text, "in the order of the log");
    }
    harness.assert_closes().await;
}

/// Rebuilds a projection until it is done.
pub(crate) async fn rebuild(harness: &Harness, projection: &str) {
    let rebuild = Rebuild::of(&harness.domain, projection).await.unwrap();
    assert_eq!(rebuild.run(pending(), |_| ()).await.unwrap(), RebuildEnd::Swapped, "{projection}");
}

/// How many entries were ever added to any stream.
pub(crate) fn entries_added(redis: &RedisServer) -> i64 {
    let stats = redis.command(&["INFO", "commandstats"]);
    let of_xadd = stats.lines().find_map(|line| line.strip_prefix("cmdstat_xadd:calls="));
    of_xadd.and_then(|calls| calls.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
}

pub(crate) fn lengths(harness: &Harness) -> u64 {
    let streams = ["harness::tally", "harness::tally:command"];
    let lanes =
        streams.iter().flat_map(|stream| [stream.to_string(), format!("{stream}:backfill")]);
    lanes
        .map(|stream| harness.redis().command(&["XLEN", &stream]).trim().parse::<u64>().unwrap())
        .sum()
}

async fn several_servers_share_the_work(on: On) {
    let harness = Harness::new(on);
    let (second, third) = (harness.sibling(), harness.sibling());
    for harness in [&harness, &second, &third] {
        for number in 0..400 {
            harness.faults.plan(number, Fault::Sleep(Duration::from_millis(2)));
        }
    }
    fill(&harness, 400).await;
    let others = async {
        let handled = async || harness.numbers().await.count(Counter::Handled) == 400;
        tokio::join!(second.serve_until(handled), third.serve_until(handled))
    };
    tokio::join!(harness.drain(), others);
    is_exact(&harness, 400).await;
    for part in [&harness, &second, &third] {
        assert!(!part.faults.calls().is_empty(), "each of them has worked");
    }
    harness.serve_until(async || lengths(&harness) == 0).await;
}

async fn what_a_dead_server_held_is_taken_over(on: On) {
    let harness = Harness::new(on);
    let doomed = harness.sibling();
    for number in 0..100 {
        doomed.faults.plan(number, Fault::Sleep(Duration::from_secs(60)));
    }
    fill(&harness, 100).await;
    doomed.serve_and_die(async || !doomed.faults.calls().is_empty()).await;
    harness.drain().await;
    is_exact(&harness, 100).await;
    harness.serve_until(async || lengths(&harness) == 0).await;
}

async fn a_broker_that_loses_everything_amid_the_work_loses_nothing(on: On) {
    let harness = Harness::new(on);
    let second = harness.sibling();
    for number in 0..300 {
        harness.faults.plan(number, Fault::Sleep(Duration::from_millis(1)));
    }
    fill(&harness, 300).await;
    let handled = async || harness.numbers().await.count(Counter::Handled);
    let losing = async {
        for part in [50, 120, 200] {
            while handled().await < part {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            harness.redis().command(&["FLUSHALL"]);
        }
    };
    tokio::join!(harness.drain(), second.serve_until(async || handled().await == 300), losing);
    is_exact(&harness, 300).await;
    harness.serve_until(async || lengths(&harness) == 0).await;
}

async fn an_outage_of_the_broker_is_waited_out(on: On) {
    let harness = Harness::new(on);
    fill(&harness, 100).await;
    let handled = async || harness.numbers().await.count(Counter::Handled);
    let outage = async {
        while handled().await < 20 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        harness.redis().kill();
        for number in 100..200 {
            harness.add(&format!("t-{}", number % 20), number, Priority::NORMAL).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        harness.redis().resume();
    };
    let all = async || handled().await == 200;
    tokio::join!(harness.serve_until(all), outage);
    harness.drain().await;
    is_exact(&harness, 200).await;
    assert_eq!(counts(&harness.group_status("harness.TallyCommands").await).0, 200);
    harness.serve_until(async || lengths(&harness) == 0).await;
}

/// A message whose handler fails is retried by whichever process looks after what is parked.
async fn a_retry_and_a_dead_letter_are_of_the_group(on: On) {
    let harness = Harness::new(on);
    let second = harness.sibling();
    for part in [&harness, &second] {
        part.faults.plan(7, Fault::Fail(1));
        part.faults.plan(8, Fault::Reject);
    }
    fill(&harness, 60).await;
    let rest = async || {
        let numbers = harness.numbers().await;
        // 28 and 48 wait behind 8; what was left out of a commit may be parked for a moment.
        numbers.count(Counter::Handled) == 57
            && (numbers.dead(), numbers.parked()) == (1, 2)
            && numbers.lag() == 0
            && harness.seen("t-7").await.len() == 3
    };
    tokio::join!(harness.serve_until(rest), second.serve_until(rest));
    let numbers = harness.numbers().await;
    assert_eq!((numbers.dead(), numbers.parked()), (1, 2));
    harness.assert_closes().await;
    harness.serve_until(async || lengths(&harness) == 0).await;
}

/// Each test with Redis in between, on either store.
#[macro_export]
macro_rules! with_a_broker {
    ($($name:ident)*) => {
        $crate::on! { Streams in streams, Production in production: { $($name)* } }
    };
}

with_a_broker! {
    several_servers_share_the_work
    what_a_dead_server_held_is_taken_over
    a_broker_that_loses_everything_amid_the_work_loses_nothing
    an_outage_of_the_broker_is_waited_out
    a_retry_and_a_dead_letter_are_of_the_group
}
