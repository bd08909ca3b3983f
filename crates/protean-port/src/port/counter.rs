//! Counters that transactions update.

use std::sync::Arc;

use crate::message::Category;

/// Adds to a counter.
#[derive(Clone, Debug)]
pub struct Count {
    /// The group.
    pub group: Arc<str>,
    /// The category.
    pub category: Category,
    /// The counter.
    pub counter: Counter,
    /// How much to add.
    pub count: u64,
}

/// A counter of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Counter {
    /// The handler ran and its effects are committed.
    Handled,
    /// The group has no handler for its type.
    Ignored,
    /// The deadline of the message had passed.
    Expired,
    /// The message was given up and dropped.
    Purged,
    /// The message came again after it was handled; not part of the account.
    Duplicate,
    /// A message was scheduled.
    Scheduled,
    /// A scheduled message was replaced by another one under its key.
    Replaced,
    /// A scheduled message went into the log.
    Moved,
    /// A scheduled message was given up.
    Cancelled,
}

impl Counter {
    /// The counters of settled messages.
    pub const SETTLED: [Self; 4] = [Self::Handled, Self::Ignored, Self::Expired, Self::Purged];

    /// Every counter of a group.
    pub const ALL: [Self; 5] =
        [Self::Handled, Self::Ignored, Self::Expired, Self::Purged, Self::Duplicate];

    /// The counters of the schedule.
    pub const SCHEDULE: [Self; 4] = [Self::Scheduled, Self::Replaced, Self::Moved, Self::Cancelled];

    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handled => "handled",
            Self::Ignored => "ignored",
            Self::Expired => "expired",
            Self::Purged => "purged",
            Self::Duplicate => "duplicate",
            Self::Scheduled => "scheduled",
            Self::Replaced => "replaced",
            Self::Moved => "moved",
            Self::Cancelled => "cancelled",
        }
    }
}
