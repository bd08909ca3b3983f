//! Commands that plain programs insert in their own transactions: rows of a table that they can
//! INSERT into with any driver.
//!
//! ```text
//! INSERT INTO protean_intake ─▶ row ─┬▶ IntakeChange::Take: one unit takes it and appends its command
//!                                    └▶ IntakeChange::Reject ─▶ reject ─▶ Retry or Drop
//! ```

use std::sync::Arc;

use super::BoxFuture;
use crate::Result;
use crate::message::{Priority, Timestamp, type_name};

/// Reads the intake. It is written through [`Store::commit`](super::Store::commit), and by other
/// programs.
pub trait IntakeTable: Send + Sync {
    /// Rows of some domains in a range of priorities, in insertion order, up to
    /// [`IntakeRead::MAX_BYTES`]. A row waits for earlier rows of the same transaction and these
    /// domains outside of the range, if the database knows the transactions. The time this takes
    /// does not depend on the number of waiting rows.
    fn intake_rows(&self, read: IntakeRead) -> BoxFuture<'_, Result<Vec<IntakeRow>>>;

    /// Rejected rows after a place, in insertion order.
    fn intake_rejects(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<IntakeReject>>>;
}

/// A row as a program has inserted it, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeEntry {
    /// The id of the command.
    pub id: Arc<str>,
    /// The type of the command: `PlaceOrder`, `Shop.PlaceOrder` or `Shop.PlaceOrder.v1`.
    pub type_name: Arc<str>,
    /// The fields of the command, as JSON.
    pub data: Arc<str>,
    /// The priority.
    pub priority: i64,
    /// The idempotency key.
    pub key: Option<Arc<str>>,
    /// The metadata, as a JSON object whose values are strings.
    pub metadata: Option<Arc<str>>,
}

/// A waiting row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeRow {
    /// Its place among all rows, never reused. A row that is committed late may have a low place.
    pub place: u64,
    /// What was inserted.
    pub entry: IntakeEntry,
    /// True when the log has a command of this id.
    pub is_logged: bool,
    /// True when a column is not valid UTF-8; replacement characters stand for the invalid bytes.
    pub is_garbled: bool,
}

/// A row that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeReject {
    /// The place it had in the intake.
    pub place: u64,
    /// What was inserted.
    pub entry: IntakeEntry,
    /// The reason, for people.
    pub reason: String,
    /// When it was rejected (domain clock).
    pub time: Timestamp,
}

/// A request for waiting rows.
#[derive(Clone, Debug)]
pub struct IntakeRead {
    /// The domains whose rows are read.
    pub domains: IntakeDomains,
    /// The lowest and the highest priority, both included. Priorities that no message can have lie
    /// below [`Priority::ALL`] or above.
    pub priorities: (Priority, Priority),
    /// Only rows after this place.
    pub after: u64,
    /// At most this many.
    pub limit: usize,
}

/// Domains as types name them, such as `Shop` in `Shop.PlaceOrder`; the empty name stands for types
/// that name none.
#[derive(Clone, Debug)]
pub enum IntakeDomains {
    /// These.
    Only(Vec<String>),
    /// All others.
    Except(Vec<String>),
}

/// A change of the intake.
#[derive(Clone, Debug)]
pub enum IntakeChange {
    /// Adds a row, as the INSERT of a plain program would.
    Add(Box<IntakeEntry>),
    /// Removes the row at this place; if it is gone, the unit is left out.
    Take(u64),
    /// Moves a row to the rejects; if it is gone, the unit is left out.
    Reject {
        /// The place of the row.
        place: u64,
        /// The reason, for people.
        reason: String,
        /// When (domain clock).
        time: Timestamp,
    },
    /// Moves the reject at this place back as a new row; if it is gone, the unit is left out.
    Retry(u64),
    /// Deletes the reject at this place; if it is gone, the unit is left out.
    Drop(u64),
}

impl IntakeRead {
    /// A page ends with the row with which data and metadata reach this size.
    pub const MAX_BYTES: usize = 4 << 20;

    /// All rows, as far as a page holds them.
    pub fn first(limit: usize) -> Self {
        let domains = IntakeDomains::Except(Vec::new());
        Self { domains, priorities: Priority::ALL, after: 0, limit }
    }

    /// The lowest and the highest priority as columns hold them.
    pub fn range(&self) -> (i64, i64) {
        range(self.priorities)
    }
}

/// The ends of a range of priorities as columns hold them: those of [`Priority::ALL`] are open,
/// since a program may insert any number.
pub(super) fn range((lowest, highest): (Priority, Priority)) -> (i64, i64) {
    let (first, last) = Priority::ALL;
    let lowest = if lowest == first { i64::MIN } else { lowest.value().into() };
    let highest = if highest == last { i64::MAX } else { highest.value().into() };
    (lowest, highest)
}

impl IntakeDomains {
    /// The names, and whether those are the ones to read.
    pub fn names(&self) -> (&[String], bool) {
        match self {
            Self::Only(names) => (names, true),
            Self::Except(names) => (names, false),
        }
    }

    /// True when rows of this domain are read.
    pub fn has(&self, domain: &str) -> bool {
        let (names, is_read) = self.names();
        names.iter().any(|name| name == domain) == is_read
    }
}

impl IntakeChange {
    /// The place of the row that it changes; `None` when it adds one.
    pub fn place(&self) -> Option<u64> {
        match self {
            Self::Add(_) => None,
            Self::Take(place)
            | Self::Reject { place, .. }
            | Self::Retry(place)
            | Self::Drop(place) => Some(*place),
        }
    }
}

impl IntakeEntry {
    /// The domain that the type names; empty for `PlaceOrder` and `PlaceOrder.v1`.
    pub fn domain(&self) -> &str {
        let stem = type_name::split_version(&self.type_name).map_or(&*self.type_name, |of| of.0);
        stem.split_once('.').map_or("", |(domain, _)| domain)
    }

    /// The size of data and metadata in bytes.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.metadata.as_ref().map_or(0, |metadata| metadata.len())
    }
}

impl IntakeRow {
    /// Cuts a page after the row with which it reaches [`IntakeRead::MAX_BYTES`].
    pub fn cut(page: &mut Vec<Self>) {
        let mut bytes = 0;
        let end = page.iter().position(|row| {
            bytes += row.entry.bytes();
            bytes >= IntakeRead::MAX_BYTES
        });
        page.truncate(end.map_or(page.len(), |end| end + 1));
    }
}
