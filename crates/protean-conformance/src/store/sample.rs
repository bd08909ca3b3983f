//! What the facts commit: accounts, things, and the groups that read them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use protean_port::message::{
    Category, Column, ColumnKind, Extensions, Id, Kind, Lane, Message, Metadata, Priority,
    Recorded, Row, Stream, Table, Timestamp, TraceParent, Value,
};
use protean_port::port::{
    Append, At, Changes, Count, Counter, Dead, DoneMark, Expect, GroupRegistration, KeyClaim,
    KeyWrite, LaneRead, MessageRef, Outcome, Park, ParkedRead, Place, ProgressMove, RowChange,
    RowWrite, Start, Store,
};

/// The group that reads accounts from the beginning.
pub const READER: &str = "reader";

/// Another group that does.
pub const OTHER: &str = "other";

/// Every priority there is.
pub const ALL: (Priority, Priority) = (Priority::new(i32::MIN), Priority::new(i32::MAX));

/// The category the groups read.
pub fn accounts() -> Category {
    Category::named("fact::account")
}

/// The stream of one account.
pub fn account(id: &str) -> Stream {
    accounts().stream(&Id::from(id))
}

/// The tables that are prepared.
pub fn tables() -> Vec<Table> {
    vec![things()]
}

/// The registered groups.
pub fn registrations() -> Vec<GroupRegistration> {
    [READER, OTHER].map(|group| registration(group, Start::Beginning)).into()
}

/// A group that reads accounts.
pub fn registration(group: &str, start: Start) -> GroupRegistration {
    GroupRegistration::new(group, accounts(), start)
}

/// The columns of [`things`] by name.
pub mod column {
    /// Text, the key.
    pub const ID: usize = 0;
    /// Text.
    pub const NAME: usize = 1;
    /// Text, unique.
    pub const EMAIL: usize = 2;
    /// A whole number.
    pub const SIZE: usize = 3;
    /// A floating-point number.
    pub const WEIGHT: usize = 4;
    /// An exact number, unique.
    pub const PRICE: usize = 5;
    /// True or false.
    pub const ACTIVE: usize = 6;
    /// A day.
    pub const BORN: usize = 7;
    /// A moment.
    pub const SEEN: usize = 8;
    /// JSON.
    pub const TAGS: usize = 9;
}

/// A table with a column of each kind; all but the key may be empty.
pub fn things() -> Table {
    let columns = [
        ("id", ColumnKind::Text),
        ("name", ColumnKind::Text),
        ("email", ColumnKind::Text),
        ("size", ColumnKind::Integer),
        ("weight", ColumnKind::Real),
        ("price", ColumnKind::Decimal),
        ("active", ColumnKind::Bool),
        ("born", ColumnKind::Date),
        ("seen", ColumnKind::Timestamp),
        ("tags", ColumnKind::Json),
    ];
    let column = |(name, kind): (&str, ColumnKind)| Column {
        name: name.to_owned(),
        kind,
        nullable: name != "id",
        unique: name == "email",
        default: None,
        renamed_from: Vec::new(),
    };
    let columns = columns.map(column).into();
    Table { name: "things".to_owned(), key: 0, columns, indexes: Vec::new() }
}

/// A thing with these values and nothing else.
pub fn thing<const N: usize>(id: &str, values: [(usize, Value); N]) -> Row {
    let mut row = vec![Value::Null; things().columns.len()];
    row[column::ID] = Value::text(id);
    for (index, value) in values {
        row[index] = value;
    }
    row.into()
}

/// A message like no other, made a second after the one before.
pub fn message(stream: &Stream, priority: Priority) -> Message {
    static MADE: AtomicI64 = AtomicI64::new(1);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    Message {
        id: format!("message-{number}").into(),
        stream: stream.clone(),
        kind: Kind::Event,
        type_name: "Fact.Happened.v1".into(),
        version: 1,
        priority,
        correlation_id: format!("cause-{number}").into(),
        causation_id: None,
        time: at(number),
        data: format!("{{\"number\":{number}}}").into(),
        extensions: Extensions::default(),
    }
}

/// A moment, in seconds.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// Metadata with odd strings.
pub fn metadata() -> Metadata {
    let mut metadata = Metadata::default();
    metadata.set("tenant", "\u{1}'acmé' \"\u{1F980}\"\n");
    metadata.set("a/b:c.d-e_f", "");
    metadata
}

/// A trace context.
pub fn traceparent() -> TraceParent {
    let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    text.parse().unwrap_or_else(|fault| panic!("{fault}"))
}

/// A unit in the making.
#[derive(Clone)]
pub struct Draft(pub(super) Changes);

/// A unit of the primary lane.
pub fn unit() -> Draft {
    Draft(Changes::new(Lane::Primary))
}

/// A unit of the backfill lane.
pub fn bulk() -> Draft {
    Draft(Changes::new(Lane::Backfill))
}

impl Draft {
    /// Appends a message of a priority to a stream.
    pub fn append(self, stream: &Stream, priority: Priority) -> Self {
        self.message(message(stream, priority), Expect::End)
    }

    /// Appends a message that must land at a stream position.
    pub fn append_at(self, stream: &Stream, position: u64) -> Self {
        self.message(message(stream, Priority::NORMAL), Expect::At(position))
    }

    /// Appends this message.
    pub fn message(mut self, message: Message, expect: Expect) -> Self {
        self.0.appends.push(Append { message, expect });
        self
    }

    /// Puts a thing; its version becomes one more than expected.
    pub fn put(self, expected: Option<u64>, row: Row) -> Self {
        let Value::Text(key) = row[column::ID].clone() else { panic!("a thing has a key") };
        self.row(&key, expected, RowChange::Put(row))
    }

