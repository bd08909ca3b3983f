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
//! processes there are. What it costs is that processes do not share a flush of
//! the disk; what queues up meanwhile shares the next one.

use protean_core::message::Lane;

use crate::connection::{Session, Settings};
use crate::error::Fault;
use tokio_postgres::error::SqlState;

/// The first part of the locks' names: the letters `Prtn`.
const PRODUCTION: &str = "BEGIN; SELECT pg_advisory_xact_lock(1349678190, 1)";
const BULK: &str = "BEGIN; SELECT pg_advisory_xact_lock(1349678190, 2); \
                    SELECT pg_advisory_xact_lock(1349678190, 1)";

/// Begins a transaction that writes.
pub(crate) async fn begin(session: &Session, lane: Lane) -> Result<(), Fault> {
    session.batch(if lane == Lane::Backfill { BULK } else { PRODUCTION }).await
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
