//! Identities that are the same each time, for tests.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task_local;

task_local! {
    static NUMBERED: Ids;
}

/// Makes [`Id::new`](super::Id::new) give [`Id::numbered`](super::Id::numbered)
/// 1, 2, 3, … instead of fresh identities, in all work that runs within its
/// scopes: for tests that name the identities they expect. Clones count on
/// together.
///
/// A scope belongs to the task: what is spawned within it gets fresh ones.
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
    /// Runs `work`, each step of it, with numbered identities. Dropping the
    /// future drops `work`; what it took of the numbers stays taken.
    pub async fn scope<F: Future>(&self, work: F) -> F::Output {
        NUMBERED.scope(self.clone(), work).await
    }

    /// Calls `work` with numbered identities.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        NUMBERED.sync_scope(self.clone(), work)
    }
}

/// The next number of the innermost scope, when there is one.
pub(super) fn next() -> Option<u64> {
    NUMBERED.try_with(|ids| ids.0.fetch_add(1, Ordering::Relaxed) + 1).ok()
}
