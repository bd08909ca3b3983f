//! Why a unit is left out, in the same words whatever the store.

use super::StatementRead;
use super::changes::{DoneMark, MessageRef, Outcome, RowWrite};
use crate::Violations;
use crate::message::{Row, Stream, Table};

/// A process manager was added since the copies of the events were made.
pub fn correlated_otherwise(made_by: u64, present: u64) -> Outcome {
    Outcome::Stale(format!(
        "process managers have changed: the copies of the events are of generation {made_by}, not \
         {present}"
    ))
}

/// The message is not scheduled under this key, or no longer.
pub fn not_scheduled(key: &str) -> Outcome {
    Outcome::Stale(format!("the message is not scheduled under '{key}', or no longer"))
}

/// The intake has no row at this place any more.
pub fn not_in_intake(place: u64) -> Outcome {
    Outcome::Stale(format!("the intake has no row {place} any more"))
}

/// The intake has no reject at this place any more.
pub fn not_rejected(place: u64) -> Outcome {
    Outcome::Stale(format!("the intake has no reject {place} any more"))
}

/// The user's own SQL now reads other rows than the unit has seen.
pub fn read_changed(read: &StatementRead) -> Outcome {
    let sql = &read.statement.sql;
    Outcome::Stale(format!("rows that the unit has read were changed: {sql}"))
}

/// The stream already has a message at this position.
pub fn position_taken(stream: &Stream, position: u64) -> Outcome {
    Outcome::Stale(format!("'{stream}' already has a message at position {position}"))
}

/// The stream ends before this position.
pub fn position_ahead(stream: &Stream, position: u64) -> Outcome {
    Outcome::Stale(format!("'{stream}' has no message before position {position}"))
}

/// An ordered group is at another message of the stream.
pub fn out_of_turn(group: &str, stream: &Stream, expected: u64, found: u64) -> Outcome {
    Outcome::Stale(format!("'{group}' expects message {expected} of '{stream}', not {found}"))
}

/// The group has settled the message before.
pub fn already_settled(mark: &DoneMark, position: u64) -> Outcome {
    Outcome::Stale(format!("'{}' has already settled message {position}", mark.group))
}

/// The message is to wait behind an earlier one of its stream, and none holds it up.
pub fn nothing_to_wait_for(group: &str, message: &MessageRef) -> Outcome {
    let MessageRef { stream, stream_position, .. } = message;
    Outcome::Stale(format!(
        "'{group}' has no parked or dead message of '{stream}' before {stream_position}"
    ))
}

/// The message is not parked, or no longer.
pub fn not_parked(group: &str, position: u64) -> Outcome {
    Outcome::Stale(format!("message {position} is not parked for '{group}'"))
}

/// The message is not a dead letter, or no longer.
pub fn not_dead(group: &str, position: u64) -> Outcome {
    Outcome::Stale(format!("message {position} is not a dead letter of '{group}'"))
}

/// The row has another version than the write expects: `found`, or none when it does not
/// exist.
pub fn row_changed(write: &RowWrite, found: Option<u64>) -> Outcome {
    let described =
        |version: Option<u64>| version.map_or("no row".into(), |v| format!("version {v}"));
    Outcome::Stale(format!(
        "the row '{}' of '{}' was changed by another unit: expected {}, found {}",
        write.key,
        write.table.name,
        described(write.expected),
        described(found)
    ))
}

/// The version of the write is not above every version that the row has had.
pub fn row_version_used(write: &RowWrite) -> Outcome {
    let (key, table, version) = (&write.key, &write.table.name, write.version);
    Outcome::Stale(format!("the row '{key}' of '{table}' has had version {version} before"))
}

/// The row does not have a value for each column.
pub fn row_incomplete(table: &Table, row: &Row) -> Outcome {
    let (found, declared) = (row.len(), table.columns.len());
    let message = format!("the row has {found} values, the table {declared} columns");
    Outcome::Rejected(Violations::of(&table.name, message))
}

/// A mark is for the message of the unit with this index, and the unit appends fewer.
pub fn not_appended(index: usize, appended: usize) -> Outcome {
    let message = format!("refer to message {index} of the unit, which appends {appended}");
    Outcome::Rejected(Violations::of("marks", message))
}
