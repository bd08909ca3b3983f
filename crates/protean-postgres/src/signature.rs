//! What a transaction leaves of itself, so that its writer can tell later
//! whether it was committed.
//!
//! ```text
//! write ─▶ sign: the writer's row has this number ─▶ COMMIT ─no answer─▶ take the log's lock
//!                                                                   ─▶ is the number there?
//! ```
//! Whoever has the log's lock knows that the transaction has ended, one way or the
//! other: it held that lock to its end. The number the server itself gives a
//! transaction is no such evidence: a server that crashed may give it again.

use protean_port::message::Lane;

use crate::connection::{Parameter, Session};
use crate::error::Fault;
use crate::turnstile;

/// The writer, and the transaction it is at.
pub(crate) struct Signature {
    instance: String,
    number: i64,
}

impl Signature {
    /// Of a writer that has written nothing; no other has its name.
    pub(crate) fn new(instance: String) -> Self {
        Self { instance, number: 0 }
    }

    /// Signs the transaction, announces it, commits it and waits for the disk, all sent
    /// at once. After a fault only [`is_kept`](Self::is_kept) knows what became of it.
    pub(crate) async fn commit(&mut self, session: &Session) -> Result<(), Fault> {
        self.number += 1;
        let sql = include_str!("sql/sign.sql");
        // What is compiled on the way would be sent behind the COMMIT.
        session.prepared(sql).await?;
        let parameters: [Parameter<'_>; 2] = [&self.instance, &self.number];
        let sign = session.query(sql, &parameters);
        let (signed, committed) = tokio::join!(sign, turnstile::commit(session));
        // A transaction that could not be signed is not committed, and COMMIT does not say so.
        signed?;
        committed
    }

    /// True when the transaction signed last was committed, and durably so. Waits until it
    /// has ended.
    pub(crate) async fn is_kept(&self, session: &Session) -> Result<bool, Fault> {
        turnstile::begin(session, Lane::Primary).await?;
        let sql = include_str!("sql/is_signed.sql");
        let found = session.first(sql, &[&self.instance, &self.number]).await?;
        session.batch("ROLLBACK").await?;
        session.batch(turnstile::DURABLE).await?;
        Ok(found.is_some())
    }

    /// Leaves nothing of the writer.
    pub(crate) async fn forget(&self, session: &Session) -> Result<(), Fault> {
        let sql = include_str!("sql/forget_writer.sql");
        session.execute(sql, &[&self.instance]).await.map(drop)
    }
}
