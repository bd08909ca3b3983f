//! The state of a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::groups::Groups;
use super::messages::Messages;
use super::tables::Tables;
use crate::port::{Correlations, GroupIds, IntakeEntry, IntakeReject, KeyClaim, LogId, Scheduled};

/// A type of command and an idempotency key.
pub(super) type KeyId = (Arc<str>, Arc<str>);

/// Everything that a store holds.
pub(super) struct State {
    pub(super) log_id: LogId,
    pub(super) log: Messages,
    pub(super) tables: Tables,
    pub(super) groups: Groups,
    pub(super) group_ids: GroupIds,
    pub(super) correlations: Correlations,
    pub(super) scheduled: BTreeMap<Arc<str>, Scheduled>,
    pub(super) intake: BTreeMap<u64, IntakeEntry>,
    pub(super) intake_rejects: BTreeMap<u64, IntakeReject>,
    /// The last place of the intake, under its only key. A place is not used again.
    pub(super) intake_end: BTreeMap<(), u64>,
    pub(super) keys: BTreeMap<KeyId, KeyClaim>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            log_id: LogId::fresh(),
            log: Messages::default(),
            tables: Tables::default(),
            groups: Groups::default(),
            group_ids: GroupIds::default(),
            correlations: Correlations::default(),
            scheduled: BTreeMap::new(),
            intake: BTreeMap::new(),
            intake_rejects: BTreeMap::new(),
            intake_end: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }
}

impl State {
    /// Gives the log another id.
    pub(super) fn renew_log_id(&mut self) -> LogId {
        self.log_id = LogId::fresh();
        self.log_id.clone()
    }
}
