//! What a program starts and stops.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracer, SdkTracerProvider};
use protean_port::message::TraceParent;
use protean_port::port::{MetricsSink, Tracer};
use protean_port::{Error, Result};
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::collector::Collector;
use crate::metrics::Metrics;
use crate::recorder::{Recorder, remote};
use crate::settings::Settings;

/// How long the end of a program waits for the last spans.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The log span around each handled message: it has a span of its own in the trace.
const LOG_SPANS: &str = "protean_core::handling::telemetry";

/// The export of spans and metrics to a collector.
///
/// Spans wait in a queue of bounded size, are sent by a thread of their own, and are dropped when
/// the collector does not take them.
pub struct Telemetry {
    spans: SdkTracerProvider,
    metrics: Arc<Metrics>,
}

impl Telemetry {
    /// Starts an export. Call it within a tokio runtime, which has to outlive it.
    ///
    /// # Errors
    /// When the address of the collector cannot be used.
    pub fn start(settings: &Settings) -> Result<Self> {
        let (collector, resource) = (Collector::here(), settings.resource());
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector.clone())
            .with_retry_policy(RetryPolicy::disabled())
            .with_endpoint(settings.address("v1/traces"))
            .build()
            .map_err(|_| {
                Error::misused(
                    "telemetry.endpoint is not the address of a collector; write one such as \
                     'http://localhost:4318'",
                )
            })?;
        let spans = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).build())
            .with_resource(resource.clone())
            .build();
        let metrics = Metrics {
            collector,
            address: settings.address("v1/metrics"),
            resource,
            began: opentelemetry::time::now(),
        };
        Ok(Self { spans, metrics: Arc::new(metrics) })
    }

    /// What records the spans of a domain.
    pub fn tracer(&self) -> impl Tracer + 'static {
        Recorder(self.sdk_tracer())
    }

    /// A layer that records the program's own `tracing` spans, down to the level `info`, in the
    /// same traces, with their log lines as events.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + 'static
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.sdk_tracer())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_recorded).with_max_level_hint(Level::INFO))
    }

    /// Where a server reports its metrics.
    pub fn metrics(&self) -> Arc<dyn MetricsSink> {
        Arc::clone(&self.metrics) as Arc<dyn MetricsSink>
    }

    /// Sends the spans that wait, for at most two seconds, and records no more. It blocks: call it
    /// outside of async code, while the runtime still runs.
    pub fn stop(&self) {
        // Spans that cannot be sent are lost; the collector has logged that.
        let _ = self.spans.shutdown_with_timeout(FLUSH_TIMEOUT);
    }

    fn sdk_tracer(&self) -> SdkTracer {
        self.spans.tracer("protean")
    }
}

fn is_recorded(of: &Metadata<'_>) -> bool {
    *of.level() <= Level::INFO && !(of.is_span() && of.target() == LOG_SPANS)
}

/// Makes a new `tracing` span continue a trace, such as that of a request's header `traceparent`.
/// Call it before the span is entered; without [`Telemetry::layer`] it does nothing.
pub fn continue_trace(span: &Span, parent: TraceParent) {
    // It fails without the layer.
    let _ = span.set_parent(remote(parent));
}
