//! Running a unit outside of the engine: run, commit, run again after a conflict.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{Id, Recorded};
use protean_port::port::Store;

use super::dispatch::dispatch;
use super::domain::Domain;
use crate::handling::{claim_issued_keys, commit, retry_on_conflict};
use crate::model::{Aggregate, Raised};
use crate::unit::{Context, ReadMode, ReadOptions, Unit, length, within};

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
        let store = self.store().await?;
        let once = |mode| run_once(self, store, &work, mode);
        let (value, messages) = retry_on_conflict(self.config(), once).await?;
        dispatch(self, store, messages).await?;
        Ok(value)
    }
}

async fn run_once<T, F>(
    domain: &Domain,
    store: &Arc<dyn Store>,
    work: &F,
    mode: ReadMode,
) -> Result<(T, Vec<Recorded>)>
where
    F: AsyncFn(&Context) -> Result<T>,
{
    let (env, store) = (Arc::clone(domain.env()), Arc::clone(store));
    let read = ReadOptions { overlay: None, mode };
    let cause = domain.cause(None);
    cause.enrichment.metadata.check()?;
    let unit = Arc::new(Unit::new(env, Arc::clone(&store), cause, read));
    let context = Context::new(Arc::clone(&unit), None);
    let value = within(&unit, context.priority(), work(&context)).await;
    let (mut completed, value) = (unit.finish(), value?);
    claim_issued_keys(domain.env(), &*store, None, &mut completed).await?;
    let committed = commit(domain.env(), &*store, completed.changes).await?;
    Ok((value, committed.messages()?))
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
            unit.append_events(names, id, length.checked_sub(1), events)
        })
        .await
}
