//! One end of a broker: the consumers that share the entries of a group.

use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Entry, EntryRef};
use crate::Result;

/// What the consumers of a group do. An entry belongs to one consumer from the
/// moment it is read, until it is settled or taken over by another.
pub trait Consumer: Send + Sync {
    /// Entries no consumer of the group has read yet, the first stream's before the
    /// second's; an arrival in any of them ends the wait at once.
    ///
    /// Dropping the future loses nothing: what has been read for it comes first
    /// when the same consumer reads again, whatever that asks for.
    fn read(&self, read: BrokerRead) -> BoxFuture<'_, Result<Vec<Entry>>>;

    /// Settles entries for a group, whichever consumer they belong to, and removes
    /// those that every group of their stream has settled. One that is still unread
    /// or unsettled in any group is never removed. Settling again changes nothing.
    ///
    /// Dropping the future may leave any of them settled or not.
    fn settle<'a>(&'a self, group: &'a str, entries: &'a [EntryRef]) -> BoxFuture<'a, Result>;

    /// Says that a consumer is alive and still has these entries: until [`TakeOver::idle`]
    /// has passed again, nobody takes them over. Answers those that are no longer
    /// its own, because another has taken them over or they are settled; it does
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
    /// [`take_over`](Self::take_over) finds them, however long its `idle`. Those that
    /// are no longer its own stay as they are.
    ///
    /// Dropping the future may leave any of them given back or not.
    fn release<'a>(
        &'a self,
        group: &'a str,
        consumer: &'a str,
        entries: &'a [EntryRef],
    ) -> BoxFuture<'a, Result>;

    /// Entries that nobody has held for a while: from now on they belong to this
    /// consumer. Consumers that have shown no sign of life for as long and have
    /// nothing left are forgotten.
    ///
    /// Dropping the future may leave entries with the consumer that it has not
    /// seen; they can be taken over again after the same while.
    fn take_over(&self, take: TakeOver) -> BoxFuture<'_, Result<Vec<Entry>>>;

    /// Closes what a consumer has open here, until it reads again. Gives what it has come
    /// by and not settled where nobody else will ever be given it: nothing, where the
    /// broker keeps it for the others.
    fn leave(&self, group: &str, consumer: &str) -> Vec<Entry>;
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRead {
    /// The group that reads.
    pub group: Arc<str>,
    /// Which of its consumers; no two that live at once share a name.
    pub consumer: Arc<str>,
    /// From these streams, the most preferred first.
    pub streams: Arc<[Arc<str>]>,
    /// At most this many entries; taken as one for each stream when it is less.
    pub limit: usize,
    /// How long to wait while there are none; not at all when `None`.
    pub wait: Option<Duration>,
}

/// What to take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeOver {
    /// The group.
    pub group: Arc<str>,
    /// The consumer that takes.
    pub consumer: Arc<str>,
    /// From these streams, the most preferred first.
    pub streams: Arc<[Arc<str>]>,
    /// What nobody has read or held for this long.
    pub idle: Duration,
    /// At most this many entries.
    pub limit: usize,
}
