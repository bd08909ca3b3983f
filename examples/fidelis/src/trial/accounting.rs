//! Checks that every committed message is accounted for.

use protean::{Domain, Result};

use super::backlog::Backlog;

/// True when every committed message is accounted for, none is in flight and
/// none is dead.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn accounting_closes(domain: &Domain) -> Result<bool> {
    let store = domain.store().await?;
    let mut closes = store.broken_streams(1).await?.is_empty();
    for group in domain.groups() {
        let standing = store.group_status(&group.name, &group.category).await?;
        closes &= standing.closes() && standing.dead() == 0;
    }
    Ok(closes && Backlog::of(domain).await?.count().await?.is_over())
}
