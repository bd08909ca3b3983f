//! The store: everything a domain keeps, behind one commit.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    BoxFuture, Changes, CommitWatch, CorrelatedEvents, GroupNames, GroupRegistration, IntakeTable,
    KeyClaim, Ledger, Log, LogIdentity, Outcome, Parking, Rebuilds, Rows, Schedules, Schema,
    StoreHealth, Watched,
};
use crate::Result;
use crate::message::{Table, Timestamp};

/// The log, the rows and the ledger of one database.
pub trait Store:
    Log
    + LogIdentity
    + Rows
    + Ledger
    + Parking
    + Schema
    + StoreHealth
    + GroupNames
    + CorrelatedEvents
    + Schedules
    + IntakeTable
    + Rebuilds
{
    /// Applies an ordered list of units and answers the outcome of each.
    ///
    /// * A unit is applied whole or not at all, and any prefix of the list is a
    ///   state that may become durable: units of the primary lane share one
    ///   transaction, those of backfill are cut into short ones.
    /// * A unit whose expectations do not hold is left out, and so is each unit
    ///   that [depends on](Changes::depends_on) one that was left out. Its
    ///   [`otherwise`](Changes::otherwise), when it has one, is applied in its
    ///   place.
    /// * When the future completes, what is `Committed` is durable.
    /// * Dropping the future does not undo the units.
    fn commit(&self, units: Arc<[Changes]>) -> BoxFuture<'_, Vec<Outcome>>;

    /// A number that grows with every commit of this store, and with those of other processes
    /// that brought or moved messages. A receiver that has seen a number and reads the store
    /// afterwards misses none of those.
    fn commits(&self) -> watch::Receiver<u64>;

    /// Watches for commits with these changes, in any process. A watcher that has looked and
    /// reads the store afterwards misses nothing; it may wake for nothing.
    fn watch(&self, watched: Vec<Watched>) -> CommitWatch;

    /// Creates what is missing: the store's own tables, these tables with their
    /// columns, and these registrations; and renames columns. Safe to run again and from several
    /// processes.
    ///
    /// # Errors
    /// When a table exists in a form that needs a person, who finds what to do in the
    /// [difference](super::Schema::difference); nothing is changed then.
    fn prepare<'a>(
        &'a self,
        tables: &'a [Table],
        registrations: &'a [GroupRegistration],
    ) -> BoxFuture<'a, Result<()>>;

    /// The claim on an idempotency key of a command type, unless it has expired.
    fn known<'a>(
        &'a self,
        command: &'a str,
        key: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeyClaim>>>;

    /// Deletes idempotency keys that have expired by `now`, at most `limit` of them, and
    /// answers how many.
    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>>;

    /// Deletes everything stored about a group, in every category: its cursors, parked
    /// messages, dead letters and account. The log stays.
    fn forget<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Removes everything that [`prepare`](Self::prepare) made, with its content.
    fn destroy<'a>(&'a self, tables: &'a [Table]) -> BoxFuture<'a, Result<()>>;
}
