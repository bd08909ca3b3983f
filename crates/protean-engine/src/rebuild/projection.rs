//! A projection, the groups that fill its table, and what takes its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use protean_core::domain::{DeclaredTable, Domain, Group};
use protean_port::port::{GroupIds, TableSwap};
use protean_port::{Error, Result};

/// The claim of the process that rebuilds a projection.
pub fn rebuild_claim(domain: &Domain, projection: &str) -> String {
    format!("{}.rebuild:{projection}", domain.name())
}

/// The projections that a projector keeps, by name.
pub fn projections(domain: &Domain) -> BTreeSet<&'static str> {
    domain.groups().iter().filter_map(|group| Some(group.projection.as_ref()?.name)).collect()
}

/// A projection, the groups that fill its successor under the ids that they have there, and the swap
/// that ends its rebuild.
pub(super) struct Planned {
    pub(super) projection: DeclaredTable,
    pub(super) groups: Vec<Arc<Group>>,
    pub(super) swap: TableSwap,
}

impl Planned {
    /// The next rebuild of a projection whose groups have these ids.
    ///
    /// # Errors
    /// When no projector keeps such a projection.
    pub(super) fn of(domain: &Domain, name: &str, ids: &GroupIds) -> Result<Self> {
        let keeps =
            |group: &&Arc<Group>| group.projection.as_ref().is_some_and(|of| of.name == name);
        let groups: Vec<_> = domain.groups().iter().filter(keeps).collect();
        let Some(projection) = groups.first().and_then(|group| group.projection.clone()) else {
            return Err(Error::misused(format!("no projector keeps a projection '{name}'")));
        };
        let mut named: Vec<(&str, &str)> =
            groups.iter().map(|group| (&*group.name, ids.id(&group.name))).collect();
        // A handler has a group for each category, all of one name.
        named.sort_unstable();
        named.dedup();
        let swap = TableSwap::to_next_generation((*projection.table).clone(), &named);
        let successor = |group: &&Arc<Group>| {
            let of = swap.groups.iter().find(|of| *of.name == *group.name)?;
            Some(Arc::new(group.with_id(of.after.as_str().into())))
        };
        let groups = groups.iter().filter_map(successor).collect();
        Ok(Self { projection, groups, swap })
    }
}
