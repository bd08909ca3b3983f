//! The log: every message, in the order of its commit.

use super::BoxFuture;
use crate::Result;
use crate::message::{Category, Priority, Recorded, Stream};

/// Reads the log. It is written through [`Store::commit`](super::Store::commit).
pub trait Log: Send + Sync {
    /// The messages of one stream from `from` on, at most `limit`, in order.
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>>>;

    /// What a group has not settled yet in a range of priorities: higher
    /// priorities first, in log order within one, at most `limit` in all.
    /// Never skips a message, however commits and reads interleave.
    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>>;

    /// The streams of a category in the order of their names: those that come
    /// after `after`, at most `limit`.
    fn streams<'a>(
        &'a self,
        category: &'a Category,
        after: Option<&'a Stream>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stream>>>;

    /// Streams whose positions are not 0, 1, 2, …; at most `limit` of them.
    fn broken_streams(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>>;
}

/// Which messages to read for a group.
#[derive(Clone, Debug)]
pub struct LaneRead {
    /// The group that reads.
    pub group: String,
    /// The category it reads.
    pub category: Category,
    /// The lowest and the highest priority, both included.
    pub range: (Priority, Priority),
    /// For a priority, the position up to which the reader has read already;
    /// for the others the group's own cursor holds.
    pub after: Vec<(Priority, u64)>,
    /// At most this many messages.
    pub limit: usize,
}

/// A message handed to a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The message.
    pub recorded: Recorded,
    /// The stream position the group expects next, when the message was read.
    pub next: u64,
    /// How often its handler has failed.
    pub attempts: u32,
    /// True when it comes from the parked messages, false from the log.
    pub parked: bool,
}
