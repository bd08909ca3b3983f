//! One end of a broker: the consumers that share the entries of a group.

use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Entry, EntryRef};
use crate::Result;

/// What the consumers of a group do. An entry belongs to one consumer from the
/// moment it is read, until it is settled or taken over by another.
pub trait Consumer: Send + Sync {
    /// Reads entries that no consumer of the group has read yet, the first stream's before
    /// the second's; an arrival in any of them ends the wait at once.
    ///
    /// Cancel safe: what was read for a dropped future comes first when the same consumer
    /// reads again, whatever that call asks for.
    fn read(&self, read: BrokerRead) -> BoxFuture<'_, Result<Vec<Entry>>>;

    /// Settles entries for a group, whichever consumer they belong to, and removes
    /// those that every group of their stream has settled. One that is still unread
    /// or unsettled in any group is never removed. Settling again changes nothing.
    ///
    /// Dropping the future may leave any of them settled or not.
    fn settle<'a>(&'a self, group: &'a str, entries: &'a [EntryRef]) -> BoxFuture<'a, Result>;

    /// Renews the lease of these entries: no other consumer takes them over until
    /// [`TakeOver::idle`] has passed again. Answers the entries that no longer belong to
    /// the consumer, because another took them over or they are settled; the consumer does
    /// not get them back.
    ///
    /// Dropping the future may leave any of them held or not.
    fn hold<'a>(
        &'a self,
        group: &'a str,
        consumer: &'a str,
        entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result<Vec<EntryRef>>>;

    /// Gives entries back that this consumer will not settle: the next
    /// [`take_over`](Self::take_over) finds them, however long its `idle`. Entries that no
    /// longer belong to the consumer stay as they are.
    ///
    /// Dropping the future may leave any of them given back or not.
    fn release<'a>(
        &'a self,
        group: &'a str,
        consumer: &'a str,
        entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result>;

    /// Takes over entries that no consumer has held for a while: from now on they belong to
    /// this one. Consumers that were idle for as long and have no entries are removed.
    ///
    /// Dropping the future may leave entries with the consumer that it has not
    /// seen; they can be taken over again after the same while.
    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Vec<Entry>>>;

    /// Closes the connections of a consumer, until it reads again. Answers the unsettled
    /// entries that no other consumer will ever get: none, where the broker keeps them for
    /// the others.
    fn leave(&self, group: &str, consumer: &str) -> Vec<Entry>;
}

/// A read of a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRead {
    /// The group that reads.
    pub group: Arc<str>,
    /// The consumer; no two that live at the same time share a name.
    pub consumer: Arc<str>,
    /// The streams, the most preferred first.
    pub streams: Arc<[Arc<str>]>,
    /// At most this many entries; taken as one for each stream when it is less.
    pub limit: usize,
    /// How long to wait for the first entry; `None` does not wait.
    pub wait: Option<Duration>,
}

/// A take-over by a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeOver {
    /// The group.
    pub group: Arc<str>,
    /// The consumer that takes the entries.
    pub consumer: Arc<str>,
    /// The streams, the most preferred first.
    pub streams: Arc<[Arc<str>]>,
    /// Takes entries that no consumer has read or held for this long.
    pub idle: Duration,
    /// At most this many entries.
    pub limit: usize,
}
