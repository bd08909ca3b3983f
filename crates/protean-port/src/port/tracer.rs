//! Spans of distributed traces, in the terms of OpenTelemetry's messaging conventions.

use std::time::Duration;

use crate::message::TraceParent;

/// Records spans. Without a tracer, nothing is recorded, at no cost.
pub trait Tracer: Send + Sync {
    /// The trace context of the span around the caller; `None` outside of a trace.
    fn current(&self) -> Option<TraceParent>;

    /// Begins a span.
    fn begin(&self, span: NewSpan<'_>) -> Box<dyn TraceSpan>;

    /// A span that is not recorded, and neither is any within it: for one message of a batch that
    /// has a span as a whole.
    fn unrecorded(&self) -> Box<dyn TraceSpan>;
}

/// A span that has begun. It ends when it is dropped.
pub trait TraceSpan: Send + Sync {
    /// The context that spans below it continue; `None` when nothing is to continue it.
    fn context(&self) -> Option<TraceParent>;

    /// Calls `work` with this span as the current one.
    fn within(&self, work: &mut dyn FnMut());

    /// Notes how many messages it was about, when that was not known at its beginning.
    fn count(&mut self, messages: usize);

    /// Marks the span as failed, with the reason.
    fn fail(&mut self, reason: &str);
}

/// What a span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanOperation {
    /// A message is created, to be handled at once.
    Create,
    /// Messages are created and handed over, to be handled later.
    Send,
    /// Messages that were created before are handed over to a broker.
    Forward,
    /// Messages are read, to be handled.
    Receive,
    /// Messages are handled.
    Process,
    /// What became of messages is committed.
    Settle,
}

/// A span to begin.
#[derive(Clone, Debug)]
pub struct NewSpan<'a> {
    /// What is done.
    pub operation: SpanOperation,
    /// The stream or category with whose messages it is done.
    pub destination: &'a str,
    /// The span that it continues; `None` begins a trace.
    pub parent: Option<TraceParent>,
    /// Where the messages were created, when that is more than the parent says.
    pub links: Vec<TraceParent>,
    /// How long ago it began.
    pub ago: Duration,
    /// Further attributes.
    pub attributes: Vec<(&'static str, SpanValue<'a>)>,
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanValue<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(i64),
}

impl SpanOperation {
    /// Its name in the conventions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Send | Self::Forward => "send",
            Self::Receive => "receive",
            Self::Process => "process",
            Self::Settle => "settle",
        }
    }
}
