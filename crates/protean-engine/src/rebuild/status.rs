//! What is there to be rebuilt, and how far that is.

use protean_core::domain::{Domain, base_store};
use protean_port::Result;
use protean_port::port::TableSwap;

use super::progress::RebuildProgress;
use super::projection::{projected, swap_of};

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

/// Where the rebuilds of each projection stand that a projector keeps, by name.
///
/// # Errors
/// When the store cannot be opened or read.
pub async fn rebuilds(domain: &Domain) -> Result<Vec<RebuildStatus>> {
    let store = base_store(domain).await?;
    let registered = store.registered_groups().await?;
    let mut names: Vec<&str> =
        domain.groups().iter().filter_map(|group| Some(group.projection.as_ref()?.name)).collect();
    names.sort_unstable();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let (projection, groups) = projected(domain, name)?;
        let swap = swap_of(domain, &projection, &groups);
        let now: Vec<_> = swap.groups.iter().map(|of| (&*of.name, &*of.before)).collect();
        let mut rebuild = None;
        for group in &groups {
            let Some(of) = swap.groups.iter().find(|of| *of.name == *group.name) else { continue };
            let is_begun = registered
                .iter()
                .any(|known| known.group == of.after && known.category == group.category);
            if is_begun {
                let status = store.group_status(&of.after, &group.category).await?;
                let RebuildProgress { settled, missing } = rebuild.unwrap_or_default();
                rebuild = Some(RebuildProgress {
                    settled: settled + status.settled(),
                    missing: missing + status.lag(),
                });
            }
        }
        found.push(RebuildStatus {
            projection: projection.name,
            table: projection.table.name.clone(),
            generation: TableSwap::next_generation(&now) - 1,
            rebuild,
        });
    }
    Ok(found)
}
