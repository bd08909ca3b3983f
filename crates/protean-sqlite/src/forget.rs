//! Deletes what is no longer needed, a little at a time, so that other writers wait for
//! one short transaction at most.

use protean_port::message::Timestamp;
use protean_sql::limit;
use rusqlite::Connection;

/// How many rows of a group one transaction deletes.
const ROWS_PER_TRANSACTION: usize = 1000;

/// The statements that forget a group. The registration goes last, so that a run that
/// was interrupted can be repeated.
pub(crate) const GROUP_STATEMENTS: [&str; 7] = [
    include_str!("sql/forget_progress.sql"),
    include_str!("sql/forget_done.sql"),
    include_str!("sql/forget_parked.sql"),
    include_str!("sql/forget_dead.sql"),
    include_str!("sql/forget_cursors.sql"),
    include_str!("sql/forget_counters.sql"),
    include_str!("sql/forget_registrations.sql"),
];

/// Deletes some rows of a group and returns how many.
pub(crate) fn some(connection: &Connection, sql: &str, group: &str) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute((group, limit(ROWS_PER_TRANSACTION)))
}

/// Deletes expired idempotency keys and returns how many.
pub(crate) fn keys(
    connection: &Connection,
    now: Timestamp,
    count: usize,
) -> rusqlite::Result<usize> {
    let mut sweep = connection.prepare_cached(include_str!("sql/sweep_keys.sql"))?;
    sweep.execute((now.as_micros(), limit(count)))
}
