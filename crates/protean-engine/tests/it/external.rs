//! Events go to brokers of others, stripped of what is of use to nobody there.

use std::time::Duration;

use protean::message::{Category, Priority};
use protean::port::Find;
use protean_engine::Outbox;
use protean_test_servers::RedisServer;
use serde_json::{Value, json};

use crate::harness::{Harness, On};
use crate::scheduled;
use crate::tallies::Add;

const EVENTS: &str = "harness::tally";

/// A harness that publishes to a partner's Redis as well.
fn harness(on: On, partner: &RedisServer) -> Harness {
    let config = format!(
        "[outbox]\ntick_interval = 0.05\nexternal_brokers = ['partner']\n\
         [brokers.partner]\nprovider = 'redis'\nURI = '{}'\n",
        partner.uri()
    );
    Harness::configured(on, &config, |builder| builder)
}

/// The entries of a stream.
fn entries(server: &RedisServer, stream: &str) -> Vec<Value> {
    let shown = server.command(&["XRANGE", stream, "-", "+"]);
    let data = shown.lines().filter(|line| line.starts_with('{'));
    data.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(entries: &[Value]) -> Vec<i64> {
    entries.iter().map(|entry| entry["data"]["number"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn others_are_sent_the_events_that_come_and_no_more() {
    let partner = RedisServer::start("");
    let harness = harness(On::Streams, &partner);
    let before = Add { tally: "t".into(), number: 0 };
    harness.domain.process(before).synchronous().await.unwrap();
    harness.add("t", 1, Priority::NORMAL).await;
    harness.serve_until(async || !entries(&partner, EVENTS).is_empty()).await;
    harness.add("t", 2, Priority::BULK).await;
    harness.serve_until(async || entries(&partner, EVENTS).len() >= 2).await;
    harness.drain().await;
    let sent = entries(&partner, EVENTS);
    assert_eq!(numbers(&sent), [1, 2], "what was there before was not for them");
    assert_eq!(partner.command(&["XINFO", "GROUPS", EVENTS]).trim(), "");
    let keys = partner.command(&["KEYS", "harness*"]);
    assert_eq!(keys.trim(), EVENTS, "neither commands nor lanes");
    let metadata = &sent[1]["metadata"];
    assert_eq!(metadata["envelope"], json!({"specversion": "1.0"}));
    let (metadata, origin) =
        (metadata.as_object().unwrap(), metadata["domain"].as_object().unwrap());
    assert_eq!(origin["kind"], "EVENT");
    assert!(!metadata.contains_key("event_store") && !metadata.contains_key("extensions"));
    for name in ["expected_version", "asynchronous", "priority"] {
        assert!(!origin.contains_key(name), "{name}");
    }
    harness.assert_closes().await;
}

/// What processes take and what they become is the business of the domain alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn neither_copies_nor_timers_nor_facts_of_processes_are_sent() {
    let partner = RedisServer::start("");
    let harness = harness(On::Streams, &partner);
    let tower = scheduled::tower(harness.settings());
    scheduled::schedule(&tower, "a", 1, 0, Priority::NORMAL).await;
    let countdowns = Category::named("tower::countdown");
    let store = tower.store().await.unwrap();
    let logged = async |category: Category| {
        let find = Find { category: Some(category), ..Find::first(99) };
        store.find(find).await.unwrap().len()
    };
    // A copy and three timers, each with a fact.
    let all = async || {
        (logged(countdowns.clone()).await, logged(countdowns.facts()).await) == (4, 4)
            && !entries(&partner, "tower::bell").is_empty()
    };
    scheduled::serve_until(&tower, all).await;
    scheduled::schedule(&tower, "b", 1, 0, Priority::NORMAL).await;
    scheduled::serve_until(&tower, async || entries(&partner, "tower::bell").len() == 2).await;
    assert_eq!(partner.command(&["KEYS", "tower*"]).trim(), "tower::bell");
    let own = harness.redis().command(&["KEYS", "*"]);
    assert!(own.lines().any(|key| key == "tower::countdown"), "its servers share them: {own}");
}

/// Whether another server leads the relay, or the broker is down as here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn messages_count_as_relay_lag_before_this_server_publishes() {
    let partner = RedisServer::start("");
    let harness = harness(On::Streams, &partner);
    harness.redis().kill();
    let waiting = async || {
        let statuses = Outbox::of(&harness.domain).await.unwrap().status().await;
        statuses.iter().find(|status| status.broker == "default").and_then(|of| of.waiting)
    };
    let served = harness.serve_until(async || {
        harness.add("t", 1, Priority::NORMAL).await;
        waiting().await.is_some_and(|waiting| waiting > 0)
    });
    tokio::time::timeout(Duration::from_secs(5), served).await.expect("the relay is registered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn a_broker_of_others_that_is_down_holds_nobody_up_and_misses_nothing() {
    let partner = RedisServer::start("");
    let harness = harness(On::Production, &partner);
    partner.kill();
    for number in 0..10 {
        harness.add("t", number, Priority::NORMAL).await;
    }
    harness.drain().await;
    assert_eq!(harness.seen("t").await.len(), 10);
    let outbox = Outbox::of(&harness.domain).await.unwrap();
    let statuses = outbox.status().await;
    let of = |broker: &str| statuses.iter().find(|status| status.broker == broker).unwrap();
    assert_eq!((of("default").waiting, of("partner").waiting), (Some(0), Some(10)));
    partner.resume();
    harness.serve_until(async || entries(&partner, EVENTS).len() == 10).await;
    assert_eq!(numbers(&entries(&partner, EVENTS)), (0..10).collect::<Vec<_>>());
}
