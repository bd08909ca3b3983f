//! The priority of the work at hand, and whether it is a handler's.

use std::future::Future;
use std::sync::Arc;

use protean_port::message::Priority;
use protean_port::{Error, Result};
use tokio::task_local;

use super::unit::Unit;
use crate::model::watch_dropped;

task_local! {
    static PRIORITY: Priority;
    static HANDLING: ();
    /// The unit of work at hand, inside of the ones that wait for it.
    static UNITS: Arc<EnclosingUnits>;
}

/// A unit of work and those that wait for it.
struct EnclosingUnits {
    unit: Arc<Unit>,
    outer: Option<Arc<EnclosingUnits>>,
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
///
/// # Errors
/// Those of the handler, and of [`within`].
pub(crate) async fn handling<T, E: From<Error>>(
    unit: &Arc<Unit>,
    priority: Priority,
    handler: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    HANDLING.scope((), within(unit, priority, handler)).await
}

/// Runs the work of a unit, with this priority.
///
/// # Errors
/// Those of the work; and when it has dropped an aggregate whose events nobody has added.
pub(crate) async fn within<T, E: From<Error>>(
    unit: &Arc<Unit>,
    priority: Priority,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let units = EnclosingUnits { unit: Arc::clone(unit), outer: enclosing() };
    let (done, dropped) =
        watch_dropped(UNITS.scope(Arc::new(units), processing_priority(priority, work))).await;
    match (done, dropped) {
        (Ok(_), Some(dropped)) => Err(E::from(Error::misused(format!(
            "{dropped}, but was not added: add it to its repository, or call `discard` on its root"
        )))),
        (done, _) => done,
    }
}

fn enclosing() -> Option<Arc<EnclosingUnits>> {
    UNITS.try_with(Arc::clone).ok()
}

/// The units that wait for what is done here, the innermost first.
pub(crate) fn enclosing_units() -> Vec<Arc<Unit>> {
    let mut units = Vec::new();
    let mut next = enclosing();
    while let Some(enclosing) = next {
        units.push(Arc::clone(&enclosing.unit));
        next = enclosing.outer.clone();
    }
    units
}

/// True inside a handler. A task that it spawns is outside.
pub(crate) fn is_handling() -> bool {
    HANDLING.try_with(|()| ()).is_ok()
}
