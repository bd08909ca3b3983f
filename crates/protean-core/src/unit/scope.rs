//! The priority of the work at hand, and whether it is a handler's.

use std::future::Future;

use tokio::task_local;

use protean_port::message::Priority;

task_local! {
    static PRIORITY: Priority;
    static HANDLING: ();
}

/// Runs `work` so that every command processed in it has `priority`, unless
/// the call or the handle says otherwise. Scopes nest, the innermost holds;
/// the former priority is back when `work` ends, is dropped or panics.
///
/// The scope belongs to the task: `tokio::spawn` does not inherit it. Hand a
/// spawned task a [`with_priority`](crate::domain::Domain::with_priority) handle instead.
///
/// ```
/// # use protean_core::unit::{current_priority, processing_priority};
/// # use protean_port::message::Priority;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// processing_priority(Priority::BULK, async {
///     assert_eq!(current_priority(), Priority::BULK);
/// })
/// .await;
/// assert_eq!(current_priority(), Priority::NORMAL);
/// # });
/// ```
pub async fn processing_priority<F: Future>(priority: Priority, work: F) -> F::Output {
    PRIORITY.scope(priority, work).await
}

/// The priority of the innermost scope, [`Priority::NORMAL`] outside of any.
pub fn current_priority() -> Priority {
    scope_priority().unwrap_or_default()
}

/// The priority of the innermost scope, when there is one.
pub(super) fn scope_priority() -> Option<Priority> {
    PRIORITY.try_with(|priority| *priority).ok()
}

/// Runs a handler, in the priority of its message.
pub(crate) async fn handling<F: Future>(priority: Priority, handler: F) -> F::Output {
    HANDLING.scope((), processing_priority(priority, handler)).await
}

/// True inside a handler. A task that it spawns is outside.
pub(crate) fn is_handling() -> bool {
    HANDLING.try_with(|()| ()).is_ok()
}
