//! Idempotency keys: what a key answers, and when it is deleted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use protean::message::Timestamp;
use protean::port::Clock;
use protean::{Domain, Processed};
use protean::{Error, Result};
use protean_engine::DeadLetters;

use crate::harness::{Harness, On};
use crate::on_every_stack;
use crate::tallies::Add;

on_every_stack! {
    the_key_of_a_queued_command_answers_once_it_was_handled
    the_key_of_a_rejected_command_is_soon_free_again
    a_name_is_free_again_when_it_expires
    expired_names_are_swept_while_a_server_runs
    a_command_that_was_handled_is_not_even_tried_again
    a_name_is_kept_until_its_command_is_handled
    a_letter_whose_name_was_taken_again_stays_dead
}

/// A clock that is set by hand.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Hand {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

const TTL: &str = "[idempotency]\nttl = 100\nerror_ttl = 10\n";

fn harness(on: On, more: &str) -> (Harness, Hand) {
    let hand = Hand::default();
    let (clock, config) = (hand.clone(), format!("{TTL}{more}"));
    (Harness::configured(on, &config, |builder| builder.clock(clock)), hand)
}

fn add(number: i64) -> Add {
    Add { tally: "named".into(), number }
}

async fn queued(domain: &Domain, number: i64) -> String {
    let sent = domain.process(add(number)).idempotency_key("row-1").asynchronous();
    sent.await.unwrap().to_string()
}

async fn at_once(domain: &Domain, number: i64) -> Result<()> {
    domain.process(add(number)).idempotency_key("row-1").synchronous().await
}

async fn the_key_of_a_queued_command_answers_once_it_was_handled(on: On) {
    let (harness, _) = harness(on, "");
    let first = queued(&harness.domain, 1).await;
    let waiting = at_once(&harness.domain, 1).await.unwrap_err();
    assert!(waiting.is_conflict(), "{waiting}");
    harness.drain().await;
    at_once(&harness.domain, 1).await.unwrap();
    assert_eq!(queued(&harness.domain, 1).await, first);
    harness.drain().await;
    assert_eq!(harness.sum().await, 1);
}

async fn the_key_of_a_rejected_command_is_soon_free_again(on: On) {
    let (harness, hand) = harness(on, "");
    let first = queued(&harness.domain, -1).await;
    harness.drain().await;
    assert_eq!(queued(&harness.domain, -1).await, first, "not at once");
    hand.advance(11);
    assert_ne!(queued(&harness.domain, 3).await, first);
    harness.drain().await;
    assert_eq!(harness.sum().await, 3);
    harness.assert_closes().await;
}

async fn a_name_is_free_again_when_it_expires(on: On) {
    let (harness, hand) = harness(on, "");
    let send = harness.domain.process(add(1)).idempotency_key("row-1").asynchronous();
    send.await.unwrap();
    harness.drain().await;
    hand.advance(99);
    queued(&harness.domain, 1).await;
    hand.advance(2);
    queued(&harness.domain, 3).await;
    harness.drain().await;
    assert_eq!(harness.seen("named").await, [1, 3]);
    let text = harness.domain.process(add(3)).idempotency_key("row-1").await;
    assert!(matches!(text, Ok::<_, Error>(Processed::Queued(_))));
}

async fn expired_names_are_swept_while_a_server_runs(on: On) {
    let (harness, hand) = harness(on, "[server.dlq]\ncheck_interval_seconds = 0.05\n");
    for number in 0..500 {
        let key = format!("row-{number}");
        let sent = harness.domain.process(add(number)).idempotency_key(key).asynchronous();
        sent.await.unwrap();
    }
    harness.drain().await;
    hand.advance(101);
    let store = Arc::clone(harness.domain.store().await.unwrap());
    // Asked for a moment before it expired, a stored key is still found.
    let kept = async |number: usize| {
        let key = format!("row-{number}");
        store.known("Add", &key, Timestamp::default()).await.unwrap().is_some()
    };
    assert!(kept(0).await && kept(499).await);
    harness.serve_until(async || !kept(0).await && !kept(250).await && !kept(499).await).await;
}

async fn a_command_that_was_handled_is_not_even_tried_again(on: On) {
    let (harness, _) = harness(on, "");
    at_once(&harness.domain, 5).await.unwrap();
    let withdraw = || harness.domain.process(add(-5)).idempotency_key("out").synchronous();
    withdraw().await.unwrap();
    withdraw().await.unwrap();
    let other = harness.domain.process(add(-5)).idempotency_key("other").synchronous();
    assert!(other.await.is_err(), "the handler refuses what the sum does not allow");
}

async fn a_name_is_kept_until_its_command_is_handled(on: On) {
    let (harness, hand) = harness(on, "");
    let first = queued(&harness.domain, 1).await;
    hand.advance(1000);
    assert_eq!(queued(&harness.domain, 1).await, first, "it is still on the way");
    harness.drain().await;
    hand.advance(99);
    assert_eq!(queued(&harness.domain, 1).await, first, "its time counts from when it was handled");
    harness.drain().await;
    assert_eq!(harness.sum().await, 1);
}

async fn a_letter_whose_name_was_taken_again_stays_dead(on: On) {
    let (harness, hand) = harness(on, "");
    queued(&harness.domain, -1).await;
    harness.drain().await;
    hand.advance(11);
    queued(&harness.domain, 7).await;
    harness.drain().await;
    let groups = harness.domain.groups();
    let commands = groups.iter().find(|group| *group.name == *"harness.TallyCommands").unwrap();
    let letters = DeadLetters::of(&harness.domain, commands).await.unwrap();
    let letter = letters.page(0, 9).await.unwrap().remove(0);
    assert!(!letters.replay(&letter).await.unwrap(), "it was sent again in its place");
    harness.drain().await;
    assert_eq!(
        (harness.sum().await, harness.group_status("harness.TallyCommands").await.dead()),
        (7, 1)
    );
    harness.assert_closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_a_key_leaves_nothing_but_messages() {
    let (harness, _) = harness(On::Sqlite, "");
    let several = async |count: u32| {
        for _ in 0..count {
            harness.domain.process(add(1)).asynchronous().await.unwrap();
            harness.domain.process(add(1)).synchronous().await.unwrap();
            let _refused = harness.domain.process(add(-1_000)).synchronous().await.unwrap_err();
        }
        harness.drain().await;
        rows(&harness.folder().join("harness.db"))
    };
    // After the first ones there are the rows of the groups, of the tally and its snapshot.
    let (first, later) = (several(30).await, several(30).await);
    let grown: Vec<_> = later.iter().filter(|(table, rows)| first[*table] != **rows).collect();
    assert_eq!(grown, [(&"messages".to_owned(), &(first["messages"] + 120))], "{later:?}");
    assert_eq!(later["idempotency"], 0);
    harness.domain.process(add(1)).idempotency_key("row-1").asynchronous().await.unwrap();
    harness.domain.process(add(1)).keep_outcome().asynchronous().await.unwrap();
    assert_eq!(several(0).await["idempotency"], 2);
}

/// How many rows each table of a database file has.
fn rows(file: &Path) -> BTreeMap<String, i64> {
    let file = rusqlite::Connection::open(file).unwrap();
    let mut tables = file.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM \"{table}\"");
        file.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    tables.map(|table| (table.clone(), count(&table))).collect()
}
