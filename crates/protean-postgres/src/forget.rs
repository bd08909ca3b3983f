//! Deletes what is no longer needed, a little at a time, so that other writers wait for
//! one short transaction at most.

use protean_port::message::Timestamp;
use protean_sql::limit;

use crate::connection::Session;
use crate::error::Fault;
use crate::value::Text;

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
pub(crate) async fn some(session: &Session, sql: &str, group: &str) -> Result<u64, Fault> {
    session.execute(sql, &[&Text(group), &limit(ROWS_PER_TRANSACTION)]).await
}

/// Deletes expired idempotency keys and returns how many.
pub(crate) async fn keys(session: &Session, now: Timestamp, count: usize) -> Result<usize, Fault> {
    let sql = include_str!("sql/sweep_keys.sql");
    let forgotten = session.execute(sql, &[&now.as_micros(), &limit(count)]).await?;
    Ok(usize::try_from(forgotten).unwrap_or(count))
}

/// Deletes writers that have not written for so long that they must be gone.
pub(crate) async fn writers(session: &Session) -> Result<(), Fault> {
    session.execute(include_str!("sql/sweep_writers.sql"), &[]).await.map(drop)
}
