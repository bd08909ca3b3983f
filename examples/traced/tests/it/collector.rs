//! A collector: it takes what programs export over OTLP, and keeps it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message;
use tokio::net::TcpListener;

/// A collector, until it is dropped.
pub(crate) struct Collector {
    pub(crate) at: SocketAddr,
    seen: Seen,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Clone, Default)]
struct Seen {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<Metric>>>,
}

/// A span, with its ids in hexadecimal digits.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: proto::span::SpanKind,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) links: Vec<String>,
    pub(crate) has_failed: bool,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Span {
    /// The value of an attribute; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

impl Collector {
    /// A collector at a port that is free.
    pub(crate) fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    /// A collector at this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let (at, seen) = (listener.local_addr().unwrap(), Seen::default());
        let routes = Router::new()
            .route("/v1/traces", post(take_spans))
            .route("/v1/metrics", post(take_metrics))
            .with_state(seen.clone());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { at, seen, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.seen.spans.lock().unwrap().clone()
    }

    /// The metrics of the last report.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        self.seen.metrics.lock().unwrap().clone()
    }
}

/// Where a collector could be: it hangs up on everybody, and counts them.
pub(crate) struct Nobody {
    pub(crate) at: SocketAddr,
    calls: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl Nobody {
    pub(crate) fn start() -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (at, calls) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&calls);
        runtime.spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { at, calls, _runtime: runtime }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build().unwrap()
}

async fn take_spans(State(seen): State<Seen>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut spans = seen.spans.lock().unwrap();
    for of in request.resource_spans {
        let resource = of.resource.unwrap_or_default();
        let service = texts(&resource.attributes)["service.name"].clone();
        let of_scopes = of.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(of_scopes.map(|of| span(service.clone(), of)));
    }
}

async fn take_metrics(State(seen): State<Seen>, body: Bytes) {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let scopes = request.resource_metrics.into_iter().flat_map(|of| of.scope_metrics);
    *seen.metrics.lock().unwrap() = scopes.flat_map(|scope| scope.metrics).collect();
}

fn span(service: String, of: proto::Span) -> Span {
    let has_failed = of.status.as_ref().is_some_and(|status| status.code == 2);
    Span {
        service,
        kind: of.kind(),
        attributes: texts(&of.attributes),
        name: of.name,
        trace: hex(&of.trace_id),
        id: hex(&of.span_id),
        parent: hex(&of.parent_span_id),
        links: of.links.iter().map(|link| hex(&link.span_id)).collect(),
        has_failed,
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |of: &KeyValue| {
        let value = match of.value.clone().and_then(|value| value.value) {
            Some(Value::StringValue(text)) => text,
            Some(Value::IntValue(number)) => number.to_string(),
            other => format!("{other:?}"),
        };
        (of.key.clone(), value)
    };
    attributes.iter().map(text).collect()
}
