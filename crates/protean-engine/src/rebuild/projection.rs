//! A projection, the groups that fill its table, and what takes its place.

use std::sync::Arc;

use protean_core::domain::{DeclaredTable, Domain, Group, known_ids};
use protean_port::port::TableSwap;
use protean_port::{Error, Result};

/// The claim of the process that rebuilds a projection.
pub fn rebuild_claim(domain: &Domain, projection: &str) -> String {
    format!("{}.rebuild:{projection}", domain.name())
}

/// A projection, and the groups of its projectors.
pub(super) fn projected(domain: &Domain, name: &str) -> Result<(DeclaredTable, Vec<Arc<Group>>)> {
    let keeps = |group: &&Arc<Group>| group.projection.as_ref().is_some_and(|of| of.name == name);
    let groups: Vec<_> = domain.groups().iter().filter(keeps).cloned().collect();
    match groups.first().and_then(|group| group.projection.clone()) {
        Some(projection) => Ok((projection, groups)),
        None => Err(Error::misused(format!("no projector keeps a projection '{name}'"))),
    }
}

/// The swap that ends the next rebuild.
pub(super) fn swap_of(
    domain: &Domain,
    projection: &DeclaredTable,
    groups: &[Arc<Group>],
) -> TableSwap {
    let ids = known_ids(domain).current();
    let mut named: Vec<(&str, &str)> =
        groups.iter().map(|group| (&*group.name, ids.id(&group.name))).collect();
    // A handler has a group for each category, all of one name.
    named.sort_unstable();
    named.dedup();
    let number = TableSwap::next_generation(&named);
    TableSwap::to_generation((*projection.table).clone(), number, &named)
}
