//! The view `outbox`: what each relay has done with each message.

use std::sync::Arc;
use std::time::Instant;

use protean_port::message::{Category, Lane, Priority, Timestamp};
use protean_port::port::{
    At, Changes, Dead, DoneMark, GroupRegistration, MessageRef, Park, Start, Store,
};

use crate::{account, commit, database, prepared, unit};

/// A relay that has published two messages, was refused one, has given one up, and
/// has yet to publish another; and one that was registered behind the third message.
async fn relays(store: &dyn Store) {
    let registration = |group: &str| GroupRegistration {
        group: group.into(),
        category: Category::of("bank", "account"),
        start: Start::Head,
    };
    commit(store, vec![unit(Lane::Primary, &account("a"))]).await;
    store
        .prepare(&[], &[registration("bank.relay:default"), registration("bank.Reader")])
        .await
        .unwrap();
    commit(store, vec![unit(Lane::Primary, &account("a")), unit(Lane::Primary, &account("a"))])
        .await;
    store.prepare(&[], &[registration("bank.relay:partner")]).await.unwrap();
    commit(store, vec![unit(Lane::Primary, &account("a")), unit(Lane::Backfill, &account("a"))])
        .await;
    let relay: Arc<str> = "bank.relay:default".into();
    let message = |position: u64| MessageRef {
        stream: account("a"),
        stream_position: position - 1,
        position,
        priority: Priority::NORMAL,
    };
    let (reason, time) = ("too large".to_owned(), Timestamp::from_micros(1_795_000_000_000_001));
    let mut settled = Changes::new(Lane::Primary);
    settled.marks.push(DoneMark {
        group: Arc::clone(&relay),
        category: Category::of("bank", "account"),
        priority: Priority::NORMAL,
        at: At::UpTo(4),
    });
    settled.parks.push(Park::Keep {
        group: Arc::clone(&relay),
        message: message(3),
        attempts: 2,
        due: Some(time),
        reason: reason.clone(),
    });
    settled.dead.push(Dead::Add {
        group: relay,
        message: message(4),
        attempts: 3,
        reason,
        time,
        in_turn: false,
    });
    commit(store, vec![settled]).await;
}

const BY_RELAY: &str = "SELECT id, coalesce(target_broker, '-'), status, retry_count, \
    coalesce(last_error, '-'), coalesce(next_retry_at, '-'), coalesce(last_processed_at, '-') \
    FROM outbox ORDER BY coalesce(target_broker, '-') COLLATE \"C\", id";

/// The first message came before any relay.
const EXPECTED: [&str; 7] = [
    "1|-|published|0|-|-|-",
    "2|default|published|0|-|-|-",
    "3|default|failed|2|too large|2026-11-18T11:06:40.000001+00:00|-",
    "4|default|abandoned|3|too large|-|2026-11-18T11:06:40.000001+00:00",
    "5|default|pending|0|-|-|-",
    "4|partner|pending|0|-|-|-",
    "5|partner|pending|0|-|-|-",
];

#[tokio::test]
async fn each_relay_tells_what_became_of_each_of_its_messages() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    relays(&*store).await;
    assert_eq!(database.run(BY_RELAY).lines().collect::<Vec<_>>(), EXPECTED);
    let statuses = "SELECT status, count(*) FROM outbox GROUP BY status ORDER BY status";
    assert_eq!(database.run(statuses), "abandoned|1\nfailed|1\npending|3\npublished|2");
}

#[tokio::test]
async fn the_documented_queries_are_quick_on_a_long_log() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    relays(&*store).await;
    database.run(
        "INSERT INTO messages SELECT i, stream || i, 0, category, priority, kind, type, version, \
         id || i, correlation_id, causation_id, time, data, extensions \
         FROM generate_series(6, 100000) i, messages WHERE position = 1",
    );
    let began = Instant::now();
    let last = "SELECT message_id, priority, stream_name FROM outbox \
                ORDER BY created_at DESC LIMIT 10";
    assert_eq!(database.run(last).lines().count(), 10);
    let statuses = "SELECT status, count(*) FROM outbox GROUP BY status";
    assert!(database.run(statuses).contains("pending|199993"));
    assert!(began.elapsed().as_secs() < 20, "took {:?}", began.elapsed());
}
