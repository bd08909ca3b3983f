//! Running one message through its handler.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use protean_port::Result;
use protean_port::message::{Recorded, Timestamp};
use protean_port::port::{Delivery, KeyWrite, Store};

use super::erased::{ErasedHandler, HandlerInput, HandlerOutput};
use super::failure::{Failure, FailureKind, Handled};
use super::group::{Group, HandlerKind};
use super::idempotency::key_claim;
use super::verdict::Verdict;
use crate::catalog::too_new;
use crate::unit::{Context, Env, MessageContext, ReadOptions, Sequence, Unit, processing_priority};

/// Runs a message through its handler in `group` and says what came of it, and
/// which units' uncommitted writes it has read: when one of them comes to
/// nothing, so does the verdict. Nothing is committed. A handler that panics or
/// outlasts its time has failed.
///
/// Dropping the future drops the handler at its last `.await`, with no effect.
pub async fn run(
    env: &Arc<Env>,
    store: &Arc<dyn Store>,
    (group, delivery): (&Group, &Delivery),
    read: ReadOptions,
) -> (Verdict, BTreeSet<Sequence>) {
    let recorded = &delivery.recorded;
    let deadline = recorded.message.extensions.deadline;
    if deadline.is_some_and(|deadline| deadline < env.now()) {
        return (Verdict::Expired, BTreeSet::new());
    }
    let Some(call) = group.routes.get(&recorded.message.type_name) else {
        return (unknown(group, recorded), BTreeSet::new());
    };
    let cause = cause_of(group, recorded);
    let unit = Arc::new(Unit::new(Arc::clone(env), Arc::clone(store), cause, read));
    let context = Context::new(Arc::clone(&unit), Some(Arc::new(recorded.clone())));
    let input = HandlerInput::Json(Arc::clone(&recorded.message.data));
    let handled = guarded(group, call, input, context).await;
    let mut finished = unit.finish();
    let readers = std::mem::take(&mut finished.readers);
    let now = env.now();
    match handled.and_then(|answer| Ok(remember(group, (recorded, now), &answer)?)) {
        Ok(settled) => {
            finished.changes.keys.extend(settled);
            (Verdict::Done(Box::new(finished)), readers)
        }
        Err(failure) => (verdict_of(&failure), readers),
    }
}

/// What the sender of a command that has a name is told when it sends it again.
fn remember(
    group: &Group,
    (recorded, now): (&Recorded, Timestamp),
    answer: &HandlerOutput,
) -> Result<Option<KeyWrite>> {
    let message = &recorded.message;
    if group.kind != HandlerKind::Commands || message.extensions.idempotency_key.is_none() {
        return Ok(None);
    }
    let output = answer.to_json(&message.type_name)?;
    let expires = now + group.idempotency.ttl;
    Ok(key_claim(message, Some(output), expires).map(KeyWrite::Settle))
}

/// Calls a handler in the priority of its message, within the time it is
/// given; a panic becomes a failure.
pub(crate) async fn guarded(
    group: &Group,
    call: &ErasedHandler,
    input: HandlerInput,
    context: Context,
) -> Handled<HandlerOutput> {
    let priority = context.priority();
    let handling = AssertUnwindSafe(processing_priority(priority, call(input, context)));
    let handling = handling.catch_unwind();
    let outcome = match group.subscription.handler_timeout {
        None => handling.await,
        Some(limit) => match tokio::time::timeout(limit, handling).await {
            Ok(outcome) => outcome,
            Err(_) => return Err(timed_out(&group.handler, limit)),
        },
    };
    outcome.unwrap_or_else(|panic| Err(panicked(&group.handler, panic.as_ref())))
}

fn timed_out(handler: &str, limit: std::time::Duration) -> Failure {
    protean_port::Error::failed(format!("{handler} took longer than {limit:?}")).into()
}

fn panicked(handler: &str, panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let told = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    protean_port::Error::failed(format!("{handler} panicked: {}", told.unwrap_or("no message")))
        .into()
}

fn unknown(group: &Group, recorded: &Recorded) -> Verdict {
    let (name, version) = (&recorded.message.type_name, recorded.message.version);
    match (group.newest(name), group.kind) {
        (Some(known), _) => Verdict::Dead(too_new(recorded.message.name(), version, known)),
        (None, HandlerKind::Commands) => Verdict::Dead(format!("no command handler knows {name}")),
        (None, _) => Verdict::Ignored,
    }
}

/// What a message hands on to everything its handler makes.
fn cause_of(group: &Group, recorded: &Recorded) -> MessageContext {
    let message = &recorded.message;
    MessageContext {
        priority: message.priority,
        correlation_id: Arc::clone(&message.correlation_id),
        causation_id: Some(Arc::clone(&message.id)),
        seed: Some(format!("{} {}", group.name, message.id)),
    }
}

fn verdict_of(failure: &Failure) -> Verdict {
    let reason = failure.to_string();
    match failure.kind() {
        FailureKind::Rejected => Verdict::Dead(reason),
        FailureKind::Unavailable => Verdict::Unavailable(reason),
        FailureKind::Conflict | FailureKind::Failed => Verdict::Retry(reason),
    }
}
