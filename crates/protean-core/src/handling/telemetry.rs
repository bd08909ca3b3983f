//! Spans and events about messages: their names and fields.
//!
//! | name | level | where | fields |
//! |---|---|---|---|
//! | span `message` | info | around each handled message | `handler`, `message_id`, `type`, `correlation_id`, `lane`, `attempt` |
//! | `handler.started` | debug | within the span | |
//! | `handler.completed` | debug | its verdict | `handler`, `message_id`, `type` |
//! | `handler.failed` | warn | its verdict: it is tried again | the same, `attempt`, `reason`, `next_try` |
//! | `message.acked` | debug | its verdict: settled without its handler | `handler`, `message_id`, `type`, `outcome` |
//! | `message.nacked` | warn, debug | its verdict: it waits, no attempt is used up | the same, `reason`, `next_try` |
//! | `message.dlq` | error | its verdict: given up | `handler`, `message_id`, `type`, `attempt`, `reason`, `kept` |
//! | `outbox.published` | debug | a relay has published a message | `relay`, `message_id` |
//! | `outbox.failed` | error | a relay has given a message up | `relay`, `message_id`, `reason` |
//!
//! A line that a handler writes carries the span, whether the server runs it or
//! synchronous processing does. The outcome of a message is logged here, once its
//! verdict is settled, and nowhere else.

use protean_port::message::Timestamp;
use protean_port::port::{Dead, Delivery, Park};
use tracing::{Span, debug, error, info_span, warn};

use super::group::Group;
use super::settle::{Fate, Settled};
use crate::unit::Env;

/// The span in which a message is handled.
pub(super) fn message_span(env: &Env, group: &Group, delivery: &Delivery) -> Span {
    let message = &delivery.recorded.message;
    info_span!(
        "message",
        handler = %group.handler,
        message_id = %message.id,
        "type" = %message.type_name,
        correlation_id = %message.correlation_id,
        lane = %env.lanes.lane(message.priority),
        attempt = delivery.attempts + 1,
    )
}

/// Logs what became of a message, once its verdict is settled.
pub(super) fn outcome(group: &Group, delivery: &Delivery, settled: &Settled) {
    let message = &delivery.recorded.message;
    let (handler, id, of_type) = (&group.handler, &message.id, &message.type_name);
    match &settled.fate {
        Fate::Handled => {
            debug!(%handler, message_id = %id, "type" = %of_type, "handler.completed");
        }
        Fate::Passed(counter) => {
            let outcome = counter.as_str();
            debug!(%handler, message_id = %id, "type" = %of_type, outcome, "message.acked");
        }
        Fate::Held => {
            let reason = parked(settled).reason;
            debug!(%handler, message_id = %id, "type" = %of_type, reason, "message.nacked");
        }
        Fate::Retried => {
            let Parked { attempt, reason, next_try } = parked(settled);
            warn!(
                %handler, message_id = %id, "type" = %of_type, attempt, reason, %next_try,
                "handler.failed: the message is tried again"
            );
        }
        Fate::Postponed => {
            let Parked { reason, next_try, .. } = parked(settled);
            warn!(
                %handler, message_id = %id, "type" = %of_type, reason, %next_try,
                "message.nacked: the message waits, no attempt is used up"
            );
        }
        Fate::GivenUp => {
            let (attempt, reason) = given_up(settled);
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

fn parked(settled: &Settled) -> Parked<'_> {
    let parks = settled.unit.changes.parks.iter().rev();
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

fn given_up(settled: &Settled) -> (u32, &str) {
    let dead = settled.unit.changes.dead.iter().rev();
    let mut dead = dead.filter_map(|dead| match dead {
        Dead::Add { attempts, reason, .. } => Some((*attempts, reason.as_str())),
        Dead::Take { .. } => None,
    });
    dead.next().unwrap_or_default()
}
