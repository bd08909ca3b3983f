//! A table that does not fit what is declared.

use std::sync::Arc;

use protean_port::Error;
use protean_port::message::Table;
use protean_port::port::Store;

use crate::handling::Group;

/// Why tables cannot be prepared. The table of a projection can be filled from the log instead, so
/// that is said.
pub(super) async fn misfit(
    groups: &[Arc<Group>],
    tables: &[Table],
    store: &dyn Store,
    failed: Error,
) -> Error {
    let difference = store.difference(tables).await.unwrap_or_default();
    // A program that is older than its database must not replace what a newer one has made.
    let first = difference.manual.first().filter(|first| first.newer_name.is_none());
    let Some(first) = first else { return failed };
    let mut projections = groups.iter().filter_map(|group| group.projection.as_ref());
    match projections.find(|projection| projection.table.name == first.table) {
        None => failed,
        Some(projection) => Error::misused(format!(
            "{failed}; or rebuild the projection from the log: `projection rebuild {}`",
            projection.name
        )),
    }
}
