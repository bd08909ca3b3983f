//! Whether a broker carries the messages of this log, and not those of another one: of another
//! installation, of a copy of its database, or of the state before a backup was restored.

use std::sync::Arc;

use protean_port::message::Lane;
use protean_port::port::{Batch, Broker, BrokerMark, Store};
use protean_port::{Error, Result};

use super::batch_mark::{BatchMark, LastPublished};
use super::plan::RelayPlan;
use crate::log_places::message_at;

/// Makes the log of a store the owner of what a broker carries for a domain, unless it is
/// another's or the broker was given messages that the log does not have.
///
/// # Errors
/// [Unavailable](Error::is_unavailable) when the store or the broker cannot be asked now; any
/// other error says why they do not belong together, and what to do.
pub(crate) async fn check(store: &dyn Store, broker: &dyn Broker, plan: &RelayPlan) -> Result {
    check_owner(store, broker, &plan.domain, &plan.broker).await?;
    for lane in plan.lanes.lanes() {
        let kept = broker.stored_mark(&plan.mark(*lane)).await?;
        let mark = kept.value.as_deref().and_then(BatchMark::read);
        if let Some(last) = mark.and_then(|mark| mark.last) {
            check_history(store, plan, &last).await?;
        }
    }
    Ok(())
}

/// Checks that no other log owns what the broker carries.
pub(crate) async fn check_owner(
    store: &dyn Store,
    broker: &dyn Broker,
    domain: &str,
    name: &str,
) -> Result {
    let own = store.log_id().await?;
    let owner = broker.claim_mark(owner_mark(domain, own.as_str())).await?;
    if *owner == *own.as_str() {
        return Ok(());
    }
    Err(Error::misused(format!(
        "the broker '{name}' carries the messages of another database (its log is {owner}, this one is \
         {own}): give each installation a broker of its own, such as another database number in \
         the URI, or run `outbox adopt` if this database replaces the other one"
    )))
}

/// Checks that the log has what the broker was given last.
pub(super) async fn check_history(
    store: &dyn Store,
    plan: &RelayPlan,
    last: &LastPublished,
) -> Result {
    let LastPublished { position, id } = last;
    let found = message_at(store, *position).await?;
    if found.is_some_and(|found| found.message.id == *id) {
        return Ok(());
    }
    Err(Error::misused(format!(
        "the broker '{}' was given the message {id} at position {position}, which this log does \
         not have: the database was restored to an earlier moment, or is a copy. Stop what else \
         uses this broker, then run `outbox adopt` to go on with this database",
        plan.broker
    )))
}

/// Makes a log the owner of what a broker carries, in place of another one.
pub(super) async fn take(broker: &dyn Broker, domain: &str, log_id: &str) -> Result {
    set(broker, owner_mark(domain, log_id)).await
}

/// Forgets what a broker was given through a relay.
pub(super) async fn forget_history(broker: &dyn Broker, plan: &RelayPlan) -> Result {
    let kept = broker.stored_mark(&plan.mark(Lane::Primary)).await?;
    let mark = kept.value.as_deref().and_then(BatchMark::read);
    // Those of a backfill lane that has another name now, or is switched off.
    if let Some(suffix) = mark.and_then(|mark| mark.lane) {
        broker.forget(&plan.groups_of_lane(&suffix)).await?;
        forget_mark(broker, plan.mark_of_lane(&suffix)).await?;
    }
    for lane in plan.lanes.lanes() {
        broker.forget(&plan.groups(*lane)).await?;
        forget_mark(broker, plan.mark(*lane)).await?;
    }
    Ok(())
}

async fn forget_mark(broker: &dyn Broker, name: Arc<str>) -> Result {
    set(broker, BrokerMark { name, value: "".into() }).await
}

async fn set(broker: &dyn Broker, mark: BrokerMark) -> Result {
    let batch = Batch { entries: Arc::from([]), mark: Some(mark) };
    broker.publish(batch).await.map(drop)
}

fn owner_mark(domain: &str, log_id: &str) -> BrokerMark {
    BrokerMark { name: format!("{domain}.log").into(), value: log_id.into() }
}
