//! Synchronous processing of what a unit has appended: breadth first, after
//! its commit, each delivery in a unit of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use protean_port::message::Recorded;
use protean_port::port::{At, Delivery, DoneMark, LaneRead, Store};
use protean_port::{Error, Result};

use super::domain::Domain;
use crate::config::Processing;
use crate::handling::deliver::run;
use crate::handling::{
    Committed, Group, HandlerKind, Moment, NextStep, Tries, Verdict, commit, next_step, settle,
};
use crate::unit::ReadOptions;

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
        for group in domain.groups() {
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
        HandlerKind::Subscriber { .. } => domain.config().message_processing,
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
        let (done, ran) = step.unwrap_or_else(|error| (true, Ran::unkept(error)));
        caused.extend(ran.caused);
        failure = failure.or(ran.failure);
        // What could not be kept would come again in the same way.
        if done || !ran.kept {
            return (caused, failure);
        }
    }
}

/// Runs the message, or the one of its stream that has to run before; `true`
/// when it was the message itself.
async fn step(
    domain: &Domain,
    store: &Arc<dyn Store>,
    group: &Group,
    delivery: &Delivery,
) -> Result<(bool, Ran)> {
    let next_step = match group.is_ordered() {
        true => next_step(&**store, group, delivery, 0).await?,
        false => NextStep::Now,
    };
    Ok(match next_step {
        NextStep::Now => (true, attempt(domain, store, group, delivery).await?),
        NextStep::First(first) => (false, attempt(domain, store, group, &first).await?),
        NextStep::Duplicate => (true, Ran::default()),
        NextStep::Hold => {
            keep(domain, store, (group, delivery), Verdict::Held).await?;
            (true, Ran::default())
        }
    })
}

/// What came of running a delivery.
#[derive(Default)]
struct Ran {
    caused: Vec<Recorded>,
    failure: Option<Error>,
    /// The verdict is committed, by us or by somebody else.
    kept: bool,
}

impl Ran {
    fn unkept(error: Error) -> Self {
        Self { failure: Some(error), ..Self::default() }
    }
}

/// Runs a delivery until its effects commit, or until it is parked or dead.
async fn attempt(
    domain: &Domain,
    store: &Arc<dyn Store>,
    group: &Group,
    delivery: &Delivery,
) -> Result<Ran> {
    let mut tries = Tries::new(&domain.config().server.version_retry);
    let mut refused = None;
    loop {
        let read = ReadOptions { overlay: None, mode: tries.mode() };
        let verdict = match refused.take() {
            // The database refuses what the handler writes: so it would the next time.
            Some(refusal) => Verdict::Dead(refusal),
            None => run(domain.env(), store, (group, delivery), read).await.0,
        };
        let failure = failure_of(group, delivery, &verdict);
        match keep(domain, store, (group, delivery), verdict).await {
            Ok(Committed::Now(caused)) => return Ok(Ran { caused, failure, kept: true }),
            Ok(Committed::Before { .. }) => return Ok(Ran { kept: true, ..Ran::default() }),
            Ok(Committed::Stale(what)) => {
                if is_settled(store, group, delivery).await? {
                    return Ok(Ran { kept: true, ..Ran::default() });
                }
                tries.wait(Error::conflict(what)).await?;
            }
            Err(error) if error.is_invalid() && failure.is_none() => {
                refused = Some(error.to_string());
            }
            Err(error) => return Err(error),
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
    let moment = Moment::of(domain.env(), domain.lanes().lane(priority));
    let mut changes = settle(group, delivery, verdict, moment).unit.changes;
    changes.marks.push(DoneMark {
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
