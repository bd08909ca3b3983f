//! Forgets what nobody needs any more, a little at a time: whoever writes
//! meanwhile waits for one short transaction at most.

use protean_port::message::Timestamp;
use protean_sql::limit;
use rusqlite::Connection;

/// How many rows of a group one transaction forgets.
const ROWS: usize = 1000;

/// What forgets a group. The registration goes last, so that a run that was cut
/// short can be made again.
pub(crate) const GROUP: [&str; 7] = [
    include_str!("sql/forget_progress.sql"),
    include_str!("sql/forget_done.sql"),
    include_str!("sql/forget_parked.sql"),
    include_str!("sql/forget_dead.sql"),
    include_str!("sql/forget_cursors.sql"),
    include_str!("sql/forget_counters.sql"),
    include_str!("sql/forget_enrolments.sql"),
];

/// Forgets some rows of a group, and says how many.
pub(crate) fn some(connection: &Connection, sql: &str, group: &str) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute((group, limit(ROWS)))
}

/// Forgets keys of commands that have expired, and says how many.
pub(crate) fn keys(
    connection: &Connection,
    now: Timestamp,
    count: usize,
) -> rusqlite::Result<usize> {
    let mut sweep = connection.prepare_cached(include_str!("sql/sweep_keys.sql"))?;
    sweep.execute((now.as_micros(), limit(count)))
}
