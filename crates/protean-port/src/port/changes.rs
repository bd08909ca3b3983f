//! A unit of work as a value.

use std::sync::Arc;

use super::{Count, IntakeChange, Schedule, Statement, StatementRead};
use crate::Violations;
use crate::message::{Category, Lane, Message, Priority, Recorded, Row, Stream, Table, Timestamp};

/// Everything one unit of work changes: applied whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Primary units are written first.
    pub lane: Lane,
    /// Messages for the log.
    pub appends: Vec<Append>,
    /// The generation of the [correlations](super::Correlations) by which the messages hold the
    /// copies for processes: the unit is left out when the store has others by now. `None` when
    /// there is no event among them.
    pub correlated: Option<u64>,
    /// Rows of aggregates and projections.
    pub rows: Vec<RowWrite>,
    /// What the user's own SQL has read. If it reads something else at the commit, the unit is left
    /// out.
    pub reads: Vec<StatementRead>,
    /// The user's own SQL, run after the rows.
    pub statements: Vec<Statement>,
    /// Idempotency keys of commands.
    pub keys: Vec<KeyWrite>,
    /// Messages that wait for their time, or no longer do.
    pub schedules: Vec<Schedule>,
    /// Changes of the intake.
    pub intake: Vec<IntakeChange>,
    /// Ordered groups that move on in a stream.
    pub progress: Vec<ProgressMove>,
    /// Messages that are settled for a group.
    pub marks: Vec<DoneMark>,
    /// Messages parked or taken out again.
    pub parks: Vec<Park>,
    /// Messages given up or taken out again.
    pub dead: Vec<Dead>,
    /// Additions to counters.
    pub counts: Vec<Count>,
    /// Units before this one in the same list whose writes this one has read.
    pub depends_on: Vec<usize>,
    /// The unit to apply in its place when this one is left out.
    pub otherwise: Option<Box<Changes>>,
    /// True when the work is done again if a crash of the database undoes this unit: the
    /// answer need not wait for the disk.
    pub redone_if_lost: bool,
}

impl Changes {
    /// An empty unit in a lane.
    pub fn new(lane: Lane) -> Self {
        Self { lane, ..Self::default() }
    }

    /// Every group that it names, also in what may be applied in its place.
    pub fn groups_mut(&mut self) -> impl Iterator<Item = &mut Arc<str>> {
        let Self { progress, marks, parks, dead, counts, otherwise, .. } = self;
        let progress = progress.iter_mut().map(|step| &mut step.group);
        let marks = marks.iter_mut().map(|mark| &mut mark.group);
        let parks = parks.iter_mut().map(|park| match park {
            Park::Keep { group, .. }
            | Park::Hold { group, .. }
            | Park::Take { group, .. }
            | Park::Release { group, .. } => group,
        });
        let dead = dead.iter_mut().map(|dead| match dead {
            Dead::Add { group, .. } | Dead::Take { group, .. } => group,
        });
        let counts = counts.iter_mut().map(|count| &mut count.group);
        let own = progress.chain(marks).chain(parks).chain(dead).chain(counts);
        let otherwise: Box<dyn Iterator<Item = &mut Arc<str>>> = match otherwise {
            Some(unit) => Box::new(unit.groups_mut()),
            None => Box::new(std::iter::empty()),
        };
        own.chain(otherwise)
    }
}

/// A message to append.
#[derive(Clone, Debug)]
pub struct Append {
    /// The message.
    pub message: Message,
    /// Where in its stream it must land.
    pub expect: Expect,
}

/// Where in its stream a message must land.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// At the end, wherever that is.
    End,
    /// At exactly this stream position.
    At(u64),
}

/// A change of one row.
#[derive(Clone, Debug)]
pub struct RowWrite {
    /// The table.
    pub table: Arc<Table>,
    /// The identity.
    pub key: Arc<str>,
    /// The version the row must have, `None` when there must be no row.
    pub expected: Option<u64>,
    /// The version it gets: greater than every version the row has had.
    pub version: u64,
    /// The change itself.
    pub change: RowChange,
}

/// The change of a row.
#[derive(Clone, Debug)]
pub enum RowChange {
    /// The row gets these values.
    Put(Row),
    /// The row is deleted; its version is kept.
    Remove,
}

/// A change of an idempotency key.
#[derive(Clone, Debug)]
pub enum KeyWrite {
    /// Claims the key. When another message has claimed it and that claim has not
    /// [expired](KeyClaim::expires), the unit is left out as [`Outcome::Duplicate`].
    Claim(KeyClaim),
    /// Records the outcome of the message that claimed the key; has no effect when another
    /// message has claimed it since.
    Settle(KeyClaim),
}

/// An idempotency key and the command that claimed it.
#[derive(Clone, Debug)]
pub struct KeyClaim {
    /// The type of the command.
    pub command: Arc<str>,
    /// The idempotency key that the sender gave it.
    pub key: Arc<str>,
    /// The id of the message.
    pub message_id: Arc<str>,
    /// What its handler returned, as JSON, when it has run already.
    pub output: Option<Arc<str>>,
    /// When the key was claimed (domain clock).
    pub time: Timestamp,
    /// From this moment on the key is free again and may be deleted.
    pub expires: Timestamp,
}

