//! Events that record_events elsewhere.

use protean_port::Result;
use protean_port::message::Id;

use super::{Domain, history, work};
use crate::model::{Aggregate, Raised};

/// Commits events at the end of an instance's stream and processes them as
/// `event_processing` says, without the instance: nothing is checked and no row
/// is written. For tests of what follows from events, and to take over a history.
///
/// # Errors
/// When the aggregate is not registered or the store cannot be written. With
/// [`Error::committed`](protean_port::Error::committed) a handler of the events failed.
pub async fn record_events<A: Aggregate>(domain: &Domain, id: &Id, events: &[Raised]) -> Result {
    work::unit_of_work(domain, async |context| {
        let unit = context.unit();
        let names = unit.domain.registry().names::<A>()?;
        let length = history::length(unit, &names.category.stream(id)).await?;
        unit.append_at(names, id, length.checked_sub(1), events);
        Ok(())
    })
    .await
}
