//! What an entry of a backfill stream holds.

use super::form::choices;

/// Whether an entry of a backfill stream holds a message, or says where several are in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackfillEntries {
    /// Positions, except on a stream that groups of other systems read as well.
    #[default]
    Auto,
    /// A message each.
    Messages,
    /// Positions, even on a stream that other systems read.
    Positions,
}

choices!(
    BackfillEntries: "auto" is Auto, "messages" is Messages, "positions" is Positions
);
