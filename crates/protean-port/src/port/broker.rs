//! The broker: carries messages to other processes, in streams that groups read.
//!
//! ```text
//! publish ─▶ stream ─▶ read ─▶ (hold …) ─▶ settle ─▶ gone once every group has settled it
//!                                  └─ nobody held it: take_over ─▶ another consumer
//! ```
//!
//! Delivery is at least once. What a broker holds may be lost or fall back to an
//! earlier state when its server does; a [`BrokerMark`] shows that, and what was published
//! since is published again from the log.
//!
//! Unless a method says more: an error that [is unavailable](crate::Error::is_unavailable)
//! means that the broker cannot be reached, or cannot do this now, and that no message is
//! at fault; one that [is not found](crate::Error::is_not_found) means that a stream or a
//! group is missing and has to be [prepared](Broker::prepare) again. After either the same
//! call may be made again: the broker heals by itself.

use std::sync::Arc;
use std::time::Duration;

use super::{BoxFuture, Consumer, EntryId};
use crate::Result;

/// Streams that groups read, each group on its own, from the beginning of the stream.
pub trait Broker: Consumer {
    /// Makes the streams and groups that are missing, and answers which ones were: all of
    /// them at first, later those that were lost. A new group begins with the first entry
    /// that its stream still holds. Safe to run again and from several processes. After an
    /// error, and when the future is dropped, any of them may have been missing.
    fn prepare<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result<Vec<BrokerGroup>>>;

    /// Removes groups, and the entries that waited for them alone; a stream without a group
    /// is removed. Dropping the future may leave some of that undone; calling again
    /// completes it.
    fn forget<'a>(&'a self, groups: &'a [BrokerGroup]) -> BoxFuture<'a, Result>;

    /// Adds entries to their streams in the given order, and then sets the mark. When
    /// any of them is [unavailable](Published::Unavailable), so is each later entry of
    /// the same stream, and the mark is left as it was.
    ///
    /// An error says nothing about the entries: they, and the mark with them, may
    /// have arrived or not, and may yet arrive when the server was only slow.
    /// Dropping the future leaves the same doubt. Send them again, in order.
    fn publish(&self, batch: Batch) -> BoxFuture<'_, Result<Receipt>>;

    /// The value that the broker holds under the name of a mark.
    fn stored_mark<'a>(&'a self, mark: &'a str) -> BoxFuture<'a, Result<StoredMark>>;

    /// Sets a mark unless it is set already, and answers the value that it has then.
    fn claim_mark(&self, mark: BrokerMark) -> BoxFuture<'_, Result<Arc<str>>>;

    /// The status of each group, in the order asked; `None` for one that is missing.
    fn group_status<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Option<BrokerGroupStatus>>>>;

    /// The consumers of each group that the broker knows, dead ones too, in the order asked;
    /// none for a group that is missing.
    fn consumers<'a>(
        &'a self,
        groups: &'a [BrokerGroup],
    ) -> BoxFuture<'a, Result<Vec<Vec<BrokerConsumer>>>>;
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
    /// The mark to set once all of them are in their streams.
    pub mark: Option<BrokerMark>,
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The stream, which is made when it is missing.
    pub stream: Arc<str>,
    /// The encoded envelope.
    pub data: Arc<[u8]>,
}

/// A value the broker keeps beside its streams, as durable as they are: when it
/// holds the mark of a batch it holds the batch and all that was published before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerMark {
    /// The name of its publisher; no two publishers share one.
    pub name: Arc<str>,
    /// The value to set.
    pub value: Arc<str>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What became of each entry, in order.
    pub published: Vec<Published>,
    /// The value of the mark before. When it is not the value set last, the broker lost
    /// what was published since.
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

/// The mark that a broker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMark {
    /// The value, when the mark was ever set.
    pub value: Option<Arc<str>>,
    /// Changes whenever the broker's server restarts.
    pub incarnation: Arc<str>,
}

/// The status of a group on one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerGroupStatus {
    /// Entries in the stream, for all its groups.
    pub length: u64,
    /// How many groups the stream has.
    pub groups: u64,
    /// Entries handed to consumers and not settled.
    pub pending: u64,
    /// Entries not handed to a consumer yet; `None` when the broker cannot say.
    pub lag: Option<u64>,
    /// Consumers that the broker knows, including dead ones.
    pub consumers: u64,
    /// How long the oldest entry that is not settled has been in the stream.
    pub oldest: Option<Duration>,
}

/// A consumer of a group on one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConsumer {
    /// Its name, which no other consumer has that lives at the same time.
    pub name: Arc<str>,
    /// Entries handed to it and not settled.
    pub pending: u64,
    /// How long ago it last asked for entries or held some.
    pub idle: Duration,
}
