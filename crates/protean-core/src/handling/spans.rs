//! Spans of distributed traces: their names and attributes, and what continues what.
//!
//! | span | around | continues | linked to |
//! |---|---|---|---|
//! | `create CATEGORY` | a command that is handled at once, its handler included | the caller's span | |
//! | `send CATEGORY` | the commit of a command; of `process_all`, the commit of many | the caller's span | |
//! | `send STREAM` | a page of messages on its way to a broker | where the first was created | where the others were |
//! | `receive CATEGORY`, `receive STREAM` | a read that brings messages | the same | the same |
//! | `process CATEGORY` | the handler of one message | where it was created | the same |
//! | `process CATEGORY` | the handlers and the commit of a batch of backfill | where the first was created | where each was |
//! | `settle CATEGORY` | the commit of what handlers have done | where the first message was created | where the others were |
//!
//! Each has `messaging.system`, `messaging.operation.name`, `messaging.operation.type`,
//! `messaging.destination.name` and `protean.lane`; one of a single message also
//! `messaging.message.id`, `messaging.message.conversation_id`, `protean.message.type` and
//! `protean.priority`; one of a batch `messaging.batch.message_count`; where a handler has a part in
//! it, `messaging.consumer.group.name` is its subscription, and `protean.attempt` counts its tries
//! of one message.
//!
//! The `traceparent` that a message carries says where it was created: in a `create` or `send`
//! span, or in the `process` span of the handler that made it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use protean_port::message::{Category, Lane, Message, TraceParent};
use protean_port::port::{Delivery, NewSpan, SpanOperation, SpanValue, TraceSpan};

use super::group::Group;
use crate::unit::{Env, MessageContext};

/// The most places that a span of a batch is linked to.
const MAX_LINKS: usize = 128;

/// What handles messages, where no broker does.
const OWN_SYSTEM: &str = "protean";

/// A span that has begun, or nothing where none is recorded. It ends when it is dropped.
#[derive(Default)]
pub struct OpenSpan(Option<Box<dyn TraceSpan>>);

impl OpenSpan {
    /// Where what continues it was created.
    pub fn context(&self) -> Option<TraceParent> {
        self.0.as_ref()?.context()
    }

    /// Marks the span as failed.
    pub fn fail(&mut self, reason: impl ToString) {
        if let Some(span) = &mut self.0 {
            span.fail(&reason.to_string());
        }
    }

    /// Notes how many messages it was about.
    pub(crate) fn count(&mut self, messages: usize) {
        if let Some(span) = &mut self.0 {
            span.count(messages);
        }
    }

    /// Marks the span as failed when the result is an error; gives the result.
    pub(crate) fn ended<T, E: ToString>(mut self, result: Result<T, E>) -> Result<T, E> {
        if let (Some(span), Err(error)) = (&mut self.0, &result) {
            span.fail(&error.to_string());
        }
        result
    }

    /// Does `work` with this span as the current one.
    pub(super) async fn around<F: Future>(&self, work: F) -> F::Output {
        let Some(span) = &self.0 else { return work.await };
        let mut work = pin!(work);
        poll_fn(|context| {
            let mut polled = Poll::Pending;
            span.within(&mut || polled = work.as_mut().poll(context));
            polled
        })
        .await
    }
}

/// A command that is about to become a message.
pub(crate) struct NewCommand<'a> {
    pub(crate) category: &'a Category,
    pub(crate) id: &'a str,
    pub(crate) type_name: &'a str,
    pub(crate) cause: &'a MessageContext,
}

/// Begins the span in which a command is created, or sent to be handled later.
pub(crate) fn sending(env: &Env, operation: SpanOperation, command: &NewCommand<'_>) -> OpenSpan {
    let Some(tracer) = &env.tracer else { return OpenSpan::default() };
    let NewCommand { category, id, type_name, cause } = command;
    let lane = env.lanes.lane(cause.priority).to_string();
    let attributes = vec![
        system(OWN_SYSTEM),
        text("messaging.message.id", id),
        text("messaging.message.conversation_id", &cause.correlation_id),
        text("protean.message.type", type_name),
        text("protean.lane", &lane),
        number("protean.priority", cause.priority.value().into()),
    ];
    OpenSpan(Some(tracer.begin(NewSpan {
        operation,
        destination: category.as_str(),
        parent: cause.enrichment.traceparent,
        links: Vec::new(),
        ago: Duration::ZERO,
        attributes,
    })))
}

