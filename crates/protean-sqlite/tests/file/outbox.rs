//! The view `outbox`: the state of each message for each relay.

use std::time::Instant;

use rusqlite::Connection;

use crate::prepared;
use crate::samples::outbox::{EXPECTED, relays};

const BY_RELAY: &str = "SELECT id, coalesce(target_broker, '-'), status, retry_count, \
    coalesce(last_error, '-'), coalesce(next_retry_at, '-'), coalesce(last_processed_at, '-') \
    FROM outbox ORDER BY coalesce(target_broker, '-'), id";

fn lines(shell: &Connection, sql: &str) -> Vec<String> {
    let mut statement = shell.prepare(sql).unwrap();
    let columns = statement.column_count();
    let line = |row: &rusqlite::Row<'_>| {
        let cells = (0..columns).map(|at| match row.get_ref(at)? {
            rusqlite::types::ValueRef::Integer(number) => Ok(number.to_string()),
            other => Ok(other.as_str()?.to_owned()),
        });
        cells.collect::<rusqlite::Result<Vec<_>>>().map(|cells| cells.join("|"))
    };
    statement.query_map([], line).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn shows_the_state_of_each_message_for_each_relay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    relays(&*store).await;
    let shell = Connection::open(&path).unwrap();
    assert_eq!(lines(&shell, BY_RELAY), EXPECTED);
    let statuses = "SELECT status, count(*) FROM outbox GROUP BY status ORDER BY status";
    assert_eq!(lines(&shell, statuses), ["abandoned|1", "failed|1", "pending|3", "published|2"]);
}

#[tokio::test]
async fn the_documented_queries_are_quick_on_a_long_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    relays(&*store).await;
    let shell = Connection::open(&path).unwrap();
    let more = "WITH RECURSIVE n (i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
                INSERT INTO messages SELECT i, stream || i, 0, category, priority, kind, type, \
                version, id || i, correlation_id, causation_id, time, data, extensions \
                FROM n, messages WHERE position = 1";
    shell.execute(more, []).unwrap();
    let began = Instant::now();
    let last = "SELECT message_id, priority, stream_name FROM outbox \
                ORDER BY created_at DESC LIMIT 10";
    assert_eq!(lines(&shell, last).len(), 10);
    let statuses = "SELECT status, count(*) FROM outbox GROUP BY status ORDER BY status";
    assert!(lines(&shell, statuses).contains(&"pending|199993".to_owned()));
    assert!(began.elapsed().as_secs() < 20, "took {:?}", began.elapsed());
}
