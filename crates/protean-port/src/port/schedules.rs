//! Messages that wait for their time, in a table of their own: none of them has a place in the log
//! yet, so nothing waits below a cursor and nothing is published early.
//!
//! ```text
//! Schedule::Keep ─▶ scheduled ─┬▶ due: one unit appends the message and takes it out
//!                              └▶ Schedule::Take: cancelled
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::intake::range;
use super::{BoxFuture, Count, Counter};
use crate::message::{Category, Extensions, Kind, Message, Priority, Stream, Timestamp};
use crate::{Error, Result};

/// Reads what is scheduled. It is written through [`Store::commit`](super::Store::commit).
pub trait Schedules: Send + Sync {
    /// Scheduled messages of a range of priorities: higher priorities first, in one of them those
    /// that are due first. The time it takes does not depend on how many are not due.
    fn scheduled(&self, read: ScheduledRead) -> BoxFuture<'_, Result<Vec<Scheduled>>>;

    /// True when some of this work is there, in one query.
    fn is_pending(&self, work: PendingWork) -> BoxFuture<'_, Result<bool>>;

    /// What is scheduled under these keys, in one query and in any order.
    fn scheduled_under<'a>(&'a self, keys: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<Scheduled>>>;

    /// The account of everything ever scheduled, from one snapshot of the database. It counts the
    /// waiting messages, so it takes longer the more there are.
    fn schedule_account(&self) -> BoxFuture<'_, Result<ScheduleAccount>>;

    /// The time by the clock of the database, which is the same for every process; `None` when the
    /// database has none but that of the machine.
    fn time(&self) -> BoxFuture<'_, Result<Option<Timestamp>>>;
}

/// A message that waits for its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// What it is kept under; one at a time.
    pub key: Arc<str>,
    /// When it is due.
    pub due: Timestamp,
    /// The message.
    pub message: Message,
}

/// A change of what is scheduled.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// Keeps a message until it is due, in place of what is kept under its key.
    Keep(Box<Scheduled>),
    /// Takes a message out; the unit is left out when this one is not kept under the key, or no
    /// longer: another may have taken its place.
    Take {
        /// What it is kept under.
        key: Arc<str>,
        /// The id of the message.
        id: Arc<str>,
        /// The counter for it, one of [`Counter::SCHEDULE`].
        counter: Counter,
    },
    /// Takes a message out if there is one.
    Drop(Arc<str>),
}

impl Schedule {
    /// The key that it changes.
    pub fn key(&self) -> &Arc<str> {
        match self {
            Self::Keep(scheduled) => &scheduled.key,
            Self::Take { key, .. } | Self::Drop(key) => key,
        }
    }

    /// As what the change counts, when something is kept under its key, or is not.
    pub fn counters(&self, is_known: bool) -> impl Iterator<Item = Counter> {
        let (came, left) = match self {
            Self::Keep(_) => (Some(Counter::Scheduled), Counter::Replaced),
            Self::Take { counter, .. } => (None, *counter),
            Self::Drop(_) => (None, Counter::Cancelled),
        };
        came.into_iter().chain(is_known.then_some(left))
    }
}

/// The group under which the schedule counts.
pub const SCHEDULE: &str = "protean.scheduled";

/// The account of everything ever scheduled:
/// scheduled = replaced + moved + cancelled + waiting. The transactions that change the schedule count
/// each term but the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScheduleAccount {
    /// Messages that were scheduled.
    pub scheduled: u64,
    /// Messages that were replaced by another one.
    pub replaced: u64,
    /// Messages that were moved into the log.
    pub moved: u64,
    /// Messages that were cancelled.
    pub cancelled: u64,
    /// Messages that are waiting.
    pub waiting: u64,
}

impl ScheduleAccount {
    /// The account of these terms, by the names of their counters; what waits is `waiting`.
    pub fn of<'a>(terms: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let mut account = Self::default();
        for (name, count) in terms {
            match name {
                "scheduled" => account.scheduled = count,
                "replaced" => account.replaced = count,
                "moved" => account.moved = count,
                "cancelled" => account.cancelled = count,
                "waiting" => account.waiting = count,
                _ => {}
            }
        }
        account
    }

    /// How many messages the schedule should hold; negative when more left it than came.
    pub fn expected(&self) -> i128 {
        let left = [self.replaced, self.moved, self.cancelled].map(i128::from);
        i128::from(self.scheduled) - left.iter().sum::<i128>()
    }

    /// True when the number of waiting messages is the expected one.
    pub fn closes(&self) -> bool {
        self.expected() == i128::from(self.waiting)
    }
}

