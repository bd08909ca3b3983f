//! Answers each request with its page.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use protean_core::domain::{Domain, broker};
use protean_port::port::BoxFuture;
use tracing::debug;

use super::cached_probe::CachedProbe;
use super::connections::{PageBody, Pages, page_body};
use super::exposition::exposition;
use super::families::families;
use super::findings::{Findings, StoreState};
use super::process_report::ProcessReport;
use super::report::{Health, Readiness};
use crate::observe::metrics::Metrics;
use crate::observe::status::{SubscriptionStatus, subscriptions};
use crate::relay::{Outbox, RelayStatus};

/// The answer to a request for another page.
const NOT_FOUND_TEXT: &str = "the pages are /livez, /readyz, /healthz, /processz and /metrics\n";

/// Pages of others at the same address.
#[derive(Clone)]
pub(super) struct Beside {
    /// How their paths begin: `/observatory`.
    pub(super) prefix: &'static str,
    pub(super) pages: Arc<dyn Pages>,
}

impl Beside {
    /// True for a path that is theirs.
    fn has(&self, path: &str) -> bool {
        path.strip_prefix(self.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Gathers what the pages show.
pub(super) struct HealthService {
    domain: Domain,
    metrics: Arc<Metrics>,
    store: CachedProbe<bool>,
    /// `None` when no message goes through a broker.
    broker: Option<CachedProbe<bool>>,
    subscriptions: CachedProbe<Arc<[SubscriptionStatus]>>,
    relays: CachedProbe<Arc<[RelayStatus]>>,
    beside: Option<Beside>,
}

impl Pages for HealthService {
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        at: SocketAddr,
    ) -> BoxFuture<'static, Response<PageBody>> {
        if let Some(beside) = self.beside.as_ref().filter(|of| of.has(request.uri().path())) {
            return Arc::clone(&beside.pages).answer(request, at);
        }
        Box::pin(async move {
            let page = self.page(request.method(), request.uri().path()).await;
            page.map(|text| page_body(Full::from(text)))
        })
    }
}

impl HealthService {
    /// A service, and the task that queries the store for it.
    pub(super) fn new(
        domain: Domain,
        metrics: Arc<Metrics>,
        beside: Option<Beside>,
    ) -> (Self, impl Future<Output = ()>) {
        let of = domain.clone();
        let (store, store_task) = CachedProbe::new(move || store_answers(of.clone()));
        let of = domain.clone();
        let (subscriptions, subscriptions_task) =
            CachedProbe::new(move || subscription_statuses(of.clone()));
        let of = domain.clone();
        let (relays, relays_task) = CachedProbe::new(move || relay_statuses(of.clone()));
        let of = domain.clone();
        let (broker, broker_task) = CachedProbe::new(move || broker_answers(of.clone()));
        let broker = domain.config().enable_outbox.then_some(broker);
        let service = Self { domain, metrics, store, broker, subscriptions, relays, beside };
        (service, async move {
            tokio::join!(store_task, subscriptions_task, relays_task, broker_task);
        })
    }

    async fn page(&self, method: &Method, path: &str) -> Response<String> {
        if *method != Method::GET {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n".into());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return refused;
        }
        match path {
            // The task that handles messages shares this runtime, so an answer shows that
            // the runtime is alive.
            "/livez" => text(StatusCode::OK, "alive\n".into()),
            "/readyz" => {
                let broker = async { Some(state(self.broker.as_ref()?).await.0) };
                let ((store, age), broker) = tokio::join!(state(&self.store), broker);
                let readiness = Readiness::of(&self.metrics, store, age, broker);
                json(if readiness.is_ready() { StatusCode::OK } else { UNAVAILABLE }, &readiness)
            }
            "/healthz" => json(StatusCode::OK, &Health::of(&self.findings().await)),
            "/processz" => {
                json(StatusCode::OK, &ProcessReport::of(self.domain.name(), &self.metrics))
            }
            "/metrics" => {
                let page = text(StatusCode::OK, exposition(&families(&self.findings().await)));
                with_content_type(page, "text/plain; version=0.0.4; charset=utf-8")
            }
            _ => text(StatusCode::NOT_FOUND, NOT_FOUND_TEXT.into()),
        }
    }

    pub(super) async fn findings(&self) -> Findings<'_> {
        let ((store, _), subscriptions, relays) =
            tokio::join!(state(&self.store), self.subscriptions.latest(), self.relays.latest());
        let (domain, metrics) = (self.domain.name(), &*self.metrics);
        let subscriptions = subscriptions.map_or_else(|old| old, Some);
        let relays = relays.map_or_else(|old| old, Some);
        Findings { domain, metrics, store, subscriptions, relays }
    }
}

const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// Whether something answers, and how old its last answer is.
async fn state(probe: &CachedProbe<bool>) -> (StoreState, Option<Duration>) {
    match probe.latest().await {
        Ok(seen) if seen.what => (StoreState::Answers, Some(seen.age())),
        Ok(seen) => (StoreState::Fails, Some(seen.age())),
        Err(old) => (StoreState::Silent, old.map(|seen| seen.age())),
    }
}

/// Asks the broker for next to nothing.
async fn broker_answers(domain: Domain) -> bool {
    let name = &domain.config().outbox.broker;
    let asked = async { broker(&domain, name).await?.stored_mark(domain.name()).await };
    asked
        .await
        .inspect_err(|error| {
            debug!(error = format_args!("{error:#}"), "health probe: cannot read the broker")
        })
        .is_ok()
}

/// Asks the store for next to nothing, and whether it can be written.
async fn store_answers(domain: Domain) -> bool {
    let asked = async {
        let store = domain.store().await?;
        store.registered_groups().await?;
        store.check_writing().await
    };
    asked
        .await
        .inspect_err(|error| {
            debug!(error = format_args!("{error:#}"), "health probe: cannot use the store")
        })
        .is_ok()
}

async fn relay_statuses(domain: Domain) -> Arc<[RelayStatus]> {
    match Outbox::of(&domain).await {
        Ok(outbox) => outbox.status().await.into(),
        Err(_) => Arc::default(),
    }
}

async fn subscription_statuses(domain: Domain) -> Arc<[SubscriptionStatus]> {
    subscriptions(&domain).await.unwrap_or_default().into()
}

fn text(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    with_content_type(response, "text/plain; charset=utf-8")
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response<String> {
    match serde_json::to_string_pretty(body) {
        Ok(body) => with_content_type(text(status, body + "\n"), "application/json"),
        Err(_) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be encoded as JSON\n".into())
        }
    }
}

fn with_content_type(mut response: Response<String>, kind: &'static str) -> Response<String> {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