/// Advances an ordered group by one message of a stream.
#[derive(Clone, Debug)]
pub struct ProgressMove {
    /// The group.
    pub group: Arc<str>,
    /// The stream.
    pub stream: Stream,
    /// The stream position of the message; the group must expect exactly this one.
    pub position: u64,
}

/// Marks messages as settled for the cursor of a group.
#[derive(Clone, Debug)]
pub struct DoneMark {
    /// The group.
    pub group: Arc<str>,
    /// The category.
    pub category: Category,
    /// The priority of the message.
    pub priority: Priority,
    /// The messages that the mark covers.
    pub at: At,
}

impl DoneMark {
    /// Marks a message for a group.
    pub fn of(group: &Arc<str>, message: &Message, at: At) -> Self {
        let (group, category) = (Arc::clone(group), message.stream.category().clone());
        Self { group, category, priority: message.priority, at }
    }
}

/// Which messages a mark covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// All up to this log position: the cursor moves there.
    UpTo(u64),
    /// The message at this log position: the cursor moves onto it, and on over what
    /// was settled before, when nothing lies between; else it is marked by itself.
    Only(u64),
    /// The same for a message that must not be settled yet; the unit is left
    /// out when it is.
    First(u64),
    /// The message this unit appends, by its index in [`Changes::appends`].
    Appended(usize),
}

/// Parks a message or takes it out again.
#[derive(Clone, Debug)]
pub enum Park {
    /// Keeps a message for later, in place of what was parked for it.
    Keep {
        /// The group.
        group: Arc<str>,
        /// The message.
        message: MessageRef,
        /// How often its handler has failed.
        attempts: u32,
        /// When to try again; never on its own when it waits behind another.
        due: Option<Timestamp>,
        /// Why, for a person to read.
        reason: String,
    },
    /// Keeps a message that waits behind an earlier one of its stream, until
    /// that one [releases](Self::Release) it. The unit is left out when no
    /// earlier one is parked or dead any more: nothing would release it.
    Hold {
        /// The group.
        group: Arc<str>,
        /// The message.
        message: MessageRef,
        /// How often its handler has failed.
        attempts: u32,
        /// Why, for a person to read.
        reason: String,
    },
    /// Takes a message out; the unit is left out when it is not parked.
    Take {
        /// The group.
        group: Arc<str>,
        /// The message.
        message: MessageRef,
    },
    /// Makes the messages due that wait in this stream behind another.
    Release {
        /// The group.
        group: Arc<str>,
        /// The stream.
        stream: Stream,
        /// When they become due.
        due: Timestamp,
    },
}

/// A message by its places, with what is needed to list it.
#[derive(Clone, Debug)]
pub struct MessageRef {
    /// The place in the log.
    pub position: u64,
    /// The stream.
    pub stream: Stream,
    /// The place in the stream.
    pub stream_position: u64,
    /// The priority.
    pub priority: Priority,
}

impl MessageRef {
    /// The category.
    pub fn category(&self) -> &Category {
        self.stream.category()
    }
}

impl From<&Recorded> for MessageRef {
    fn from(recorded: &Recorded) -> Self {
        Self {
            position: recorded.position,
            stream: recorded.message.stream.clone(),
            stream_position: recorded.stream_position,
            priority: recorded.message.priority,
        }
    }
}

/// Gives a message up or takes it out again. Its exact bytes stay in the log.
#[derive(Clone, Debug)]
pub enum Dead {
    /// Gives a message up; it is not parked any more.
    Add {
        /// The group.
        group: Arc<str>,
        /// The message.
        message: MessageRef,
        /// How often its handler has failed.
        attempts: u32,
        /// Why, for a person to read.
        reason: String,
        /// When the message was given up (domain clock).
        time: Timestamp,
        /// The unit is left out unless the group expects just this message of
        /// its stream: later messages of the stream then wait behind this one.
        in_turn: bool,
    },
    /// Takes a message out; the unit is left out when it is not dead.
    Take {
        /// The group.
        group: Arc<str>,
        /// The message.
        message: MessageRef,
    },
}

/// The outcome of one unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Applied and durable; the places of its messages, in their order.
    Committed(Vec<Place>),
    /// Left out: another message had claimed the idempotency key.
    Duplicate {
        /// The id of the message that claimed it.
        message_id: Arc<str>,
        /// What its handler returned, when it has run.
        output: Option<Arc<str>>,
    },
    /// Left out: something it expects does not hold any more.
    Stale(String),
    /// Left out: it breaks a rule of the database, such as a unique field.
    Rejected(Violations),
    /// Left out: a unit it depends on was left out.
    Dependent,
    /// Not applied, nor its `otherwise`: the database cannot be written now.
    Unavailable(String),
}

/// The positions of an appended message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The position in the log.
    pub position: u64,
    /// The position in its stream.
    pub stream_position: u64,
}
