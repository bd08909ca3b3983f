//! Whether a store can do its work.

use super::BoxFuture;
use crate::Result;

/// Says whether a store can do its work.
pub trait StoreHealth: Send + Sync {
    /// Makes sure that a commit would be durable now: writes next to nothing, unless that was
    /// found out in the last seconds.
    ///
    /// # Errors
    /// [`Error::is_unavailable`](crate::Error::is_unavailable) when the database cannot be
    /// written, or is not the one any more that was opened.
    fn check_writing(&self) -> BoxFuture<'_, Result<()>>;
}