/// Begins the span of a message's handler. A message of a batch has none of its own, and what its
/// handler does is not recorded.
pub(super) fn processing(
    env: &Env,
    group: &Group,
    delivery: &Delivery,
    is_of_batch: bool,
) -> OpenSpan {
    let Some(tracer) = &env.tracer else { return OpenSpan::default() };
    if is_of_batch {
        return OpenSpan(Some(tracer.unrecorded()));
    }
    let message = &delivery.recorded.message;
    let lane = env.lanes.lane(message.priority).to_string();
    let attributes = vec![
        system(OWN_SYSTEM),
        text("messaging.consumer.group.name", &group.handler),
        text("messaging.message.id", &message.id),
        text("messaging.message.conversation_id", &message.correlation_id),
        text("protean.message.type", &message.type_name),
        text("protean.lane", &lane),
        number("protean.priority", message.priority.value().into()),
        number("protean.attempt", i64::from(delivery.attempts) + 1),
    ];
    let parent = message.extensions.traceparent;
    OpenSpan(Some(tracer.begin(NewSpan {
        operation: SpanOperation::Process,
        destination: group.category.as_str(),
        parent,
        links: parent.into_iter().collect(),
        ago: Duration::ZERO,
        attributes,
    })))
}

/// A step with several messages at once.
pub struct BatchStep<'a> {
    /// What is done.
    pub operation: SpanOperation,
    /// The kind of the broker; `None` for what needs no broker.
    pub broker: Option<&'a str>,
    /// The stream of the broker, or the category.
    pub destination: &'a str,
    /// The subscription, when a handler has a part in it.
    pub handler: Option<&'a str>,
    /// The lane of the messages.
    pub lane: Lane,
    /// How long ago it began.
    pub ago: Duration,
}

/// Begins the span of a step. A step without messages has no span, nor has one whose messages were
/// all created outside of a trace, unless they are processed.
pub fn batch<'m>(
    env: &Env,
    step: &BatchStep<'_>,
    messages: impl Iterator<Item = &'m Message>,
) -> OpenSpan {
    let Some(tracer) = &env.tracer else { return OpenSpan::default() };
    let (count, mut links) = created(messages);
    let is_processed = step.operation == SpanOperation::Process;
    if count == 0 || (links.is_empty() && !is_processed) {
        return OpenSpan::default();
    }
    let parent = links.first().copied();
    if !is_processed {
        links.drain(..1);
    }
    let lane = step.lane.to_string();
    let mut attributes = vec![
        system(step.broker.unwrap_or(OWN_SYSTEM)),
        number("messaging.batch.message_count", count),
        text("protean.lane", &lane),
    ];
    attributes.extend(step.handler.map(|handler| text("messaging.consumer.group.name", handler)));
    OpenSpan(Some(tracer.begin(NewSpan {
        operation: step.operation,
        destination: step.destination,
        parent,
        links,
        ago: step.ago,
        attributes,
    })))
}

/// Begins the span of a commit that takes in many new commands.
pub(crate) fn sending_many(
    env: &Env,
    category: &Category,
    lane: Lane,
    parent: Option<TraceParent>,
) -> OpenSpan {
    let Some(tracer) = &env.tracer else { return OpenSpan::default() };
    let lane = lane.to_string();
    OpenSpan(Some(tracer.begin(NewSpan {
        operation: SpanOperation::Send,
        destination: category.as_str(),
        parent,
        links: Vec::new(),
        ago: Duration::ZERO,
        attributes: vec![system(OWN_SYSTEM), text("protean.lane", &lane)],
    })))
}

/// How many messages there are, and the different places where they were created.
fn created<'m>(messages: impl Iterator<Item = &'m Message>) -> (i64, Vec<TraceParent>) {
    let (mut count, mut places) = (0, Vec::new());
    for message in messages {
        count += 1;
        let place = message.extensions.traceparent.filter(|place| !places.contains(place));
        places.extend(place.filter(|_| places.len() < MAX_LINKS));
    }
    (count, places)
}

fn system(name: &str) -> (&'static str, SpanValue<'_>) {
    text("messaging.system", name)
}

fn text<'a>(name: &'static str, value: &'a str) -> (&'static str, SpanValue<'a>) {
    (name, SpanValue::Text(value))
}

fn number(name: &'static str, value: i64) -> (&'static str, SpanValue<'static>) {
    (name, SpanValue::Number(value))
}
