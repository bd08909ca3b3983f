//! What is there to be rebuilt, and how far that is.

use protean_core::domain::{Domain, look};
use protean_port::Result;

use super::progress::{RebuildProgress, Statuses};
use super::projection::{Planned, projections};

/// The rebuilds of one projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuildStatus {
    /// The projection.
    pub projection: &'static str,
    /// Its table.
    pub table: String,
    /// How often it was built: once at first.
    pub generation: u64,
    /// How far a rebuild is that has begun.
    pub rebuild: Option<RebuildProgress>,
}

/// Where the rebuilds of each projection stand that a projector keeps, by name. Their tables need not
/// have the declared form.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn rebuilds(domain: &Domain) -> Result<Vec<RebuildStatus>> {
    let store = look(domain).await?;
    let (ids, registered) = (store.group_ids().await?, store.registered_groups().await?);
    let mut found = Vec::new();
    for name in projections(domain) {
        let Planned { projection, groups, swap } = Planned::of(domain, name, &ids)?;
        let is_begun =
            swap.groups.iter().any(|of| registered.iter().any(|known| known.group == of.after));
        let rebuild = match is_begun {
            true => Some(Statuses::read(&**store, &groups).await?.progress()),
            false => None,
        };
        found.push(RebuildStatus {
            projection: projection.name,
            table: projection.table.name.clone(),
            generation: swap.number() - 1,
            rebuild,
        });
    }
    Ok(found)
}
