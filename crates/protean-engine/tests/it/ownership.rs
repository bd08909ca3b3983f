//! Two databases and one broker: two installations, or a database beside its copy.

use std::time::{Duration, Instant};

use protean::Result;
use protean::message::{Positions, Priority};
use protean::port::Counter;
use protean_engine::{Outbox, Server};

use crate::exchange::{Exchange, PRIMARY};
use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::shared::lengths;

/// The domain on another database file beside its own.
fn beside(harness: &Harness, name: &str) -> Harness {
    harness.sibling_with(|config| config.replace("harness.db", name))
}

/// The domain on a copy of its database file.
fn copy(harness: &Harness, name: &str) -> Harness {
    for end in ["", "-wal"] {
        let [from, to] = ["harness.db", name].map(|name| format!("{name}{end}"));
        std::fs::copy(harness.folder().join(from), harness.folder().join(to)).unwrap();
    }
    beside(harness, name)
}

async fn add(harness: &Harness, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let priority = if number % 2 == 0 { Priority::NORMAL } else { Priority::BULK };
        harness.add(&format!("t-{}", number % 3), number, priority).await;
    }
}

/// The database as it was before its last messages were handled.
async fn restored(original: &Harness) -> Harness {
    add(original, 0..6).await;
    original.drain().await;
    let restored = copy(original, "restored.db");
    add(original, 6..12).await;
    original.drain().await;
    restored
}

async fn adopt(harness: &Harness) -> Result<Vec<String>> {
    Ok(Outbox::of(&harness.domain).await?.adopt().await?.brokers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn another_installation_on_the_same_broker_does_not_start() {
    let first = Harness::new(On::Streams);
    add(&first, 0..6).await;
    first.drain().await;
    let second = beside(&first, "second.db");
    add(&second, 0..4).await;
    let refused = second.refusal().await;
    assert!(refused.contains("another database") && refused.contains("outbox adopt"), "{refused}");
    add(&first, 6..10).await;
    first.drain().await;
    assert_eq!(first.sum().await, (0..10).sum::<i64>());
    assert_eq!(second.numbers().await.count(Counter::Handled), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_database_restored_to_an_earlier_moment_starts_once_it_is_adopted() {
    let original = Harness::new(On::Streams);
    let restored = restored(&original).await;
    // What the restored database has not handled yet is not in the broker either.
    add(&restored, 100..104).await;
    let refused = restored.refusal().await;
    assert!(refused.contains("restored") && refused.contains("outbox adopt"), "{refused}");
    assert_eq!(adopt(&restored).await.unwrap(), ["default"]);
    restored.drain().await;
    assert_eq!(restored.sum().await, (0..6).chain(100..104).sum::<i64>());
    restored.assert_closes().await;
    let refused = original.refusal().await;
    assert!(refused.contains("another database"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_database_is_not_adopted_while_its_server_runs() {
    let harness = Harness::new(On::Streams);
    add(&harness, 0..2).await;
    let serving = Server::new(harness.domain.clone()).run(async {
        let attempt = async || adopt(&harness).await.is_err_and(|e| e.to_string().contains("stop"));
        while !attempt().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_relay_that_finds_the_mark_of_a_copy_publishes_no_more() {
    let exchange = Exchange::new().await;
    let send = async |numbers| {
        for number in numbers {
            exchange.harness.add("t", number, Priority::NORMAL).await;
        }
    };
    let published = async |length| exchange.length(PRIMARY).await == length;
    send(0..2).await;
    exchange.publish_until(async || published(2).await).await;
    let mark = exchange.mark();
    let mut foreign: serde_json::Value = serde_json::from_str(mark.trim()).unwrap();
    foreign["last"]["position"] = 1000.into();
    exchange.set_mark(&foreign.to_string());
    send(2..5).await;
    let began = Instant::now();
    exchange.publish_until(async || began.elapsed() > Duration::from_millis(500)).await;
    assert!(published(2).await, "nothing goes out");
    exchange.set_mark(mark.trim());
    exchange.publish_until(async || published(5).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn entries_of_another_log_are_left_where_they_are() {
    let harness = Harness::new(On::Streams);
    add(&harness, 0..6).await;
    harness.drain().await;
    // One is beyond the log, the other at the place of an event that is settled.
    let category = protean::message::Category::named("harness::tally");
    let stream = category.stream(&"t-0".into());
    let store = harness.domain.store().await.unwrap();
    let settled = store.stream(&stream, 0, 1).await.unwrap()[0].position;
    for (position, first_id) in [(1_000_000, "beyond"), (settled, "another")] {
        let (positions, category) = (vec![position], category.clone());
        let entry = Positions { positions, category, first_id: first_id.into() }.to_json();
        harness.redis().command(&["XADD", "harness::tally:backfill", "*", "data", &entry]);
    }
    add(&harness, 6..12).await;
    harness.serve_until(async || lengths(&harness) == 2 && harness.sum().await == 66).await;
    harness.assert_closes().await;
    let left = harness.redis().command(&["XRANGE", "harness::tally:backfill", "-", "+"]);
    assert!(left.contains("beyond") && left.contains("another"), "{left}");
}

/// The domain with another name of its backfill lane, or without lanes.
fn with_lanes(harness: &Harness, name: &str, lanes: &str) -> Harness {
    harness.sibling_with(|config| {
        let config = config.replace("harness.db", name);
        config.replace("[server.priority_lanes]\nenabled = true\n", lanes)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn adopting_without_lanes_leaves_nothing_of_the_lanes_there_were() {
    let original = Harness::new(On::Streams);
    let restored = restored(&original).await;
    drop(restored);
    assert_eq!(adopt(&with_lanes(&original, "restored.db", "")).await.unwrap(), ["default"]);
    let restored = beside(&original, "restored.db");
    add(&restored, 100..104).await;
    restored.drain().await;
    assert_eq!(restored.sum().await, (0..6).chain(100..104).sum::<i64>());
}
