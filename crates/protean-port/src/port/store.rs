//! The store: everything a domain keeps, behind one commit.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Changes, GroupRegistration, KeyClaim, Ledger, Log, Outcome, Rows};
use crate::Result;
use crate::message::{Table, Timestamp};

/// A future that can be named, sent and kept in a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The log, the rows and the ledger of one database.
pub trait Store: Log + Rows + Ledger {
    /// Applies an ordered list of units and says what became of each.
    ///
    /// * A unit is applied whole or not at all, and any prefix of the list is a
    ///   state that may become durable: units of the primary lane share one
    ///   transaction, those of backfill are cut into short ones.
    /// * A unit whose expectations do not hold is left out, and so is each unit
    ///   that [depends on](Changes::depends_on) one that was left out. Its
    ///   [`otherwise`](Changes::otherwise), when it has one, is applied in its
    ///   place.
    /// * When the future ends, what is `Committed` is durable.
    /// * Dropping the future does not take the units back.
    fn commit(&self, units: Arc<[Changes]>) -> BoxFuture<'_, Vec<Outcome>>;

    /// Grows with every commit to this database, by whichever process. A
    /// receiver that has seen a number and reads afterwards misses nothing.
    fn commits(&self) -> watch::Receiver<u64>;

    /// Creates what is missing: the store's own tables, these tables with their
    /// columns, and these registrations. Safe to run again and from several processes.
    ///
    /// # Errors
    /// When a table exists in a form that cannot be extended to the declared
    /// one; nothing is changed then.
    fn prepare<'a>(
        &'a self,
        tables: &'a [Table],
        registrations: &'a [GroupRegistration],
    ) -> BoxFuture<'a, Result<()>>;

    /// What a sender's name for a command stands for, unless it has expired.
    fn known<'a>(
        &'a self,
        command: &'a str,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeyClaim>>>;

    /// Forgets keys of commands that have expired by `now`, at most `limit` of
    /// them, and says how many.
    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>>;

    /// Forgets all that is kept about a group, in every category: where it
    /// stands, what it has parked and given up, its account. The log stays.
    fn forget<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Removes everything [`prepare`](Self::prepare) made, and all that was kept in it.
    fn destroy<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<()>>;
}
