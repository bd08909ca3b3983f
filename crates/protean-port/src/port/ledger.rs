//! The ledger: what each group has done with each message.

use std::collections::BTreeMap;

use super::{BoxFuture, Counter, Delivery};
use crate::Result;
use crate::message::{Category, Priority, Recorded, Stream, Timestamp};

/// Reads what groups have done. It is written through [`Store::commit`](super::Store::commit).
pub trait Ledger: Send + Sync {
    /// The stream position an ordered group expects next: the first one after
    /// its start in a stream in which it has not moved yet.
    fn next<'a>(&'a self, group: &'a str, stream: &'a Stream) -> BoxFuture<'a, Result<u64>>;

    /// True when a message of `stream` before `position` is parked or dead for
    /// this group and the group has not moved past it.
    fn blocked<'a>(
        &'a self,
        group: &'a str,
        stream: &'a Stream,
        position: u64,
    ) -> BoxFuture<'a, Result<bool>>;

    /// The parked messages of a range of priorities that are due, the longest
    /// due first.
    fn parked(&self, read: ParkedRead) -> BoxFuture<'_, Result<ParkedPage>>;

    /// The status of a group in a category, read in one consistent view. It should take the same
    /// time however long the log is: monitoring asks for it again and again.
    fn group_status<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
    ) -> BoxFuture<'a, Result<GroupStatus>>;

    /// Makes this process the one that reads for `group`, or says that another
    /// is. Dropping the claim, or the end of the process, gives it up.
    fn claim<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Box<dyn Claim>>>>;

    /// The messages at these log positions that the group has parked or not settled yet, in
    /// the order of the log.
    fn recall<'a>(
        &'a self,
        group: &'a str,
        category: &'a Category,
        positions: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<Delivery>>>;

    /// Dead letters, in the order of the log.
    fn dead_letters(&self, read: DeadLetterRead) -> BoxFuture<'_, Result<Vec<DeadLetter>>>;
}

/// Held while this process reads for a group. What is noted in it outlives an
/// abrupt end of the process, though not necessarily one of the machine.
///
/// A claim that was lost stays lost: its holder drops it and claims anew.
pub trait Claim: Send + Sync {
    /// What was noted when the previous holder ended: nothing after a clean end.
    fn left(&self) -> &[u64];

    /// Resolves once this process no longer holds the claim, so that another may: its
    /// connection ended, or its lock file is gone. It resolves within a second of the
    /// store knowing, whatever else the holder does, and also once the claim is dropped.
    fn lost(&self) -> BoxFuture<'static, ()>;

    /// Notes the log positions of the messages that are being handled, in place
    /// of what was noted before. Resolves once the note outlives an abrupt end of the
    /// process, or within seconds with an error. Notes take effect in the order of the calls;
    /// one whose answer is not awaited may or may not be written.
    ///
    /// # Errors
    /// When the note cannot be written, or the claim was lost; the previous note may
    /// be gone then.
    fn note(&self, positions: &[u64]) -> BoxFuture<'static, Result>;
}

/// A read of dead letters.
#[derive(Clone, Debug)]
pub struct DeadLetterRead {
    /// The group that gave them up.
    pub group: String,
    /// The category they belong to.
    pub category: Category,
    /// Only those after this log position.
    pub after: u64,
    /// Only those given up before this moment.
    pub before: Timestamp,
    /// At most this many.
    pub limit: usize,
}

/// A message given up, as it lies in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The message.
    pub recorded: Recorded,
    /// How often its handler failed.
    pub attempts: u32,
    /// Why it was given up, for a person to read.
    pub reason: String,
    /// When the message was given up (domain clock).
    pub time: Timestamp,
}

/// A read of a group's parked messages.
#[derive(Clone, Debug)]
pub struct ParkedRead {
    /// The group that reads.
    pub group: String,
    /// The category it reads.
    pub category: Category,
    /// The lowest and the highest priority, both included.
    pub range: (Priority, Priority),
    /// Messages that are due at this moment or earlier.
    pub now: Timestamp,
    /// At most this many messages.
    pub limit: usize,
}

/// Parked messages that are due, and when the next one will be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParkedPage {
    /// Due, the longest due first.
    pub due: Vec<Delivery>,
    /// When the first of the others in the range is due.
    pub next_due: Option<Timestamp>,
}

/// The status of a group in one category.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupStatus {
    /// Messages committed since the group began.
    pub committed: u64,
    /// What its transactions counted.
    pub counts: BTreeMap<Counter, u64>,
    /// Its status for each priority in the log.
    pub lanes: Vec<PriorityStatus>,
}

impl GroupStatus {
    /// The value of a counter.
    pub fn count(&self, counter: Counter) -> u64 {
        self.counts.get(&counter).copied().unwrap_or(0)
    }

    /// Messages that are parked.
    pub fn parked(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.parked).sum()
    }

    /// Messages that are dead.
    pub fn dead(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.dead).sum()
    }

    /// Messages on the way: committed and not settled.
    pub fn lag(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.lag).sum()
    }

    /// What is settled: handled, ignored, expired, purged, parked and dead.
    pub fn settled(&self) -> u64 {
        let counted: u64 = Counter::SETTLED.iter().map(|counter| self.count(*counter)).sum();
        counted + self.parked() + self.dead()
    }

    /// True when every committed message is accounted for exactly once.
    pub fn closes(&self) -> bool {
        self.committed == self.settled() + self.lag()
    }
}

/// The status of a group for one priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityStatus {
    /// The priority.
    pub priority: Priority,
    /// Messages not settled yet.
    pub lag: u64,
    /// When the oldest of them was made.
    pub oldest: Option<Timestamp>,
    /// Messages that wait for another try, or behind one that does.
    pub parked: u64,
    /// Messages given up.
    pub dead: u64,
    /// The log position up to which everything is settled.
    pub cursor: u64,
    /// The log position of the last message.
    pub head: u64,
}
