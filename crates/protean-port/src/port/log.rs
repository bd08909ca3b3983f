//! The log: every message, in the order of its commit.

use std::sync::Arc;

use super::{BoxFuture, Direction};
use crate::Result;
use crate::message::{Category, Kind, Priority, Recorded, Stream, Timestamp};

/// Reads the log. It is written through [`Store::commit`](super::Store::commit).
pub trait Log: Send + Sync {
    /// The messages of one stream from `from` on, at most `limit`, in order.
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>>>;

    /// Messages that a group has not settled yet in a range of priorities: higher
    /// priorities first, in log order within one, at most `limit` in all.
    /// Never skips a message, however commits and reads interleave.
    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>>;

    /// The same as [`lane`](Self::lane), but only where the messages are.
    fn lane_places(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<LogPlace>>>;

    /// The same as [`lane`](Self::lane), with what each message is to these groups. A store may
    /// look at a few messages only, or at none: then the [`Ledger`](super::Ledger) is to be asked.
    fn lane_for<'a>(
        &'a self,
        read: LaneRead,
        groups: &'a [Arc<str>],
    ) -> BoxFuture<'a, Result<Vec<Forwarded>>> {
        Box::pin(async move {
            let unknown = |delivery| Forwarded { delivery, open: vec![None; groups.len()] };
            Ok(self.lane(read).await?.into_iter().map(unknown).collect())
        })
    }

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

    /// The messages that meet every condition, by position. A message id, a correlation id
    /// and a category use an index; the other conditions are checked while reading on,
    /// until `limit` messages are found.
    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<Recorded>>>;

    /// Statistics of each message type, by category, type and kind. Reads the whole log.
    fn stats(&self) -> BoxFuture<'_, Result<Vec<TypeStats>>>;
}

/// A search of the log.
#[derive(Clone, Debug, Default)]
pub struct Find {
    /// Of this category.
    pub category: Option<Category>,
    /// Of this type: `Fidelis.AccountOpened.v1`, or `AccountOpened` for every
    /// version of it.
    pub type_name: Option<Arc<str>>,
    /// With this correlation id.
    pub correlation_id: Option<Arc<str>>,
    /// The message with this id.
    pub message_id: Option<Arc<str>>,
    /// Made at this moment or later.
    pub since: Option<Timestamp>,
    /// Made before this moment.
    pub until: Option<Timestamp>,
    /// Only what is read after this position: beyond it in the direction of reading.
    pub after: Option<u64>,
    /// Ascending from the beginning of the log, or descending from its end.
    pub direction: Direction,
    /// At most this many messages.
    pub limit: usize,
}

impl Find {
    /// The first messages of the log.
    pub fn first(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The message at this log position, or the first one after it.
    pub fn from(position: u64) -> Self {
        Self { after: position.checked_sub(1), ..Self::first(1) }
    }

    /// The last messages of the log, the newest first.
    pub fn last(limit: usize) -> Self {
        Self { direction: Direction::Descending, ..Self::first(limit) }
    }
}

/// The statistics of one message type in one category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStats {
    /// The category.
    pub category: Category,
    /// The type: `Fidelis.AccountOpened.v1`.
    pub type_name: Arc<str>,
    /// Events or commands.
    pub kind: Kind,
    /// How many messages.
    pub count: u64,
    /// When the earliest was made.
    pub first: Timestamp,
    /// When the latest was made.
    pub last: Timestamp,
}

/// A read of one lane for a group.
#[derive(Clone, Debug)]
pub struct LaneRead {
    /// The group that reads.
    pub group: String,
    /// The category it reads.
    pub category: Category,
    /// The lowest and the highest priority, both included.
    pub range: (Priority, Priority),
    /// By priority, the position up to which the reader has read already; the group's
    /// cursor applies to the other priorities.
    pub after: Vec<(Priority, u64)>,
    /// At most this many messages.
    pub limit: usize,
}

/// Where a message is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// Its priority.
    pub priority: Priority,
    /// Its position.
    pub position: u64,
    /// Its id.
    pub id: Arc<str>,
}

impl LogPlace {
    /// Where this message is.
    pub fn of(recorded: &Recorded) -> Self {
        let Recorded { position, message, .. } = recorded;
        Self { priority: message.priority, position: *position, id: Arc::clone(&message.id) }
    }
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

/// A message handed to a group, which hands it on to others.
#[derive(Clone, Debug, PartialEq)]
pub struct Forwarded {
    /// The message, as it is to the group that reads.
    pub delivery: Delivery,
    /// For each of the others, the stream position that it expects next when the message is open
    /// to it, neither settled nor parked. None when it is not, or the store has not looked.
    pub open: Vec<Option<u64>>,
}

impl Delivery {
    /// True when the group has moved past the message and runs it again all the same: it
    /// was given up, later messages overtook it, and it is replayed.
    pub fn is_replay(&self) -> bool {
        self.parked && self.next > self.recorded.stream_position
    }
}
