//! The port of spans, on the SDK of OpenTelemetry.

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use protean_port::message::TraceParent;
use protean_port::port::{NewSpan, SpanOperation, SpanValue, TraceSpan, Tracer};

/// Records spans with an SDK.
pub(crate) struct Recorder(pub(crate) SdkTracer);

/// A span, as the current one of a context.
struct Recorded(Context);

impl Tracer for Recorder {
    fn current(&self) -> Option<TraceParent> {
        Context::map_current(|context| trace_parent(context.span().span_context()))
    }

    fn begin(&self, new: NewSpan<'_>) -> Box<dyn TraceSpan> {
        if Context::is_current_telemetry_suppressed() {
            return self.unrecorded();
        }
        let parent = new.parent.map_or_else(Context::new, remote);
        let links = new.links.iter().map(|at| Link::with_context(span_context(*at)));
        let operation = new.operation.as_str();
        let mut attributes = vec![
            KeyValue::new("messaging.operation.name", operation),
            KeyValue::new("messaging.operation.type", operation),
            KeyValue::new("messaging.destination.name", new.destination.to_owned()),
        ];
        attributes.extend(new.attributes.iter().map(|(name, value)| attribute(name, *value)));
        let builder = self.0.span_builder(format!("{operation} {}", new.destination));
        let builder = builder
            .with_kind(kind(new.operation))
            .with_start_time(opentelemetry::time::now() - new.ago)
            .with_links(links.collect())
            .with_attributes(attributes);
        let span = self.0.build_with_context(builder, &parent);
        Box::new(Recorded(parent.with_span(span)))
    }

    fn unrecorded(&self) -> Box<dyn TraceSpan> {
        Box::new(Recorded(Context::new().with_telemetry_suppressed()))
    }
}

impl TraceSpan for Recorded {
    fn context(&self) -> Option<TraceParent> {
        trace_parent(self.0.span().span_context())
    }

    fn within(&self, work: &mut dyn FnMut()) {
        let _current = self.0.clone().attach();
        work();
    }

    fn count(&mut self, messages: usize) {
        let messages = i64::try_from(messages).unwrap_or(i64::MAX);
        self.0.span().set_attribute(KeyValue::new("messaging.batch.message_count", messages));
    }

    fn fail(&mut self, reason: &str) {
        let span = self.0.span();
        span.set_attribute(KeyValue::new("error.type", "_OTHER"));
        span.set_status(Status::error(reason.to_owned()));
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        // Spans below it may still hold its context.
        self.0.span().end();
    }
}

/// The context of a span that may be elsewhere.
pub(crate) fn remote(parent: TraceParent) -> Context {
    Context::new().with_remote_span_context(span_context(parent))
}

fn span_context(of: TraceParent) -> SpanContext {
    let (trace, span, flags) = of.ids();
    let (trace, span) = (TraceId::from(trace), SpanId::from(span));
    SpanContext::new(trace, span, TraceFlags::new(flags), true, TraceState::default())
}

fn trace_parent(of: &SpanContext) -> Option<TraceParent> {
    let trace = u128::from_be_bytes(of.trace_id().to_bytes());
    let span = u64::from_be_bytes(of.span_id().to_bytes());
    TraceParent::new(trace, span, of.trace_flags().to_u8())
}

fn kind(operation: SpanOperation) -> SpanKind {
    match operation {
        SpanOperation::Create | SpanOperation::Send => SpanKind::Producer,
        SpanOperation::Process => SpanKind::Consumer,
        SpanOperation::Forward | SpanOperation::Receive | SpanOperation::Settle => SpanKind::Client,
    }
}

fn attribute(name: &'static str, value: SpanValue<'_>) -> KeyValue {
    match value {
        SpanValue::Text(text) => KeyValue::new(name, text.to_owned()),
        SpanValue::Number(number) => KeyValue::new(name, number),
    }
}
