//! Tables as aggregates and projections declare them.

/// The tables and views a store keeps for itself, in an order in which they can
/// be dropped. No aggregate or projection may have one of these names.
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

/// The table of snapshots. The domain lays it out, as it does the tables of its
/// aggregates, when one of them is kept as events.
pub const SNAPSHOTS: &str = "snapshots";

/// The table of one state-stored aggregate or projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// In snake case: `account_summary`.
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

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field's name; `address_street` for a field inside a value object.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// May be empty.
    pub nullable: bool,
    /// No two rows may hold the same value.
    pub unique: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// A floating-point number.
    Real,
    /// An exact number.
    Decimal,
    /// Text.
    Text,
    /// A moment.
    Timestamp,
    /// A day.
    Date,
    /// JSON text.
    Json,
}
