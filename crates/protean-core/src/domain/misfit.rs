//! A table that does not fit what is declared.

use std::sync::Arc;

use protean_port::Error;
use protean_port::message::Table;
use protean_port::port::Store;

use crate::handling::Group;

/// Why tables cannot be prepared. The table of a projection can be built anew, so that is said.
pub(super) async fn misfit(
    groups: &[Arc<Group>],
    tables: &[Table],
    store: &dyn Store,
    failed: Error,
) -> Error {
    if !failed.is_misuse() {
        return failed;
    }
    let projections = groups.iter().filter_map(|group| group.projection.as_ref());
    for projection in projections.filter(|of| tables.contains(&of.table)) {
        if store.prepare(&[(*projection.table).clone()], &[]).await.is_err() {
            let name = projection.name;
            return Error::misused(format!(
                "{failed}; or rebuild the projection from the log: `projection rebuild {name}`"
            ));
        }
    }
    failed
}
