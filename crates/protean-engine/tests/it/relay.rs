//! From the log to a real broker, whatever becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protean::message::Priority;
use protean_engine::{Outbox, Refused, Relay};
use protean_test_servers::RedisServer;
use tokio_util::sync::CancellationToken;

use crate::exchange::{
    BACKFILL, COMMANDS, Exchange, MARK, PRIMARY, open, open_at, positions, until,
};
use crate::harness::{Harness, On};
use crate::unreliable::Unreliable;
use crate::way::Way;
use crate::weather::Weather;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_is_committed_arrives_in_its_lane_and_in_order() {
    let exchange = Exchange::new().await;
    for number in 0..700 {
        let priority = if number % 7 == 0 { Priority::BULK } else { Priority::NORMAL };
        exchange.harness.add(&format!("t-{}", number % 5), number, priority).await;
    }
    let all = async || exchange.messages(PRIMARY) + exchange.messages(BACKFILL) == 700;
    exchange.publish_until(all).await;
    let bulk = exchange.length(BACKFILL).await;
    assert!(bulk < 100, "{bulk} entries for 100 messages");
    let primary = positions(&exchange.found(PRIMARY, 1000).await);
    let backfill = positions(&exchange.found(BACKFILL, 1000).await);
    assert_eq!((primary.len(), backfill.len()), (600, 100));
    assert!(primary.is_sorted() && backfill.is_sorted());
    assert!(primary.iter().all(|position| !backfill.contains(position)));
    exchange.harness.add("t-0", 700, Priority::NORMAL).await;
    exchange.publish_until(async || exchange.length(PRIMARY).await > 600).await;
    let lengths = (exchange.length(PRIMARY).await, exchange.length(BACKFILL).await);
    assert_eq!(lengths, (601, bulk), "nothing goes out twice after a proper end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_a_broker_has_lost_and_nobody_settled_goes_out_again() {
    let exchange = Exchange::new().await;
    for number in 0..20 {
        exchange.harness.add("settled", number, Priority::NORMAL).await;
    }
    exchange.harness.drain().await;
    for number in 20..50 {
        exchange.harness.add("open", number, Priority::BULK).await;
    }
    exchange.publish_until(async || exchange.length(BACKFILL).await == 30).await;
    assert_eq!(exchange.length(PRIMARY).await, 0, "what is settled never goes out");
    exchange.server.command(&["FLUSHALL"]);
    exchange.publish_until(async || exchange.length(BACKFILL).await == 30).await;
    assert_eq!(exchange.length(PRIMARY).await, 0);
    let open = positions(&exchange.found(BACKFILL, 100).await);
    assert!(open.len() == 30 && open.is_sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_loss_is_noticed_while_messages_come_and_while_none_do() {
    let exchange = Exchange::new().await;
    for number in 0..30 {
        exchange.harness.add("first", number, Priority::NORMAL).await;
    }
    let step = std::sync::atomic::AtomicU8::new(0);
    let next = std::sync::atomic::Ordering::SeqCst;
    exchange
        .publish_until(async || match (step.load(next), exchange.length(PRIMARY).await) {
            // Nothing is sent after it is lost.
            (0, 30..) => {
                exchange.server.command(&["FLUSHALL"]);
                step.store(1, next);
                false
            }
            // Something is.
            (1, 30..) => {
                exchange.server.command(&["FLUSHALL"]);
                exchange.harness.add("second", 31, Priority::NORMAL).await;
                step.store(2, next);
                false
            }
            (2, length) => length >= 31,
            _ => false,
        })
        .await;
    let mut found = positions(&exchange.found(PRIMARY, 100).await);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 31);
}

/// A replica is promoted that has the first ten and not the next. What is to be
/// published then, or the next look, has to tell.
async fn fails_over(tick: Duration, then: i64) {
    let mut exchange = Exchange::new().await;
    let (replica, way) = (RedisServer::start(""), Way::to(exchange.server.port()).await);
    exchange.plan.outbox.tick_interval = tick;
    exchange.broker = open_at(format!("redis://127.0.0.1:{}", way.port)).await;
    replica.command(&["REPLICAOF", "127.0.0.1", &exchange.server.port().to_string()]);
    let add = async |numbers: std::ops::Range<i64>| {
        for number in numbers {
            exchange.harness.add(&format!("t-{number}"), number, Priority::NORMAL).await;
        }
    };
    let mark = |server: &RedisServer| server.command(&["GET", MARK]);
    let length = async || exchange.length(PRIMARY).await;
    let playing = async {
        add(0..10).await;
        until(async || length().await == 10).await;
        until(async || mark(&replica) == mark(&exchange.server)).await;
        replica.command(&["REPLICAOF", "NO", "ONE"]);
        add(10..20).await;
        until(async || length().await == 20).await;
        way.lead_to(replica.port());
        if then > 0 {
            until(async || length().await == 10).await;
        }
        add(20..20 + then).await;
        until(async || replica.command(&["XLEN", PRIMARY]).parse::<i64>().unwrap() >= 20 + then)
            .await;
    };
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let relay = exchange.relay().await;
    tokio::select! {
        () = relay.run(stopped) => {}
        () = playing => {}
    }
    drop(stop);
    let mut found = positions(&exchange.found(PRIMARY, 100).await);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, (1..=20 + then.cast_unsigned()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_replica_that_lags_is_noticed_by_what_is_published_next() {
    fails_over(Duration::from_secs(3600), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_replica_that_lags_is_noticed_when_nothing_is_published() {
    fails_over(Duration::from_millis(50), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn an_outage_of_a_broker_that_forgets_loses_nothing() {
    let exchange = Exchange::new().await;
    let step = std::sync::atomic::AtomicU64::new(0);
    let next = std::sync::atomic::Ordering::SeqCst;
    exchange
        .publish_until(async || {
            let number = step.fetch_add(1, next);
            match number {
                0..200 => {
                    let number = i64::try_from(number).unwrap();
                    exchange.harness.add("t", number, Priority::NORMAL).await;
                }
                _ => return exchange.backlog().await == 0 && exchange.length(PRIMARY).await >= 200,
            }
            if number == 60 {
                exchange.server.kill();
            }
            if number == 120 {
                exchange.server.resume();
            }
            false
        })
        .await;
    let mut found = positions(&exchange.found(PRIMARY, 1000).await);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 200);
    let store = exchange.harness.domain.store().await.unwrap();
    let category = protean::message::Category::named(PRIMARY);
    let relay = store.group_status("harness.relay:default", &category).await.unwrap();
    assert_eq!((relay.dead(), relay.parked()), (0, 0), "an outage gives nothing up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn bulk_work_waits_in_the_database_while_the_broker_holds_enough() {
    let mut exchange = Exchange::new().await;
    exchange.plan.priority_lanes.backfill_high_water = 20;
    exchange.plan.priority_lanes.backfill_low_water = 5;
    for number in 0..100 {
        exchange.harness.add(&format!("t-{number}"), number, Priority::BULK).await;
    }
    let seen = std::sync::Mutex::new(BTreeMap::new());
    exchange
        .publish_until(async || {
            let length = exchange.length(BACKFILL).await;
            let messages = exchange.messages(BACKFILL);
            assert!(messages <= 20, "{messages} lie in the broker");
            let entries = exchange.found(BACKFILL, 7).await;
            let at: Vec<_> = entries.iter().map(|entry| entry.at.clone()).collect();
            exchange.broker.settle(COMMANDS, &at).await.unwrap();
            let mut seen = seen.lock().unwrap();
            for position in positions(&entries) {
                *seen.entry(position).or_insert(0) += 1;
            }
            seen.len() == 100 && length == 0
        })
        .await;
    assert!(seen.lock().unwrap().values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn one_relay_publishes_and_the_other_takes_over() {
    let exchange = Exchange::new().await;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let second = exchange.relay().await;
    exchange.harness.add("t", 0, Priority::NORMAL).await;
    exchange.publish_until(async || exchange.length(PRIMARY).await == 1).await;
    let takes_over = tokio::spawn(async move { second.run(stopped).await });
    exchange.harness.add("t", 1, Priority::NORMAL).await;
    while exchange.length(PRIMARY).await < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    takes_over.await.unwrap();
    assert_eq!(positions(&exchange.found(PRIMARY, 10).await), [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_relay_that_has_lost_its_claim_publishes_no_more_until_it_has_it_again() {
    let exchange = Exchange::new().await;
    let weather = Weather::new(1);
    weather.calm();
    let store = Unreliable::new(&weather);
    let provider = store.clone();
    let harness = Harness::with(On::Memory, |builder| builder.provider(provider));
    let broker = Arc::clone(&exchange.broker);
    let relay = Relay::new(harness.domain.clone(), Arc::new(store), broker, exchange.plan.clone());
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let playing = async {
        harness.add("t", 0, Priority::NORMAL).await;
        until(async || exchange.length(PRIMARY).await == 1).await;
        weather.usurp(true);
        harness.add("t", 1, Priority::NORMAL).await;
        until(async || weather.refused() > 0).await;
        // One page may have been on its way, and no other.
        let (length, refused) = (exchange.length(PRIMARY).await, weather.refused());
        for number in 2..20 {
            harness.add("t", number, Priority::NORMAL).await;
        }
        until(async || weather.refused() > refused + 3).await;
        assert_eq!(exchange.length(PRIMARY).await, length);
        weather.usurp(false);
        until(async || exchange.length(PRIMARY).await >= 20).await;
        stop.cancel();
    };
    tokio::join!(relay.run(stopped), playing);
    let mut found = positions(&exchange.found(PRIMARY, 100).await);
    // What was not settled goes out again.
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, (1..=20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_a_broker_refused_goes_out_once_a_person_says_so() {
    let mut exchange = Exchange::on("proto-max-bulk-len 1mb\n").await;
    exchange.plan.outbox.retry.max_attempts = 1;
    let long = "t".repeat(1024 * 1024);
    // One that the relay passed before it began, and one that came later.
    exchange.harness.add(&long, 0, Priority::NORMAL).await;
    exchange.publish_until(async || refused(&exchange).await.len() == 1).await;
    exchange.harness.add(&long, 1, Priority::NORMAL).await;
    exchange.harness.add("t", 2, Priority::NORMAL).await;
    exchange.publish_until(async || refused(&exchange).await.len() == 2).await;
    let reason = refused(&exchange).await[1].abandoned.clone().unwrap().reason;
    assert!(reason.contains("proto-max-bulk-len"), "{reason}");
    exchange.server.command(&["CONFIG", "SET", "proto-max-bulk-len", "512mb"]);
    exchange.broker = open(&exchange.server).await;
    let looks = std::sync::atomic::AtomicU32::new(0);
    let next = std::sync::atomic::Ordering::SeqCst;
    exchange
        .publish_until(async || {
            // The relay has found nothing to do by then, and nothing wakes it.
            if looks.fetch_add(1, next) == 20 {
                let outbox = Outbox::of(&exchange.harness.domain).await.unwrap();
                assert_eq!(outbox.retry(Some("2")).await.unwrap(), 1);
                assert_eq!(outbox.retry(None).await.unwrap(), 1);
            }
            exchange.length(PRIMARY).await == 3
        })
        .await;
    let mut found = positions(&exchange.found(PRIMARY, 9).await);
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3]);
    let outbox = Outbox::of(&exchange.harness.domain).await.unwrap();
    let [status] = &outbox.status().await[..] else { panic!("there is one relay") };
    assert_eq!((status.waiting, status.failed, status.abandoned), (Some(0), Some(0), Some(0)));
}

async fn refused(exchange: &Exchange) -> Vec<Refused> {
    Outbox::of(&exchange.harness.domain).await.unwrap().abandoned(9).await.unwrap()
}
