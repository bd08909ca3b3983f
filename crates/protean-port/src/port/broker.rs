//! The broker: carries messages to other processes, in streams that groups read.
//!
//! ```text
//! publish ─▶ stream ─▶ read ─▶ (hold …) ─▶ settle ─▶ gone once every group has settled it
//!                                  └─ nobody held it: take_over ─▶ another consumer
//! ```
//!
//! Delivery is at least once. What a broker holds may be lost or fall back to an
//! earlier state when its server does; a [`BrokerMark`] tells, and what was
//! published since is published again from the log.
//!
//! Where a method says no more: an error that [is unavailable](crate::Error::is_unavailable)
//! tells that the broker cannot be reached, or cannot do it now, and no message is
//! at fault; one that [is not found](crate::Error::is_not_found) that a stream or a
//! group is missing, to be [prepared](Broker::prepare) again. After either the same
//! call may be made again: the broker heals by itself.

use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Consumer};
use crate::Result;

/// Streams that groups read, each on its own, from their beginning.
pub trait Broker: Consumer {
    /// Makes the streams and groups that are missing and answers which these were:
    /// all of them at first, later those that were lost. A new group begins with
    /// the first entry its stream still holds. Safe to run again and from several
    /// processes. After an error, and when the future is dropped, any of them may have
    /// been missing.
    fn prepare<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result<Vec<BrokerGroup>>>;

    /// Removes groups, and the entries that waited for them alone; a stream
    /// without any group goes whole. Dropping the future leaves some of it undone,
    /// and asking again completes it.
    fn forget<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result>;

    /// Adds entries to their streams in the given order, and then sets the mark. When
    /// any of them is [unavailable](Published::Unavailable), so is each later entry of
    /// the same stream, and the mark is left as it was.
    ///
    /// An error says nothing about the entries: they, and the mark with them, may
    /// have arrived or not, and may yet arrive when the server was only slow.
    /// Dropping the future leaves the same doubt. Send them again, in order.
    fn publish(&self, batch: Batch) -> BoxFuture<'_, Result<Receipt>>;

    /// What the broker holds under the name of a mark.
    fn kept<'a>(&'a self, mark: &'a str) -> BoxFuture<'a, Result<StoredMark>>;

    /// Where each group stands, in the order asked; `None` for one that is missing.
    fn standing<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Option<BrokerGroupStatus>>>>;
}

/// A group on one stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerGroup {
    /// The stream: a category, and its lane where it has more than one.
    pub stream: Arc<str>,
    /// The group.
    pub group: Arc<str>,
}

/// What to publish together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// In this order. The caller bounds their size: they are in memory twice.
    pub entries: Arc<[Publication]>,
    /// What to set once all of them are there.
    pub mark: Option<BrokerMark>,
}

/// A message for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The stream. It is made when it is missing.
    pub stream: Arc<str>,
    /// The message as it travels.
    pub data: Arc<[u8]>,
}

/// A value the broker keeps beside its streams, as durable as they are: when it
/// holds the mark of a batch it holds the batch and all that was published before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerMark {
    /// Whose mark: one name for each publisher.
    pub name: Arc<str>,
    /// What it is set to.
    pub value: Arc<str>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What became of each entry, in order.
    pub published: Vec<Published>,
    /// What the broker held under the name of the mark before. When it is not
    /// what was set last, the broker has lost what was published since.
    pub before: Option<Arc<str>>,
}

/// What became of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is in its stream.
    Accepted(EntryId),
    /// The broker will never take it, for this reason.
    Refused(String),
    /// The broker cannot take it now, for this reason.
    Unavailable(String),
}

/// What a broker holds under the name of a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMark {
    /// The value, when there is one.
    pub value: Option<Arc<str>>,
    /// Changes whenever the server of the broker has started anew.
    pub incarnation: Arc<str>,
}

/// Names an entry within its stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// An id in the words of its broker.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// In the words of its broker.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryRef {
    /// The stream it lies in.
    pub stream: Arc<str>,
    /// Which one.
    pub id: EntryId,
}

/// An entry as it lies in its stream, whoever put it there: nothing about it is
/// taken to be well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which one.
    pub at: EntryRef,
    /// The message, when the entry has a field for one.
    pub data: Option<Vec<u8>>,
    /// What else the entry has: names and values.
    pub others: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Where a group stands on one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerGroupStatus {
    /// Entries in the stream, of whichever group.
    pub length: u64,
    /// Entries handed to consumers and not settled.
    pub pending: u64,
    /// Entries not handed to anybody yet; `None` when the broker cannot tell.
    pub lag: Option<u64>,
    /// Consumers the broker knows, dead ones among them.
    pub consumers: u64,
    /// How long the oldest entry that is not settled has been in the stream.
    pub oldest: Option<Duration>,
}
