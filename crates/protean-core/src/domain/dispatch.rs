//! Synchronous processing of what a unit has appended: breadth first, after
//! its commit, each delivery in a unit of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::deliver::run;
use super::group::Group;
use super::sequence::{Course, course};
use super::settle::{Moment, settle};
use super::unit::Reading;
use super::verdict::Verdict;
use super::work::{Committed, Tries, commit};
use super::{Domain, HandlerKind};
use crate::config::Processing;
use crate::message::Recorded;
use crate::port::{At, Delivery, Mark, Store};
use crate::{Error, Result};

/// Delivers messages that are committed, and what they cause, to every group
/// that processes them synchronously.
///
/// # Errors
/// The first failure of a handler, marked as [`Error::committed`]: its message
/// is parked or dead. The other handlers have run all the same.
pub(super) async fn dispatch(
    domain: &Domain,
    store: &Arc<dyn Store>,
    messages: Vec<Recorded>,
) -> Result {
    let mut waiting = VecDeque::from(messages);
    let mut failure = None;
    while let Some(recorded) = waiting.pop_front() {
        for group in domain.registry().groups() {
            if group.category == *recorded.message.stream.category() && is_now(domain, group) {
                match deliver(domain, store, group, &recorded).await {
                    Ok(caused) => waiting.extend(caused),
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
        }
    }
    failure.map_or(Ok(()), |error| Err(error.after_commit()))
}

fn is_now(domain: &Domain, group: &Group) -> bool {
    let processing = match group.kind {
        HandlerKind::Commands => domain.config().command_processing,
        HandlerKind::Events | HandlerKind::Projector => domain.config().event_processing,
    };
    processing == Processing::Sync
}

/// Delivers one message to one group, with those before it in its stream that
/// the group has not seen.
async fn deliver(
    domain: &Domain,
    store: &Arc<dyn Store>,
    group: &Group,
    recorded: &Recorded,
) -> Result<Vec<Recorded>> {
    let (recorded, next) = (recorded.clone(), recorded.stream_position);
    let delivery = Delivery { recorded, next, attempts: 0, parked: false };
    let course = match group.is_ordered() {
        true => course(&**store, group, &delivery).await?,
        false => Course::Run(vec![delivery.clone()]),
    };
    let mut caused = Vec::new();
    match course {
        Course::Duplicate => {}
        Course::Hold => {
            keep(domain, store, (group, &delivery), Verdict::Held).await?;
        }
        Course::Run(deliveries) => {
            for delivery in &deliveries {
                caused.extend(attempt(domain, store, group, delivery).await?);
            }
        }
    }
    Ok(caused)
}

/// Runs a delivery until its effects commit.
async fn attempt(
    domain: &Domain,
    store: &Arc<dyn Store>,
    group: &Group,
    delivery: &Delivery,
) -> Result<Vec<Recorded>> {
    let mut tries = Tries::new(domain);
    loop {
        let reading = Reading { overlay: None, careful: tries.again() };
        let verdict = run(domain, store, (group, delivery), reading).await;
        let failure = failure_of(group, delivery, &verdict);
        match keep(domain, store, (group, delivery), verdict).await? {
            Committed::Now(caused) => return failure.map_or(Ok(caused), Err),
            Committed::Before { .. } => return Ok(Vec::new()),
            Committed::Stale(what) => {
                if is_settled(store, group, delivery).await? {
                    return Ok(Vec::new());
                }
                tries.wait(Error::conflict(what)).await?;
            }
        }
    }
}

/// True when somebody else, such as a server, has handled an ordered delivery meanwhile.
async fn is_settled(store: &Arc<dyn Store>, group: &Group, delivery: &Delivery) -> Result<bool> {
    let recorded = &delivery.recorded;
    let ordered = group.is_ordered();
    Ok(ordered
        && store.next(&group.name, &recorded.message.stream).await? > recorded.stream_position)
}

/// Commits what a verdict leaves.
async fn keep(
    domain: &Domain,
    store: &Arc<dyn Store>,
    (group, delivery): (&Group, &Delivery),
    verdict: Verdict,
) -> Result<Committed> {
    let priority = delivery.recorded.message.priority;
    let moment = Moment { now: domain.clock().now(), lane: domain.lanes().lane(priority) };
    let mut changes = settle(group, delivery, verdict, moment).unit.changes;
    changes.marks.push(Mark {
        group: Arc::clone(&group.name),
        category: group.category.clone(),
        priority,
        at: At::Only(delivery.recorded.position),
    });
    commit(&**store, changes).await
}

/// What a caller is told of a verdict that is a failure.
fn failure_of(group: &Group, delivery: &Delivery, verdict: &Verdict) -> Option<Error> {
    let (what, reason) = match verdict {
        Verdict::Retry(reason) | Verdict::Conflict(reason) | Verdict::Unavailable(reason) => {
            ("is parked", reason)
        }
        Verdict::Dead(reason) => ("is dead", reason),
        _ => return None,
    };
    let (handler, id) = (&group.handler, &delivery.recorded.message.id);
    Some(Error::failed(format!("{handler} failed, message {id} {what}: {reason}")))
}
