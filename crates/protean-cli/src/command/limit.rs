//! The limit of commands that list messages.

/// The most messages that one call shows, since they are held in memory.
pub(super) const MAX_LIMIT: i64 = 10_000;
