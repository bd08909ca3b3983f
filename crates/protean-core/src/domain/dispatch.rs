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
use crate::port::{At, Delivery, LaneRead, Mark, Store};
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
                let (caused, failed) = deliver(domain, store, group, &recorded).await;
                waiting.extend(caused);
                failure = failure.or(failed);
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

/// Delivers one message to one group, after those before it in its stream that
/// the group has not seen. Gives what the handlers appended and the first failure.
async fn deliver(
    domain: &Domain,
    store: &Arc<dyn Store>,
    group: &Group,
    recorded: &Recorded,
) -> (Vec<Recorded>, Option<Error>) {
    let (recorded, next) = (recorded.clone(), recorded.stream_position);
    let delivery = Delivery { recorded, next, attempts: 0, parked: false };
    let (mut caused, mut failure) = (Vec::new(), None);
    loop {
        let step = step(domain, store, group, &delivery).await;
        let (done, ran) = step.unwrap_or_else(|error| (true, Err(error)));
        match ran {
            Ok(messages) => caused.extend(messages),
            Err(error) => failure = failure.or(Some(error)),
        }
        if done {
            return (caused, failure);
        }
    }
}

/// Runs the message, or the one of its stream that has to run before; `true`
/// when the message itself is settled.
async fn step(
    domain: &Domain,
    store: &Arc<dyn Store>,
    group: &Group,
    delivery: &Delivery,
) -> Result<(bool, Result<Vec<Recorded>>)> {
    let course = match group.is_ordered() {
        true => course(&**store, group, delivery, 0).await?,
        false => Course::Now,
    };
    Ok(match course {
        Course::Now => (true, attempt(domain, store, group, delivery).await),
        Course::First(first) => {
            let ran = attempt(domain, store, group, &first).await;
            // A failure of its own is parked by now; anything else would come again.
            let stuck = |error: &Error| error.is_unavailable() || error.is_conflict();
            (ran.as_ref().is_err_and(stuck), ran)
        }
        Course::Duplicate => (true, Ok(Vec::new())),
        Course::Hold => {
            keep(domain, store, (group, delivery), Verdict::Held).await?;
            (true, Ok(Vec::new()))
        }
    })
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

/// True when somebody else, such as a server, has settled the delivery meanwhile.
async fn is_settled(store: &Arc<dyn Store>, group: &Group, delivery: &Delivery) -> Result<bool> {
    let Recorded { position, message, .. } = &delivery.recorded;
    let read = LaneRead {
        group: group.name.to_string(),
        category: group.category.clone(),
        range: (message.priority, message.priority),
        after: vec![(message.priority, position - 1)],
        limit: 1,
    };
    let unsettled = store.lane(read).await?;
    Ok(unsettled.first().is_none_or(|first| first.recorded.position != *position))
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
        at: At::First(delivery.recorded.position),
    });
    commit(&**store, changes).await
}

/// What a caller is told of a verdict that is a failure.
fn failure_of(group: &Group, delivery: &Delivery, verdict: &Verdict) -> Option<Error> {
    let (what, reason) = match verdict {
        Verdict::Retry(reason) | Verdict::Unavailable(reason) => ("is parked", reason),
        Verdict::Dead(reason) => ("is dead", reason),
        _ => return None,
    };
    let (handler, id) = (&group.handler, &delivery.recorded.message.id);
    Some(Error::failed(format!("{handler} failed, message {id} {what}: {reason}")))
}
