//! Running a unit outside of the engine: run, commit, run again after a conflict.

use std::sync::Arc;

use protean_port::message::Id;
use protean_port::{Error, Result};

use super::dispatch::dispatch;
use super::domain::Domain;
use crate::handling::{Committed, Tries, commit};
use crate::model::{Aggregate, Raised};
use crate::unit::{Context, ReadOptions, Unit, length, processing_priority};

impl Domain {
    /// Runs `work` as one unit: what it changes commits together when it gives
    /// `Ok`, and its events are processed as `event_processing` says. After a
    /// conflict it is run again on fresh state.
    ///
    /// # Errors
    /// What `work` gives, or why its changes could not be committed.
    pub async fn unit_of_work<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&Context) -> Result<T>,
    {
        run(self, work).await
    }
}

/// Runs `work` until its changes commit, at most as often as `version_retry` allows.
async fn run<T, F>(domain: &Domain, work: F) -> Result<T>
where
    F: AsyncFn(&Context) -> Result<T>,
{
    let store = domain.store().await?;
    let mut tries = Tries::new(&domain.config().server.version_retry);
    loop {
        let read = ReadOptions { overlay: None, mode: tries.mode() };
        let cause = domain.cause(None);
        let unit = Arc::new(Unit::new(Arc::clone(domain.env()), Arc::clone(store), cause, read));
        let context = Context::new(Arc::clone(&unit), None);
        let priority = context.priority();
        let value = match processing_priority(priority, work(&context)).await {
            Err(error) if error.is_conflict() => {
                tries.wait(error).await?;
                continue;
            }
            value => value?,
        };
        match commit(&**store, unit.finish().changes).await? {
            Committed::Now(messages) => {
                dispatch(domain, store, messages).await?;
                return Ok(value);
            }
            Committed::Before { .. } => return Ok(value),
            Committed::Stale(what) => tries.wait(Error::conflict(what)).await?,
        }
    }
}

/// Commits events at the end of an instance's stream and processes them as
/// `event_processing` says, without the instance: nothing is checked and no row
/// is written. For tests of what follows from events, and to take over a history.
///
/// # Errors
/// When the aggregate is not registered or the store cannot be written. With
/// [`Error::committed`](protean_port::Error::committed) a handler of the events failed.
pub async fn record_events<A: Aggregate>(domain: &Domain, id: &Id, events: &[Raised]) -> Result {
    domain
        .unit_of_work(async |context| {
            let unit = context.unit();
            let names = unit.env.catalog.names::<A>()?;
            let length = length(unit, &names.category.stream(id)).await?;
            unit.append_at(names, id, length.checked_sub(1), events);
            Ok(())
        })
        .await
}
