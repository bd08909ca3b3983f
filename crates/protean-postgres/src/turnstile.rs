//! One transaction writes at a time, in all processes.
//!
//! ```text
//! production   ────────────────▶ the log's lock ─▶ load, decide, write ─▶ COMMIT
//! bulk         the bulk lock ──▶ the log's lock ─▶ …
//! ```
//!
//! A transaction that writes holds an advisory lock from its beginning to its end.
//! So positions come in the order of the commits: no reader meets a gap that
//! is filled later, none waits for a transaction to end, and nothing a unit rests
//! on changes while it is decided. The locks are fair; a bulk writer takes one
//! more, so that at most one of them stands before a production writer, however many
//! processes there are.
//!
//! The COMMIT lets go of the lock before the disk has what was written, so that
//! the next writer need not wait for the disk and processes share its flushes. The
//! log of the server keeps the order: what rests on a transaction is never on the
//! disk without it. So nothing may leave the database, as an answer or as a
//! message, before [`DURABLE`] has said that the disk has it.

use protean_port::message::Lane;

use crate::connection::{Session, Settings};
use crate::error::Fault;
use tokio_postgres::error::SqlState;

/// The first part of the locks' names: the letters `Prtn`.
const PRODUCTION: &str = "BEGIN; SET LOCAL synchronous_commit = off; \
                          SELECT pg_advisory_xact_lock(1349678190, 1)";
const BULK: &str = "BEGIN; SET LOCAL synchronous_commit = off; \
                    SELECT pg_advisory_xact_lock(1349678190, 2); \
                    SELECT pg_advisory_xact_lock(1349678190, 1)";
/// Waits until all that was committed is as durable as the server is configured to
/// make it: a little transaction of its own takes along whatever is not.
pub(crate) const DURABLE: &str = "SELECT pg_logical_emit_message(true, 'protean', '') \
     WHERE pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()";

/// Begins a transaction that writes.
pub(crate) async fn begin(session: &Session, lane: Lane) -> Result<(), Fault> {
    session.batch(if lane == Lane::Backfill { BULK } else { PRODUCTION }).await
}

/// Ends a transaction that writes, and waits until it is durable.
pub(crate) async fn commit(session: &Session) -> Result<(), Fault> {
    let (committed, durable) = tokio::join!(session.batch("COMMIT"), session.batch(DURABLE));
    committed.and(durable)
}

/// The fault, with who holds the lock when that is what it says; the transaction
/// is over then.
pub(crate) async fn explained(fault: Fault, session: &Session, settings: &Settings) -> Fault {
    if fault.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
        return fault;
    }
    session.batch("ROLLBACK").await.unwrap_or_default();
    let holder = session.first(include_str!("sql/holder.sql"), &[]).await.ok().flatten();
    let found = holder.and_then(|row| {
        Some((row.try_get::<_, String>(0).ok()?, row.try_get::<_, Option<String>>(1).ok()?))
    });
    let (waited, holder) = found.unwrap_or_else(|| ("too long".into(), None));
    let holder = holder.unwrap_or_else(|| "whoever held it has let it go since".into());
    Fault::Unusable(format!(
        "the database {} could not be written for {waited}: its log is locked; {holder}",
        settings.place
    ))
}
