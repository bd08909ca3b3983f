//! Marks each transaction, so that its writer can find out later whether it was
//! committed.
//!
//! ```text
//! write ─▶ mark: the writer's row has this number ─▶ COMMIT ─no answer─▶ take the log's lock
//!                                                                   ─▶ is the number there?
//! ```
//! A transaction holds the log's lock until it ends, so once the writer has the lock again,
//! the transaction has either been committed or rolled back. The number that the server
//! gives a transaction would not prove this: a server that crashed may give it again.

use std::time::Instant;

use protean_port::message::Lane;
use protean_port::port::CommitNotice;

use crate::compound::{Column, Compound};
use crate::connection::Session;
use crate::error::Fault;
use crate::signal::Announcement;
use crate::turnstile;

/// Why a transaction was not committed.
pub(crate) enum NotCommitted {
    /// Its last writes failed, and it was rolled back.
    Refused(Fault),
    /// COMMIT got no answer, or failed: [`is_committed`](CommitMarker::is_committed) tells.
    Unknown(Fault),
}

/// The writer and the number of its current transaction.
pub(crate) struct CommitMarker {
    /// The store, which announces the transaction.
    instance: String,
    /// The writer: a store has one for each lane.
    writer: String,
    number: i64,
}

impl CommitMarker {
    /// The marker of a new writer of a store, whose name is unique.
    pub(crate) fn new(instance: &str, lane: Lane) -> Self {
        Self { instance: instance.into(), writer: format!("{instance}:{lane}"), number: 0 }
    }

    /// Makes the last writes of the transaction, marks it, announces it where somebody may wait
    /// for it, commits it and, where `awaits_disk`, waits for the disk, all sent at once. Gives
    /// the time at which the log's lock was free.
    pub(crate) async fn commit(
        &mut self,
        session: &Session,
        mut writes: Compound<'_>,
        notice: &CommitNotice,
        awaits_disk: bool,
    ) -> Result<Instant, NotCommitted> {
        self.number += 1;
        let mark: [Column<'_>; 2] = [Box::new(&self.writer), Box::new(self.number)];
        writes.add(include_str!("sql/write_marker.sql"), mark);
        let payload = (!notice.is_empty()).then(|| Announcement::payload(&self.instance, notice));
        writes.add(include_str!("sql/notify.sql"), [Box::new(payload)]);
        writes.prepare(session).await.map_err(NotCommitted::Refused)?;
        let (written, committed) =
            tokio::join!(writes.write(session), turnstile::commit(session, awaits_disk));
        match (written, committed) {
            (Ok(()), Ok(unlocked)) => Ok(unlocked),
            (_, Err(fault)) => Err(NotCommitted::Unknown(fault)),
            // COMMIT reports success even if it had to roll back.
            (Err(fault), Ok(_)) => Err(NotCommitted::Refused(fault)),
        }
    }

    /// True when the transaction marked last was committed, and durably so. Waits until it
    /// has ended.
    pub(crate) async fn is_committed(&self, session: &Session) -> Result<bool, Fault> {
        turnstile::begin(session, Lane::Primary).await?;
        let sql = include_str!("sql/has_marker.sql");
        let found = session.first(sql, &[&self.writer, &self.number]).await?;
        session.batch("ROLLBACK").await?;
        turnstile::flush(session).await?;
        Ok(found.is_some())
    }

    /// Removes the row of the writer.
    pub(crate) async fn forget(&self, session: &Session) -> Result<(), Fault> {
        let sql = include_str!("sql/forget_writer.sql");
        session.execute(sql, &[&self.writer]).await.map(drop)
    }
}
