//! Checks that every committed message is accounted for.

use protean::{Domain, Result, verify};

use crate::backlog::Backlog;

/// True when every committed message is accounted for, none is in flight and
/// none is dead.
///
/// # Errors
/// When the database cannot be read.
pub async fn accounting_closes(domain: &Domain) -> Result<bool> {
    let report = verify(domain).await?;
    let is_clean = report.closes && report.groups.iter().all(|group| group.dead == 0);
    Ok(is_clean && Backlog::of(domain).await?.count().await?.is_over())
}
