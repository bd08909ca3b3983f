//! The stream of a subscriber.

use std::sync::Arc;

use protean_core::domain::{Domain, Group};
use protean_port::port::Store;

/// A stream or channel of a broker that a subscriber reads.
pub(super) struct ForeignStream {
    pub(super) domain: Domain,
    pub(super) store: Arc<dyn Store>,
    pub(super) group: Arc<Group>,
    /// The broker, as `domain.toml` names it.
    pub(super) broker: &'static str,
    /// False for a channel, whose messages the broker does not keep.
    pub(super) has_streams: bool,
}

impl ForeignStream {
    /// The name of the claim to read: one a group where groups share a stream, one for
    /// all groups of a channel, whose messages have no ids.
    pub(super) fn claim_name(&self) -> Arc<str> {
        let Group { name, category, .. } = &*self.group;
        let group = if self.has_streams { name } else { "" };
        format!("{group}@{}:{category}", self.broker).into()
    }
}
