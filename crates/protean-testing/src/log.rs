//! What a domain's log holds. The copies of events for processes are left out.

use std::collections::BTreeSet;

use protean_core::domain::{Domain, HandlerKind};
use protean_port::Result;
use protean_port::message::{Priority, Recorded};
use protean_port::port::LaneRead;

/// Reads as a group of this name, which is registered nowhere and settles nothing.
const READER: &str = "protean.testing";

/// Every message after a position but the copies for processes, in the order of the log.
pub(crate) async fn after(domain: &Domain, position: u64) -> Result<Vec<Recorded>> {
    let store = domain.store().await?;
    let aggregates = domain.catalog().aggregates().filter(|known| !known.is_process);
    let events = aggregates.map(|known| known.category.clone());
    let groups = domain.groups().iter();
    let streams = groups.filter(|group| matches!(group.kind, HandlerKind::Subscriber { .. }));
    let categories: BTreeSet<_> = events
        .flat_map(|category| [category.commands(), category])
        .chain(streams.map(|group| group.category.clone()))
        .collect();
    let mut messages = Vec::new();
    for category in categories {
        let range = Priority::ALL;
        let (group, after, limit) = (READER.to_owned(), Vec::new(), usize::MAX);
        let page = store.lane(LaneRead { group, category, range, after, limit }).await?;
        messages.extend(page.into_iter().map(|delivery| delivery.recorded));
    }
    messages.retain(|recorded| recorded.position > position);
    messages.sort_by_key(|recorded| recorded.position);
    Ok(messages)
}
