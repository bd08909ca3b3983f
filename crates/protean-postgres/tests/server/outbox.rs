//! The view `outbox`: the state of each message for each relay.

use std::time::Instant;

use crate::samples::outbox::{EXPECTED, relays};
use crate::{database, prepared};

const BY_RELAY: &str = "SELECT id, coalesce(target_broker, '-'), status, retry_count, \
    coalesce(last_error, '-'), coalesce(next_retry_at, '-'), coalesce(last_processed_at, '-') \
    FROM outbox ORDER BY coalesce(target_broker, '-') COLLATE \"C\", id";

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn shows_the_state_of_each_message_for_each_relay() {
    let database = database();
    let store = prepared(&database.uri(), &[]).await;
    relays(&*store).await;
    assert_eq!(database.run(BY_RELAY).lines().collect::<Vec<_>>(), EXPECTED);
    let statuses = "SELECT status, count(*) FROM outbox GROUP BY status ORDER BY status";
    assert_eq!(database.run(statuses), "abandoned|1\nfailed|1\npending|3\npublished|2");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
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
