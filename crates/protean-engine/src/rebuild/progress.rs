//! How far a rebuild is.

use std::sync::Arc;

use protean_core::domain::Group;
use protean_port::Result;
use protean_port::port::{GroupStatus, Store};

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RebuildProgress {
    /// Messages of the log that its groups have settled in the successor.
    pub settled: u64,
    /// Messages that they have still to settle.
    pub missing: u64,
}

/// The groups that fill a successor, each with its status there.
pub(super) struct Statuses<'a>(pub(super) Vec<(&'a Arc<Group>, GroupStatus)>);

impl<'a> Statuses<'a> {
    pub(super) async fn read(store: &dyn Store, groups: &'a [Arc<Group>]) -> Result<Self> {
        let mut statuses = Vec::new();
        for group in groups {
            statuses.push((group, store.group_status(&group.name, &group.category).await?));
        }
        Ok(Self(statuses))
    }

    pub(super) fn progress(&self) -> RebuildProgress {
        let (settled, missing) = (self.sum(GroupStatus::settled), self.sum(GroupStatus::lag));
        RebuildProgress { settled, missing }
    }

    pub(super) fn sum(&self, of: impl Fn(&GroupStatus) -> u64) -> u64 {
        self.0.iter().map(|(_, status)| of(status)).sum()
    }
}
