//! The category of operations belongs to the framework.

use std::sync::Arc;

use crate::handling::{Group, Registry, operations};

/// Reports aggregates and subscribers that want the category in which the framework keeps what
/// operators do.
pub(super) fn check_reserved(registry: &mut Registry, groups: &[Arc<Group>], domain: &str) {
    let reserved = operations(domain);
    let wanted = |name: &str| {
        format!(
            "{name} has the category {reserved}, in which the framework keeps what operators do: \
             give it another one"
        )
    };
    let aggregates = registry.catalog.aggregates();
    let owners = aggregates.filter(|known| *known.category == reserved).map(|known| known.name);
    let mut faults: Vec<String> = owners.map(&wanted).collect();
    if faults.is_empty() {
        let readers = groups.iter().filter(|group| group.category == reserved);
        faults.extend(readers.map(|group| wanted(&group.handler)));
    }
    registry.faults.extend(faults);
}
