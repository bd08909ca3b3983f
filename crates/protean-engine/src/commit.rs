//! Committing units that stand for themselves.

use std::sync::Arc;

use protean_port::port::{Changes, Outcome, Store};
use protean_port::{Error, Result};

/// Commits units, and answers how many were applied; the others came too late.
///
/// # Errors
/// When the store cannot be written.
pub(crate) async fn commit_each(store: &dyn Store, units: Arc<[Changes]>) -> Result<u64> {
    let mut applied = 0;
    for outcome in store.commit(units).await {
        match outcome {
            Outcome::Committed(_) => applied += 1,
            Outcome::Unavailable(reason) => return Err(Error::unavailable(reason)),
            _ => {}
        }
    }
    Ok(applied)
}
