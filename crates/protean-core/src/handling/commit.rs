//! Settling a verdict, and committing one unit by itself.

use std::sync::Arc;
use std::time::Duration;

use protean_port::message::Recorded;
use protean_port::port::{At, Changes, Delivery, DoneMark, Outcome, Place, SpanOperation, Store};
use protean_port::{Error, Result};

use super::group::Group;
use super::settle::{Moment, Settled, settle};
use super::spans::{BatchStep, batch};
use super::telemetry;
use super::verdict::Verdict;
use crate::unit::{Env, enclosing_units};

/// What came of committing one unit.
pub(crate) enum Committed {
    /// It is durable; these are its messages.
    Now(Vec<Recorded>),
    /// This message has the idempotency key of the command already.
    Before { message_id: Arc<str>, output: Option<Arc<str>> },
}

impl Committed {
    /// The messages of a unit that claims no key but those of the commands it has issued.
    ///
    /// # Errors
    /// A conflict when another unit claimed one of them after it was looked up.
    pub(crate) fn messages(self) -> Result<Vec<Recorded>> {
        match self {
            Self::Now(messages) => Ok(messages),
            Self::Before { message_id, .. } => Err(Self::claimed_meanwhile(&message_id)),
        }
    }

    /// The conflict over the key of a command that a unit has issued.
    pub(crate) fn claimed_meanwhile(message_id: &str) -> Error {
        Error::conflict(format!(
            "the command {message_id} has claimed the idempotency key of a command that was issued \
             here"
        ))
    }
}

/// Settles a verdict and commits what it leaves, with the mark that its message
/// is settled.
///
/// # Errors
/// As those of [`commit`].
pub(crate) async fn commit_settled(
    env: &Env,
    store: &dyn Store,
    group: &Group,
    delivery: &Delivery,
    verdict: Verdict,
    at: At,
) -> Result<Committed> {
    let message = &delivery.recorded.message;
    let moment = Moment::of(env, env.lanes.lane(message.priority));
    let Settled { unit, fate, .. } = settle(group, delivery, verdict, moment);
    let mut changes = unit.changes;
    changes.marks.push(DoneMark::of(&group.name, message, at));
    let units: Arc<[Changes]> = Arc::from([changes]);
    let step = BatchStep {
        operation: SpanOperation::Settle,
        broker: None,
        destination: group.category.as_str(),
        handler: Some(&group.handler),
        lane: moment.lane,
        ago: Duration::ZERO,
    };
    let span = batch(env, &step, std::iter::once(message));
    let committed = span.ended(commit_units(env, store, &units).await)?;
    if matches!(committed, Committed::Now(_)) {
        telemetry::outcome(group, delivery, &fate, &units[0]);
    }
    Ok(committed)
}

/// Commits one unit.
///
/// # Errors
/// [`Error::is_conflict`] when it came too late and has to be run again on fresh
/// state; [`Error::is_invalid`] when the database refuses what it writes;
/// [`Error::is_unavailable`] when the store cannot be written.
pub(crate) async fn commit(env: &Env, store: &dyn Store, changes: Changes) -> Result<Committed> {
    commit_units(env, store, &Arc::from([changes])).await
}

async fn commit_units(env: &Env, store: &dyn Store, units: &Arc<[Changes]>) -> Result<Committed> {
    let mut outer = enclosing_units();
    outer.retain(|unit| unit.writes_to(store));
    for unit in &outer {
        unit.allow_inside(&units[0])?;
    }
    let outcome = store.commit(Arc::clone(units)).await.pop();
    if let Some(Outcome::Committed(_)) = &outcome {
        outer.iter().for_each(|unit| unit.committed_inside(&units[0]));
    }
    match outcome {
        Some(Outcome::Committed(places)) => Ok(Committed::Now(recorded(&units[0], &places))),
        Some(Outcome::Duplicate { message_id, output }) => {
            Ok(Committed::Before { message_id, output })
        }
        Some(Outcome::Stale(what)) => {
            // Its copies of events may be out of date; the outcome says only that it came too late.
            if units[0].correlated.is_some() {
                env.correlations.refresh(store).await?;
            }
            Err(Error::conflict(what))
        }
        Some(Outcome::Rejected(violations)) => Err(Error::invalid(violations)),
        Some(Outcome::Unavailable(reason)) => Err(Error::unavailable(reason)),
        Some(Outcome::Dependent) | None => Err(Error::failed(
            "the store did not answer for a unit that was committed alone: its adapter breaks \
                 the contract of `Store::commit`",
        )),
    }
}

/// The messages of a unit with the places they got.
fn recorded(changes: &Changes, places: &[Place]) -> Vec<Recorded> {
    let messages = changes.appends.iter().map(|append| append.message.clone());
    let placed = messages.zip(places).map(|(message, place)| Recorded {
        position: place.position,
        stream_position: place.stream_position,
        message,
    });
    placed.collect()
}
