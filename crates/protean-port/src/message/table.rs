//! The tables that aggregates and projections declare.

/// The tables and views of the store itself, in an order in which they can be dropped.
/// Aggregates and projections cannot use these names.
pub const RESERVED: [&str; 13] = [
    "outbox",
    "messages",
    "progress",
    "cursors",
    "done",
    "parked",
    "dead",
    "counters",
    "enrolments",
    "idempotency",
    "removed",
    "outbox_queue",
    SNAPSHOTS,
];

/// The table of snapshots. The domain declares it, like the tables of its aggregates, when
/// an aggregate is event-sourced.
pub const SNAPSHOTS: &str = "snapshots";

/// The table of one state-stored aggregate or projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The name in snake case: `account_summary`.
    pub name: String,
    /// The index of the column that holds the identity.
    pub key: usize,
    /// The columns, in the order of the fields.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column that holds the identity.
    pub fn key_column(&self) -> &Column {
        &self.columns[self.key]
    }

    /// The index of the column with this name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name of the field; `address_street` for the field `street` of a value object `address`.
    pub name: String,
    /// The type of its values.
    pub kind: ColumnKind,
    /// True when a row may have no value here.
    pub nullable: bool,
    /// True when no two rows may have the same value.
    pub unique: bool,
}

/// The type of the values in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// `true` or `false`.
    Bool,
    /// An integer of 64 bits.
    Integer,
    /// A floating-point number of 64 bits.
    Real,
    /// An exact decimal number.
    Decimal,
    /// Text of any length.
    Text,
    /// A moment in UTC, to the microsecond.
    Timestamp,
    /// A day without a time.
    Date,
    /// A JSON value as text.
    Json,
}
