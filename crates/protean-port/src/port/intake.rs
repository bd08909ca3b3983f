//! Commands that plain programs enqueue in transactions of their own: rows of a table that they may
//! INSERT into, with any driver.
//!
//! ```text
//! INSERT INTO protean_intake ─▶ row ─┬▶ IntakeChange::Take: one unit takes it and appends its command
//!                                    └▶ IntakeChange::Reject ─▶ reject ─▶ Retry or Drop
//! ```

use std::sync::Arc;

use super::BoxFuture;
use crate::Result;
use crate::message::{Priority, Timestamp};

/// Reads the intake. It is written through [`Store::commit`](super::Store::commit), and by other
/// programs.
pub trait IntakeTable: Send + Sync {
    /// Rows of a range of priorities in the order in which they were inserted. A row that shares its
    /// transaction with an earlier one outside of the range waits for that one, where the database
    /// can tell. The time it takes does not depend on how many rows wait.
    fn intake_rows(&self, read: IntakeRead) -> BoxFuture<'_, Result<Vec<IntakeRow>>>;

    /// Rejected rows after a place, in the order in which they were inserted.
    fn intake_rejects(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<IntakeReject>>>;
}

/// What a program has inserted. Nothing of it has been checked.
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
    /// The metadata, as a JSON object of texts.
    pub metadata: Option<Arc<str>>,
}

/// A row that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeRow {
    /// Its place among all rows, unique for ever. A row that is committed late has a low one.
    pub place: u64,
    /// What was inserted.
    pub entry: IntakeEntry,
    /// True when the log has a command of this id.
    pub is_logged: bool,
    /// True when a part of it is no text, which is shown with signs of replacement.
    pub is_garbled: bool,
}

/// A row that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeReject {
    /// The place that it had.
    pub place: u64,
    /// What was inserted.
    pub entry: IntakeEntry,
    /// Why, for a person to read.
    pub reason: String,
    /// When it was rejected (domain clock).
    pub time: Timestamp,
}

/// A read of the rows that wait.
#[derive(Clone, Debug)]
pub struct IntakeRead {
    /// The lowest and the highest priority, both included. Priorities that no message can have lie
    /// below [`Priority::ALL`] or above.
    pub priorities: (Priority, Priority),
    /// Without rows whose type names one of these domains: `Shop` of `Shop.PlaceOrder`.
    pub except: Vec<String>,
    /// At most this many.
    pub limit: usize,
}

/// A change of the intake.
#[derive(Clone, Debug)]
pub enum IntakeChange {
    /// Adds a row, as a program does that inserts one.
    Add(Box<IntakeEntry>),
    /// Takes the row of this place out; the unit is left out when it is not there.
    Take(u64),
    /// Moves a row to the rejects; the unit is left out when it is not there.
    Reject {
        /// The place of the row.
        place: u64,
        /// Why, for a person to read.
        reason: String,
        /// When (domain clock).
        time: Timestamp,
    },
    /// Moves the reject of this place back, as a new row; the unit is left out when it is not there.
    Retry(u64),
    /// Deletes the reject of this place; the unit is left out when it is not there.
    Drop(u64),
}

impl IntakeRead {
    /// The lowest and the highest priority as columns hold them: the ends of
    /// [`Priority::ALL`] are open.
    pub fn range(&self) -> (i64, i64) {
        let (lowest, highest) = self.priorities;
        let (first, last) = Priority::ALL;
        let lowest = if lowest == first { i64::MIN } else { lowest.value().into() };
        let highest = if highest == last { i64::MAX } else { highest.value().into() };
        (lowest, highest)
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
    /// The domain that the type names; `None` for a bare type.
    pub fn domain(&self) -> Option<&str> {
        self.type_name.split_once('.').map(|(domain, _)| domain)
    }
}
