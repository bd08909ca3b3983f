//! Idempotency keys: what a key answers, and when it is deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use protean::message::Timestamp;
use protean::port::Clock;
use protean::{Domain, Processed};
use protean::{Error, Result};
use protean_engine::DeadLetters;

use crate::on_every_stack;
use crate::tallies::{Add, Bench, On};

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

fn bench(on: On, more: &str) -> (Bench, Hand) {
    let hand = Hand::default();
    let (clock, config) = (hand.clone(), format!("{TTL}{more}"));
    (Bench::configured(on, &config, |builder| builder.clock(clock)), hand)
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
    let (bench, _) = bench(on, "");
    let first = queued(&bench.domain, 1).await;
    let waiting = at_once(&bench.domain, 1).await.unwrap_err();
    assert!(waiting.is_conflict(), "{waiting}");
    bench.drain().await;
    at_once(&bench.domain, 1).await.unwrap();
    assert_eq!(queued(&bench.domain, 1).await, first);
    bench.drain().await;
    assert_eq!(bench.sum().await, 1);
}

async fn the_key_of_a_rejected_command_is_soon_free_again(on: On) {
    let (bench, hand) = bench(on, "");
    let first = queued(&bench.domain, -1).await;
    bench.drain().await;
    assert_eq!(queued(&bench.domain, 2).await, first, "not at once");
    hand.advance(11);
    assert_ne!(queued(&bench.domain, 3).await, first);
    bench.drain().await;
    assert_eq!(bench.sum().await, 3);
    bench.assert_closes().await;
}

async fn a_name_is_free_again_when_it_expires(on: On) {
    let (bench, hand) = bench(on, "");
    let send = bench.domain.process(add(1)).idempotency_key("row-1").asynchronous();
    send.await.unwrap();
    bench.drain().await;
    hand.advance(99);
    queued(&bench.domain, 2).await;
    hand.advance(2);
    queued(&bench.domain, 3).await;
    bench.drain().await;
    assert_eq!(bench.seen("named").await, [1, 3]);
    let told = bench.domain.process(add(4)).idempotency_key("row-1").await;
    assert!(matches!(told, Ok::<_, Error>(Processed::Queued(_))));
}

async fn expired_names_are_swept_while_a_server_runs(on: On) {
    let (bench, hand) = bench(on, "[server.dlq]\ncheck_interval_seconds = 0.05\n");
    for number in 0..500 {
        let key = format!("row-{number}");
        let sent = bench.domain.process(add(number)).idempotency_key(key).asynchronous();
        sent.await.unwrap();
    }
    bench.drain().await;
    hand.advance(101);
    let store = Arc::clone(bench.domain.store().await.unwrap());
    // Asked for a moment at which it had not expired, a key that is kept is told.
    let kept = async |number: usize| {
        let key = format!("row-{number}");
        store.known("Add", &key, Timestamp::default()).await.unwrap().is_some()
    };
    assert!(kept(0).await && kept(499).await);
    bench.serve_until(async || !kept(0).await && !kept(250).await && !kept(499).await).await;
}

async fn a_command_that_was_handled_is_not_even_tried_again(on: On) {
    let (bench, _) = bench(on, "");
    at_once(&bench.domain, 5).await.unwrap();
    let withdraw = || bench.domain.process(add(-5)).idempotency_key("out").synchronous();
    withdraw().await.unwrap();
    withdraw().await.unwrap();
    let other = bench.domain.process(add(-5)).idempotency_key("other").synchronous();
    assert!(other.await.is_err(), "the handler refuses what the sum does not allow");
}

async fn a_name_is_kept_until_its_command_is_handled(on: On) {
    let (bench, hand) = bench(on, "");
    let first = queued(&bench.domain, 1).await;
    hand.advance(1000);
    assert_eq!(queued(&bench.domain, 1).await, first, "it is still on the way");
    bench.drain().await;
    hand.advance(99);
    assert_eq!(queued(&bench.domain, 1).await, first, "its time counts from when it was handled");
    bench.drain().await;
    assert_eq!(bench.sum().await, 1);
}

async fn a_letter_whose_name_was_taken_again_stays_dead(on: On) {
    let (bench, hand) = bench(on, "");
    queued(&bench.domain, -1).await;
    bench.drain().await;
    hand.advance(11);
    queued(&bench.domain, 7).await;
    bench.drain().await;
    let groups = bench.domain.groups();
    let commands = groups.iter().find(|group| *group.name == *"bench.TallyCommands").unwrap();
    let letters = DeadLetters::of(&bench.domain, commands).await.unwrap();
    let letter = letters.page(0, 9).await.unwrap().remove(0);
    assert!(!letters.replay(&letter).await.unwrap(), "it was sent again in its place");
    bench.drain().await;
    assert_eq!((bench.sum().await, bench.group_status("bench.TallyCommands").await.dead()), (7, 1));
    bench.assert_closes().await;
}
