//! One transaction writes at a time, in all processes.
//!
//! ```text
//! production   ────────────────▶ the log's lock ─▶ load, decide, write ─▶ COMMIT
//! bulk         the bulk lock ──▶ the log's lock ─▶ …
//! ```
//!
//! A transaction that writes holds an advisory lock from its beginning to its end.
//! So positions are in the order of the commits: no reader sees a gap that is filled
//! later or waits for a transaction to end, and nothing a unit depends on changes while
//! it is decided. The locks are fair; a bulk writer takes a second one, so that at most
//! one bulk writer is ahead of a production writer, however many processes there are.
//!
//! COMMIT releases the lock before the transaction is on disk, so that the next writer
//! need not wait for the disk and processes share its flushes. The server's own log keeps
//! the order: a transaction is never on disk without those it depends on. So nothing may
//! leave the database, as an answer or as a message, before a [`flush`] has confirmed that
//! it is on disk. A store remembers how far a flush of its own has reached ([`Durable`]): a
//! page up to there needs none, however much unflushed work of others lies beyond it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use protean_port::message::Lane;

use crate::connection::{Session, Settings};
use crate::error::Fault;
use tokio_postgres::error::SqlState;

/// Takes the log's lock. The first part of its name is the letters `Prtn`.
const BEGIN_PRODUCTION: &str = "BEGIN; SET LOCAL synchronous_commit = off; \
                          SELECT pg_advisory_xact_lock(1349678190, 1)";
/// Takes the lock of bulk writers, then the log's lock.
const BEGIN_BULK: &str = "BEGIN; SET LOCAL synchronous_commit = off; \
                    SELECT pg_advisory_xact_lock(1349678190, 2); \
                    SELECT pg_advisory_xact_lock(1349678190, 1)";
/// Waits until everything committed is as durable as the server is configured to make it:
/// a small transaction flushes the log up to its own end, and waits for a synchronous standby
/// even when the own disk has it all.
const FLUSH: &str = "SELECT pg_logical_emit_message(true, 'protean', '') \
     WHERE pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() \
        OR current_setting('synchronous_standby_names') <> ''";

/// Waits until what leaves the database next may leave it.
pub(crate) async fn flush(session: &Session) -> Result<(), Fault> {
    session.query(FLUSH, &[]).await.map(drop)
}

/// Begins a transaction that writes.
pub(crate) async fn begin(session: &Session, lane: Lane) -> Result<(), Fault> {
    session.batch(if lane == Lane::Backfill { BEGIN_BULK } else { BEGIN_PRODUCTION }).await
}

/// Ends a transaction that writes, and where `awaits_disk`, waits until it is durable. Gives
/// the time at which the log's lock was free.
pub(crate) async fn commit(session: &Session, awaits_disk: bool) -> Result<Instant, Fault> {
    let flushed = async { if awaits_disk { flush(session).await } else { Ok(()) } };
    let commit = async { session.batch("COMMIT").await.map(|()| Instant::now()) };
    let (committed, durable) = tokio::join!(commit, flushed);
    let unlocked = committed?;
    durable.map(|()| unlocked)
}

/// The fault; one about the lock is replaced by one that names its holder, after the
/// transaction is rolled back.
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
    let holder = holder.unwrap_or_else(|| "the lock has been released since".into());
    Fault::Unusable(format!(
        "the database {} could not be written for {waited} because its log is locked; {holder}",
        settings.place
    ))
}

/// The last position of the log that is known to be on disk.
#[derive(Debug, Default)]
pub(crate) struct Durable(AtomicU64);

impl Durable {
    /// A flush has ended that began when this position was committed.
    pub(crate) fn reached(&self, position: u64) {
        self.0.fetch_max(position, Ordering::AcqRel);
    }

    /// The last position that is known to be on disk.
    pub(crate) fn known(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Forgets what is known: a new connection may lead to another server, whose log ends
    /// earlier.
    pub(crate) fn forget(&self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::Durable;

    #[test]
    fn knows_what_was_reached_until_it_is_forgotten() {
        let durable = Durable::default();
        assert_eq!(durable.known(), 0);
        durable.reached(7);
        durable.reached(3);
        assert_eq!(durable.known(), 7);
        durable.forget();
        assert_eq!(durable.known(), 0);
    }
}
