//! Spans and events about messages: their names and fields.
//!
//! | name | level | where | fields |
//! |---|---|---|---|
//! | span `message` | info | around each handled message | `handler`, `message_id`, `type`, `correlation_id`, `lane`, `attempt`, and `metadata` and `trace_id` where there are any |
//! | `handler.started` | debug | within the span | |
//! | `handler.completed` | debug | its commit | `handler`, `message_id`, `type` |
//! | `handler.failed` | warn | its commit: it is tried again | the same, `attempt`, `reason`, `next_try` |
//! | `message.acked` | debug | its commit: settled without its handler | `handler`, `message_id`, `type`, `outcome` |
//! | `message.nacked` | warn, debug | its commit: it waits, no attempt is used up | the same, `reason`, `next_try` |
//! | `message.dlq` | error | its commit: given up | `handler`, `message_id`, `type`, `attempt`, `reason`, `kept` |
//! | `message.dlq` | error | an entry of a broker cannot be read | `handler`, `stream`, `entry`, `reason` |
//! | `outbox.failed` | error | a broker has refused a message of a relay | `relay`, `message_id`, `reason` |
//!
//! Other lines are sentences, with what went wrong in `error`. `handler` is a subscription
//! everywhere, `relay` what publishes to a broker, and `group` a broker's consumer group.
//!
//! A line that a handler writes carries the span, whether the server runs it or
//! synchronous processing does. The outcome of a message is logged here, once it
//! is committed, and nowhere else. Spans of distributed traces are in [`spans`](super::spans).

use protean_port::message::{Timestamp, TraceParent};
use protean_port::port::{Changes, Dead, Delivery, Park};
use tracing::{Span, debug, error, field, info_span, warn};

use super::group::Group;
use super::settle::Fate;
use crate::unit::Env;

/// The span in which a message is handled, as a part of this trace.
pub(super) fn message_span(
    env: &Env,
    group: &Group,
    delivery: &Delivery,
    trace: Option<TraceParent>,
) -> Span {
    let message = &delivery.recorded.message;
    let extensions = &message.extensions;
    let span = info_span!(
        "message",
        handler = %group.handler,
        message_id = %message.id,
        "type" = %message.type_name,
        correlation_id = %message.correlation_id,
        lane = %env.lanes.lane(message.priority),
        attempt = delivery.attempts + 1,
        metadata = field::Empty,
        trace_id = field::Empty,
    );
    if !extensions.metadata.is_empty() {
        span.record("metadata", field::display(&extensions.metadata));
    }
    if let Some(trace) = trace.filter(|_| !span.is_disabled()) {
        span.record("trace_id", trace.trace_id());
    }
    span
}

/// Logs what became of a message, once the `changes` of its unit are committed.
pub fn outcome(group: &Group, delivery: &Delivery, fate: &Fate, changes: &Changes) {
    let message = &delivery.recorded.message;
    let (handler, id, of_type) = (&group.handler, &message.id, &message.type_name);
    match fate {
        Fate::Handled => {
            debug!(%handler, message_id = %id, "type" = %of_type, "handler.completed");
        }
        Fate::Passed(counter) => {
            let outcome = counter.as_str();
            debug!(%handler, message_id = %id, "type" = %of_type, outcome, "message.acked");
        }
        Fate::Held => {
            let reason = parked(changes).reason;
            debug!(%handler, message_id = %id, "type" = %of_type, reason, "message.nacked");
        }
        Fate::Retried => {
            let Parked { attempt, reason, next_try } = parked(changes);
            warn!(
                %handler, message_id = %id, "type" = %of_type, attempt, reason, %next_try,
                "handler.failed: the message is tried again"
            );
        }
        Fate::Postponed => {
            let Parked { reason, next_try, .. } = parked(changes);
            warn!(
                %handler, message_id = %id, "type" = %of_type, reason, %next_try,
                "message.nacked: the message waits, no attempt is used up"
            );
        }
        Fate::GivenUp => {
            let (attempt, reason) = given_up(changes);
            error!(
                %handler, message_id = %id, "type" = %of_type, attempt, reason, kept = true,
                "message.dlq: the message is given up and kept as a dead letter"
            );
        }
        Fate::Dropped { attempt, reason } => error!(
            %handler, message_id = %id, "type" = %of_type, attempt, reason, kept = false,
            "message.dlq: the message is given up and dropped, since enable_dlq is off"
        ),
    }
}

/// What is logged about a message that is parked.
#[derive(Default)]
struct Parked<'a> {
    attempt: u32,
    reason: &'a str,
    next_try: Timestamp,
}

fn parked(changes: &Changes) -> Parked<'_> {
    let parks = changes.parks.iter().rev();
    let mut parked = parks.filter_map(|park| match park {
        Park::Keep { attempts, reason, due, .. } => {
            Some(Parked { attempt: *attempts, reason, next_try: due.unwrap_or_default() })
        }
        Park::Hold { attempts, reason, .. } => {
            Some(Parked { attempt: *attempts, reason, ..Parked::default() })
        }
        _ => None,
    });
    parked.next().unwrap_or_default()
}

fn given_up(changes: &Changes) -> (u32, &str) {
    let dead = changes.dead.iter().rev();
    let mut dead = dead.filter_map(|dead| match dead {
        Dead::Add { attempts, reason, .. } => Some((*attempts, reason.as_str())),
        Dead::Take { .. } => None,
    });
    dead.next().unwrap_or_default()
}
