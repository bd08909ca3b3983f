//! Forgets what nobody needs any more, a little at a time: whoever writes
//! meanwhile waits for one short transaction at most.

use protean_port::message::Timestamp;
use protean_sql::limit;

use crate::connection::Session;
use crate::error::Fault;
use crate::value::Text;

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
pub(crate) async fn some(session: &Session, sql: &str, group: &str) -> Result<u64, Fault> {
    session.execute(sql, &[&Text(group), &limit(ROWS)]).await
}

/// Forgets keys of commands that have expired, and says how many.
pub(crate) async fn keys(session: &Session, now: Timestamp, count: usize) -> Result<usize, Fault> {
    let sql = include_str!("sql/sweep_keys.sql");
    let forgotten = session.execute(sql, &[&now.as_micros(), &limit(count)]).await?;
    Ok(usize::try_from(forgotten).unwrap_or(count))
}

/// Forgets writers that have not written for so long that they are gone.
pub(crate) async fn writers(session: &Session) -> Result<(), Fault> {
    session.execute(include_str!("sql/sweep_writers.sql"), &[]).await.map(drop)
}
