//! Projectors that take messages which earlier versions of the program have passed over.

use std::sync::Arc;

use protean_port::port::{Counter, MessageTypes, RegisteredGroup, Store};
use tracing::warn;

use super::registrations::program_version;
use crate::handling::Group;

/// A projector with message types that no earlier version of it took.
pub(super) struct Newcomer {
    group: Arc<Group>,
    projection: &'static str,
    types: MessageTypes,
}

/// The projectors of a version of the program that the store is about to meet.
pub(super) fn newcomers(groups: &[Arc<Group>], registered: &[RegisteredGroup]) -> Vec<Newcomer> {
    let newcomer = |group: &Arc<Group>| {
        let projection = group.projection.as_ref()?.name;
        let mut registered = registered.iter();
        let known = registered
            .find(|known| *known.group == *group.name && known.category == group.category)?;
        let types = known.versions.unknown_types(&program_version(groups, group));
        (!types.is_empty()).then(|| Newcomer { group: Arc::clone(group), projection, types })
    };
    groups.iter().filter_map(newcomer).collect()
}

impl Newcomer {
    /// Says that the rows may lack something, if any message was passed over at all.
    pub(super) async fn warn_if_needed(&self, store: &dyn Store) {
        let Self { group, projection, types } = self;
        // A store that cannot say it now is at fault with whatever comes next.
        let Ok(status) = store.group_status(&group.name, &group.category).await else { return };
        let passed_over = status.count(Counter::Ignored);
        if passed_over > 0 {
            warn!(
                handler = %group.handler, ?types, passed_over,
                "the projector takes message types that it did not take before, and has passed over \
                 messages: if some are of these types, run `projection rebuild {projection}`"
            );
        }
    }
}
