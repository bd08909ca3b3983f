//! Aggregates that were dropped with events that nobody has added.

use std::cell::RefCell;
use std::future::Future;

use tokio::task_local;

task_local! {
    /// The first of them.
    static DROPPED: RefCell<Option<String>>;
}

/// Runs `work`; gives what it has dropped first, if anything.
pub(crate) async fn watch_dropped<F: Future>(work: F) -> (F::Output, Option<String>) {
    let watched = async {
        let done = work.await;
        (done, DROPPED.with(RefCell::take))
    };
    DROPPED.scope(RefCell::default(), watched).await
}

/// An aggregate is dropped with events.
pub(super) fn note(describe: impl FnOnce() -> String) {
    let note = |first: &RefCell<Option<String>>| {
        first.borrow_mut().get_or_insert_with(describe);
    };
    // Outside of a unit of work nothing was to be kept.
    DROPPED.try_with(note).unwrap_or_default();
}
