//! How far a rebuild is.

use std::collections::BTreeMap;

use protean_port::port::GroupStatus;

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RebuildProgress {
    /// Messages of the log that its groups have settled in the successor.
    pub settled: u64,
    /// Messages that they have still to settle.
    pub missing: u64,
}

/// The progress of groups with these statuses.
pub(super) fn progress_of(statuses: &BTreeMap<(String, String), GroupStatus>) -> RebuildProgress {
    RebuildProgress {
        settled: statuses.values().map(GroupStatus::settled).sum(),
        missing: statuses.values().map(GroupStatus::lag).sum(),
    }
}
