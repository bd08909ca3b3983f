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
use crate::message::{Priority, Timestamp};

/// Reads the intake. It is written through [`Store::commit`](super::Store::commit), and by other
/// programs.
pub trait IntakeTable: Send + Sync {
    /// Rows in a range of priorities, in insertion order. A row waits for earlier rows of the same
    /// transaction outside of the range, if the database knows the transactions. The time this
    /// takes does not depend on the number of waiting rows.
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
    /// The lowest and the highest priority, both included. Priorities that no message can have lie
    /// below [`Priority::ALL`] or above.
    pub priorities: (Priority, Priority),
    /// Excludes rows whose type names one of these domains, such as `Shop` in `Shop.PlaceOrder`.
    pub except: Vec<String>,
    /// At most this many.
    pub limit: usize,
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
