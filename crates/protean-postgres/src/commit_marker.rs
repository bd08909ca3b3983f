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

use protean_port::message::Lane;
use protean_port::port::CommitNotice;

use crate::connection::{Parameter, Session};
use crate::error::Fault;
use crate::signal::Announcement;
use crate::turnstile;

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

    /// Marks the transaction, announces it where somebody may wait for it, commits it and, where `awaits_disk`, waits for the
    /// disk, all sent at once. After a fault, ask [`is_committed`](Self::is_committed) for the
    /// outcome.
    pub(crate) async fn commit(
        &mut self,
        session: &Session,
        notice: &CommitNotice,
        awaits_disk: bool,
    ) -> Result<(), Fault> {
        self.number += 1;
        let sql = include_str!("sql/write_marker.sql");
        // A statement that has yet to be compiled would be sent after the COMMIT.
        session.prepared(sql).await?;
        let payload = (!notice.is_empty()).then(|| Announcement::payload(&self.instance, notice));
        let parameters: [Parameter<'_>; 3] = [&self.writer, &self.number, &payload];
        let mark = session.query(sql, &parameters);
        let (marked, committed) = tokio::join!(mark, turnstile::commit(session, awaits_disk));
        // COMMIT reports success even if the mark failed and the transaction was rolled back.
        marked?;
        committed
    }

    /// True when the transaction marked last was committed, and durably so. Waits until it
    /// has ended.
    pub(crate) async fn is_committed(&self, session: &Session) -> Result<bool, Fault> {
        turnstile::begin(session, Lane::Primary).await?;
        let sql = include_str!("sql/has_marker.sql");
        let found = session.first(sql, &[&self.writer, &self.number]).await?;
        session.batch("ROLLBACK").await?;
        session.batch(turnstile::FLUSH).await?;
        Ok(found.is_some())
    }

    /// Removes the row of the writer.
    pub(crate) async fn forget(&self, session: &Session) -> Result<(), Fault> {
        let sql = include_str!("sql/forget_writer.sql");
        session.execute(sql, &[&self.writer]).await.map(drop)
    }
}