impl Count {
    /// Counts one message of the schedule.
    pub fn of_schedule(counter: Counter) -> Self {
        Self { group: SCHEDULE.into(), category: Category::named(SCHEDULE), counter, count: 1 }
    }
}

/// What can enter the log: scheduled messages that are due, and rows of the intake.
#[derive(Clone, Debug)]
pub struct PendingWork {
    /// The lowest and the highest priority, both included, as in
    /// [`IntakeRead`](super::IntakeRead::priorities).
    pub priorities: (Priority, Priority),
    /// Messages that are due at this moment or earlier.
    pub until: Timestamp,
    /// Rows of these [domains](super::IntakeDomains).
    pub domains: Vec<String>,
}

impl PendingWork {
    /// The lowest and the highest priority as columns hold them.
    pub fn range(&self) -> (i64, i64) {
        range(self.priorities)
    }
}

/// A read of what is scheduled.
#[derive(Clone, Debug)]
pub struct ScheduledRead {
    /// The lowest and the highest priority, both included.
    pub priorities: (Priority, Priority),
    /// Only what comes after this place in the order of the reading.
    pub after: Option<ScheduledPlace>,
    /// Due at this moment or earlier.
    pub until: Timestamp,
    /// At most this many.
    pub limit: usize,
}

/// A place in the order in which scheduled messages are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledPlace {
    /// The priority.
    pub priority: Priority,
    /// When it is due.
    pub due: Timestamp,
    /// What it is kept under.
    pub key: Arc<str>,
}

impl ScheduledRead {
    /// The first that are due by a moment, of these priorities.
    pub fn due(until: Timestamp, priorities: (Priority, Priority), limit: usize) -> Self {
        Self { priorities, after: None, until, limit }
    }

    /// The place after which those of this priority come; none when all of them do.
    pub fn after_in(&self, priority: Priority) -> Option<&ScheduledPlace> {
        self.after.as_ref().filter(|after| after.priority == priority)
    }

    /// True when some of this priority may be read.
    pub fn takes(&self, priority: Priority) -> bool {
        let (lowest, highest) = self.priorities;
        let is_passed = self.after.as_ref().is_some_and(|after| priority > after.priority);
        (lowest..=highest).contains(&priority) && !is_passed
    }
}

impl Scheduled {
    /// Schedules a message. It counts as made when it is due, so deadlines and waiting times count
    /// from then.
    pub fn at(due: Timestamp, key: impl Into<Arc<str>>, message: Message) -> Self {
        Self { key: key.into(), due, message: Message { time: due, ..message } }
    }

    /// Where it stands in the order of reading.
    pub fn place(&self) -> ScheduledPlace {
        let (priority, due, key) = (self.message.priority, self.due, Arc::clone(&self.key));
        ScheduledPlace { priority, due, key }
    }

    /// The message as a store keeps it beside key, priority and time.
    pub fn message_json(&self) -> String {
        serde_json::json!(Kept::of(&self.message)).to_string()
    }

    /// Reads what [`message_json`](Self::message_json) has written.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn read(key: impl Into<Arc<str>>, due: Timestamp, message: &str) -> Result<Self> {
        let key = key.into();
        let kept: Kept<'_> = serde_json::from_str(message).map_err(|error| {
            Error::failed(format!("what is scheduled under '{key}' cannot be read"))
                .with_source(error)
        })?;
        Ok(Self { key, due, message: kept.message() })
    }
}

/// A message as JSON.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    id: Arc<str>,
    stream: Arc<str>,
    category: Arc<str>,
    is_command: bool,
    type_name: Arc<str>,
    version: u32,
    priority: i32,
    correlation_id: Arc<str>,
    causation_id: Option<Arc<str>>,
    time: i64,
    data: Arc<str>,
    extensions: std::borrow::Cow<'a, Extensions>,
}

impl<'a> Kept<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            id: Arc::clone(&message.id),
            stream: message.stream.name(),
            category: message.stream.category().as_str().into(),
            is_command: message.kind == Kind::Command,
            type_name: Arc::clone(&message.type_name),
            version: message.version,
            priority: message.priority.value(),
            correlation_id: Arc::clone(&message.correlation_id),
            causation_id: message.causation_id.clone(),
            time: message.time.as_micros(),
            data: Arc::clone(&message.data),
            extensions: std::borrow::Cow::Borrowed(&message.extensions),
        }
    }

    fn message(self) -> Message {
        Message {
            id: self.id,
            stream: Stream::restored(self.stream, Category::named(self.category)),
            kind: if self.is_command { Kind::Command } else { Kind::Event },
            type_name: self.type_name,
            version: self.version,
            priority: Priority::new(self.priority),
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            time: Timestamp::from_micros(self.time),
            data: self.data,
            extensions: self.extensions.into_owned(),
        }
    }
}
