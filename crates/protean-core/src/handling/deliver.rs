//! Running one message through its handler: the one way, for the server and for
//! synchronous processing.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use protean_port::message::{Message, TraceParent};
use protean_port::port::{Delivery, KeyWrite, Store};
use protean_port::{Error, Result};
use tracing::{Instrument, debug};

use super::erased::{ErasedHandler, HandlerInput, HandlerOutput};
use super::failure::{Failure, FailureKind, Handled};
use super::group::{Group, HandlerKind};
use super::idempotency::expiry;
use super::issued_keys::claim_issued_keys;
use super::kept_outcome::KeptOutcome;
use super::spans::processing;
use super::telemetry::message_span;
use super::verdict::Verdict;
use crate::catalog::too_new;
use crate::unit::{
    Context, Enrichment, Env, MessageContext, ReadOptions, Sequence, Unit, handling,
};

/// A message that a group is to run.
pub struct Work<'a> {
    delivery: &'a Delivery,
    origin: Origin,
    read: ReadOptions,
    is_of_batch: bool,
}

/// Where a message is when it runs.
enum Origin {
    /// In the log.
    Log,
    /// Nowhere but here: its unit appends it.
    Caller(HandlerInput),
}

/// What running a message came to. Nothing of it is committed.
pub struct Ran {
    /// What is to be settled.
    pub verdict: Verdict,
    /// The units whose uncommitted writes the handler has read: when one of
    /// them is left out, the verdict does not count.
    pub readers: BTreeSet<Sequence>,
    /// What the handler answered; none when it was not called.
    pub(crate) answer: Option<Handled<HandlerOutput>>,
}

impl<'a> Work<'a> {
    /// A message of the log.
    pub fn logged(delivery: &'a Delivery, read: ReadOptions) -> Self {
        Self { delivery, origin: Origin::Log, read, is_of_batch: false }
    }

    /// A command that no log has yet. It becomes the first message of its own
    /// unit, so a failure leaves no trace; its position in `delivery` is unused.
    pub(crate) fn submitted(
        delivery: &'a Delivery,
        input: HandlerInput,
        read: ReadOptions,
    ) -> Self {
        Self { delivery, origin: Origin::Caller(input), read, is_of_batch: false }
    }

    /// The same message, as one of a batch that is traced as a whole.
    #[must_use]
    pub fn of_batch(self, is_of_batch: bool) -> Self {
        Self { is_of_batch, ..self }
    }
}

/// Runs a message through its handler in `group`. A handler that panics or
/// outlasts its time has failed.
///
/// Dropping the future drops the handler at its last `.await`, with no effect.
pub async fn run(env: &Arc<Env>, store: &Arc<dyn Store>, group: &Group, work: Work<'_>) -> Ran {
    let Work { delivery, origin, read, is_of_batch } = work;
    let message = &delivery.recorded.message;
    if let Some(why) = &message.extensions.unreadable {
        return Verdict::Dead(format!("the message cannot be read: {why}")).into();
    }
    if message.extensions.deadline.is_some_and(|deadline| deadline < env.now()) {
        return Verdict::Expired.into();
    }
    let Some(call) = group.routes.get(&message.type_name) else {
        return unknown(group, message).into();
    };
    let mut trace = processing(env, group, delivery, is_of_batch);
    let cause = cause_of(group, message, trace.context());
    let span = message_span(env, group, delivery, cause.enrichment.traceparent);
    let unit = Unit::new(Arc::clone(env), Arc::clone(store), cause, read);
    let unit = Arc::new(unit);
    let is_logged = matches!(origin, Origin::Log);
    let (input, recorded) = match origin {
        Origin::Log => {
            let input = HandlerInput::Json(Arc::clone(&message.data));
            (input, Some(Arc::new(delivery.recorded.clone())))
        }
        Origin::Caller(input) => {
            // It has only begun.
            unit.append(message.clone()).unwrap_or_default();
            (input, None)
        }
    };
    let context = Context::new(Arc::clone(&unit), recorded);
    debug!(parent: &span, "handler.started");
    let handling = guarded(group, call, input, context).instrument(span);
    let handled = trace.around(handling).await;
    let mut completed = unit.finish();
    let readers = std::mem::take(&mut completed.readers);
    let answer = match handled {
        Ok(answer) => {
            let submitted = (!is_logged).then_some(message);
            let claimed = claim_issued_keys(env, &**store, submitted, &mut completed).await;
            claimed.map(|()| answer).map_err(Failure::from)
        }
        failed => failed,
    };
    let answer = answer.and_then(|answer| {
        let key = answered_key(env, group, message, is_logged, &answer)?;
        completed.changes.keys.extend(key);
        Ok(answer)
    });
    let verdict = match &answer {
        Ok(answer) if answer.is_passed_over => Verdict::Ignored,
        Ok(_) => Verdict::Done(Box::new(completed)),
        Err(failure) => {
            trace.fail(failure);
            verdict_of(failure)
        }
    };
    Ran { verdict, readers, answer: Some(answer) }
}

