//! The state of a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::groups::Groups;
use super::messages::Messages;
use super::tables::Tables;
use crate::port::KeyClaim;

/// A type of command and an idempotency key.
pub(super) type KeyId = (Arc<str>, Arc<str>);

/// Everything that a store holds.
#[derive(Default)]
pub(super) struct State {
    pub(super) log: Messages,
    pub(super) tables: Tables,
    pub(super) groups: Groups,
    pub(super) keys: BTreeMap<KeyId, KeyClaim>,
}
