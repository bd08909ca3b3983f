//! Numbered identities, for tests.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task_local;

task_local! {
    static NUMBERED: Ids;
}

/// Makes [`Id::new`](super::Id::new) return [`Id::numbered`](super::Id::numbered) 1, 2, 3, …
/// instead of fresh identities in work that runs within a scope, for tests that name the
/// identities they expect. Clones share one count.
///
/// A scope belongs to a task: tasks spawned within it get fresh identities.
///
/// ```
/// # use protean_port::message::{Id, Ids};
/// let ids = Ids::default();
/// assert_eq!(ids.within(Id::new), Id::numbered(1));
/// assert_eq!(ids.within(Id::new), Id::numbered(2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ids(Arc<AtomicU64>);

impl Ids {
    /// Runs `work` with numbered identities. Dropping the future drops `work`; the numbers that
    /// it used stay used.
    pub async fn scope<F: Future>(&self, work: F) -> F::Output {
        NUMBERED.scope(self.clone(), work).await
    }

    /// True within a scope.
    pub fn are_numbered() -> bool {
        NUMBERED.try_with(|_| ()).is_ok()
    }

    /// Calls `work` with numbered identities.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        NUMBERED.sync_scope(self.clone(), work)
    }
}

/// The next number of the innermost scope, if any.
pub(super) fn next() -> Option<u64> {
    NUMBERED.try_with(|ids| ids.0.fetch_add(1, Ordering::Relaxed) + 1).ok()
}