impl From<Verdict> for Ran {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, readers: BTreeSet::new(), answer: None }
    }
}

/// What a later command with the same idempotency key is answered.
fn answered_key(
    env: &Env,
    group: &Group,
    message: &Message,
    is_logged: bool,
    answer: &HandlerOutput,
) -> Result<Option<KeyWrite>> {
    if group.kind != HandlerKind::Commands || message.extensions.idempotency_key.is_none() {
        return Ok(None);
    }
    let outcome = KeptOutcome::Handled(answer.to_json(message.name())?);
    Ok(match is_logged {
        // The key was claimed when the command was appended.
        true => {
            let expires = expiry(message, env.now(), group.idempotency.ttl);
            outcome.claim(message, expires).map(KeyWrite::Settle)
        }
        false => {
            let expires = expiry(message, message.time, group.idempotency.ttl);
            outcome.claim(message, expires).map(KeyWrite::Claim)
        }
    })
}

/// Calls a handler in the priority of its message, within the time it is
/// given; a panic becomes a failure.
async fn guarded(
    group: &Group,
    call: &ErasedHandler,
    input: HandlerInput,
    context: Context,
) -> Handled<HandlerOutput> {
    let priority = context.priority();
    let unit = Arc::clone(context.unit());
    let handling = AssertUnwindSafe(handling(&unit, priority, call(input, context)));
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
    Error::failed(format!("{handler} took longer than {limit:?}, its handler_timeout_seconds"))
        .into()
}

fn panicked(handler: &str, panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::failed(format!("{handler} panicked: {}", text.unwrap_or("no message"))).into()
}

fn unknown(group: &Group, message: &Message) -> Verdict {
    let (name, version) = (&message.type_name, message.version);
    match (group.newest(name), group.kind) {
        (Some(known), _) => Verdict::TooNew(too_new(message.name(), version, known)),
        (None, HandlerKind::Commands) => Verdict::Dead(format!(
            "no command handler is registered for {name}; register one, then replay the message"
        )),
        (None, _) => Verdict::Ignored,
    }
}

/// What a message hands on to everything its handler makes. That continues the span of the
/// handler, if it has one.
fn cause_of(group: &Group, message: &Message, trace: Option<TraceParent>) -> MessageContext {
    let mut enrichment = Enrichment::of(&message.extensions);
    enrichment.traceparent = trace.or(enrichment.traceparent);
    MessageContext {
        priority: message.priority,
        correlation_id: Arc::clone(&message.correlation_id),
        causation_id: Some(Arc::clone(&message.id)),
        seed: Some(format!("{} {}", group.name, message.id)),
        time: Some(message.time),
        enrichment,
    }
}

fn verdict_of(failure: &Failure) -> Verdict {
    let reason = failure.to_string();
    match failure.kind() {
        FailureKind::Rejected => Verdict::Rejected(reason),
        FailureKind::Unavailable => Verdict::Unavailable(reason),
        FailureKind::TooNew => Verdict::TooNew(reason),
        FailureKind::Conflict | FailureKind::Failed => Verdict::Retry(reason),
    }
}