    /// Removes a thing; its version becomes one more than expected.
    pub fn remove(self, key: &str, expected: u64) -> Self {
        self.row(key, Some(expected), RowChange::Remove)
    }

    fn row(mut self, key: &str, expected: Option<u64>, change: RowChange) -> Self {
        let version = expected.map_or(0, |version| version + 1);
        let table = Arc::new(things());
        self.0.rows.push(RowWrite { table, key: key.into(), expected, version, change });
        self
    }

    /// Claims a key for a message of the command `Fact.Open.v1`, until the second 100.
    pub fn claim(self, key: &str, message_id: &str) -> Self {
        self.key(KeyWrite::Claim(key_claim(key, message_id)))
    }

    /// Claims a key, or says what became of the message that did.
    pub fn key(mut self, write: KeyWrite) -> Self {
        self.0.keys.push(write);
        self
    }

    /// Moves a group on in a stream.
    pub fn step(mut self, group: &str, stream: &Stream, position: u64) -> Self {
        let (group, stream) = (group.into(), stream.clone());
        self.0.progress.push(ProgressMove { group, stream, position });
        self
    }

    /// Marks messages of accounts as settled.
    pub fn mark(mut self, group: &str, priority: Priority, at: At) -> Self {
        self.0.marks.push(DoneMark { group: group.into(), category: accounts(), priority, at });
        self
    }

    /// Parks, takes or releases.
    pub fn park(mut self, park: Park) -> Self {
        self.0.parks.push(park);
        self
    }

    /// Gives a message up.
    pub fn add_dead(self, group: &str, message: MessageRef) -> Self {
        let (group, reason) = (group.into(), "it cannot be handled".to_owned());
        let buried = Dead::Add { group, message, attempts: 3, reason, time: at(0), in_turn: false };
        self.with(|changes| changes.dead.push(buried))
    }

    /// Counts messages of accounts.
    pub fn count(mut self, group: &str, counter: Counter, count: u64) -> Self {
        self.0.counts.push(Count { group: group.into(), category: accounts(), counter, count });
        self
    }

    /// Depends on an earlier unit of its list.
    pub fn after(mut self, index: usize) -> Self {
        self.0.depends_on.push(index);
        self
    }

    /// Is replaced by another when it is left out.
    pub fn or(mut self, otherwise: Draft) -> Self {
        self.0.otherwise = Some(Box::new(otherwise.0));
        self
    }

    /// Changed further by hand.
    pub fn with(mut self, change: impl FnOnce(&mut Changes)) -> Self {
        change(&mut self.0);
        self
    }
}

/// A key of the command `Fact.Open.v1`, claimed at the second 0 until the second 100.
pub fn key_claim(key: &str, message_id: &str) -> KeyClaim {
    KeyClaim {
        command: "Fact.Open.v1".into(),
        key: key.into(),
        message_id: message_id.into(),
        output: None,
        time: at(0),
        expires: at(100),
    }
}

/// Parks a message until it is due.
pub fn keep(group: &str, message: &MessageRef, attempts: u32, due: Option<Timestamp>) -> Park {
    let (message, reason) = (message.clone(), "it failed".to_owned());
    Park::Keep { group: group.into(), message, attempts, due, reason }
}

/// Holds a message behind an earlier one of its stream.
pub fn hold(group: &str, message: &MessageRef) -> Park {
    let (message, reason) = (message.clone(), "it waits".to_owned());
    Park::Hold { group: group.into(), message, attempts: 0, reason }
}

/// Takes a parked message out.
pub fn take(group: &str, message: &MessageRef) -> Park {
    Park::Take { group: group.into(), message: message.clone() }
}

/// Commits a list of units.
pub async fn commit<const N: usize>(store: &dyn Store, units: [Draft; N]) -> [Outcome; N] {
    let outcomes = store.commit(units.map(|draft| draft.0).into()).await;
    outcomes.try_into().unwrap_or_else(|_| panic!("there is one outcome for each unit"))
}

/// Commits one unit.
pub async fn commit_one(store: &dyn Store, draft: Draft) -> Outcome {
    let [outcome] = commit(store, [draft]).await;
    outcome
}

/// Commits many units.
pub async fn commit_all(store: &dyn Store, units: Vec<Draft>) -> Vec<Outcome> {
    store.commit(units.into_iter().map(|draft| draft.0).collect()).await
}

/// Where the messages of a unit landed that must have been committed.
#[track_caller]
pub fn places(outcome: &Outcome) -> &[Place] {
    match outcome {
        Outcome::Committed(places) => places,
        other => panic!("it is not committed: {other:?}"),
    }
}

/// Fails unless the unit was left out as stale.
#[track_caller]
pub fn assert_stale(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Stale(_)), "it is not stale: {outcome:?}");
}

/// Appends a message and tells where it landed.
pub async fn recorded(store: &dyn Store, stream: &Stream, priority: Priority) -> Recorded {
    let message = message(stream, priority);
    let outcome = commit_one(store, unit().message(message.clone(), Expect::End)).await;
    let Place { position, stream_position } = places(&outcome)[0];
    Recorded { position, stream_position, message }
}

/// Reads every priority of the parked messages of accounts for a group.
pub fn parked_read(group: &str, now: Timestamp, limit: usize) -> ParkedRead {
    let (group, category) = (group.to_owned(), accounts());
    ParkedRead { group, category, range: ALL, now, limit }
}

/// Reads every priority of accounts for a group, at most a thousand messages.
pub fn lane_read(group: &str) -> LaneRead {
    let (group, category) = (group.to_owned(), accounts());
    LaneRead { group, category, range: ALL, after: Vec::new(), limit: 1000 }
}
