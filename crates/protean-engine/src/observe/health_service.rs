//! Who answers which request with what.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use protean_core::domain::{Domain, broker};
use tracing::debug;

use super::cached_probe::{CachedProbe, Seen};
use super::exposition::exposition;
use super::report::{Health, Readiness};
use crate::observe::metrics::Metrics;
use crate::observe::status::{SubscriptionStatus, subscriptions};
use crate::relay::{Outbox, RelayStatus};

/// What is said to a request for another page.
const PAGES: &str = "the pages are /livez, /readyz, /healthz and /metrics\n";

/// Knows what the pages tell.
pub(super) struct HealthService {
    domain: Domain,
    metrics: Arc<Metrics>,
    store: CachedProbe<bool>,
    /// None when no message goes through a broker.
    broker: Option<CachedProbe<bool>>,
    subscriptions: CachedProbe<Arc<[SubscriptionStatus]>>,
    relays: CachedProbe<Arc<[RelayStatus]>>,
}

/// What all pages but `/livez` tell, at one moment.
pub(super) struct Findings<'a> {
    pub(super) domain: &'a str,
    pub(super) metrics: &'a Metrics,
    pub(super) store: StoreState,
    /// None when the store has never told.
    pub(super) subscriptions: Option<Seen<Arc<[SubscriptionStatus]>>>,
    /// None when the store has never told.
    pub(super) relays: Option<Seen<Arc<[RelayStatus]>>>,
}

/// Whether the store, or the broker, answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreState {
    Answers,
    Fails,
    Silent,
}

impl StoreState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "ok",
            Self::Fails => "cannot be read",
            Self::Silent => "does not answer",
        }
    }
}

impl HealthService {
    /// A service, and the task that asks the store for it.
    pub(super) fn new(domain: Domain, metrics: Arc<Metrics>) -> (Self, impl Future<Output = ()>) {
        let asked = domain.clone();
        let (store, asking) = CachedProbe::new(move || answers(asked.clone()));
        let asked = domain.clone();
        let (subscriptions, reading) = CachedProbe::new(move || stand(asked.clone()));
        let asked = domain.clone();
        let (relays, adding) = CachedProbe::new(move || relay(asked.clone()));
        let asked = domain.clone();
        let (broker, calling) = CachedProbe::new(move || reaches(asked.clone()));
        let broker = domain.config().enable_outbox.then_some(broker);
        let service = Self { domain, metrics, store, broker, subscriptions, relays };
        (service, async move {
            tokio::join!(asking, reading, adding, calling);
        })
    }

    pub(super) async fn answer(&self, method: &Method, path: &str) -> Response<String> {
        if *method != Method::GET {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n".into());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return refused;
        }
        match path {
            // Whoever handles messages answers as well, so this alone shows that it goes on.
            "/livez" => text(StatusCode::OK, "alive\n".into()),
            "/readyz" => {
                let broker = async { Some(state(self.broker.as_ref()?).await.0) };
                let ((store, age), broker) = tokio::join!(state(&self.store), broker);
                let readiness = Readiness::of(&self.metrics, (store, age), broker);
                json(if readiness.is_ready() { StatusCode::OK } else { UNAVAILABLE }, &readiness)
            }
            "/healthz" => json(StatusCode::OK, &Health::of(&self.findings().await)),
            "/metrics" => {
                let page = text(StatusCode::OK, exposition(&self.findings().await));
                of_type(page, "text/plain; version=0.0.4; charset=utf-8")
            }
            _ => text(StatusCode::NOT_FOUND, PAGES.into()),
        }
    }

    async fn findings(&self) -> Findings<'_> {
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
async fn state(look: &CachedProbe<bool>) -> (StoreState, Option<Duration>) {
    match look.latest().await {
        Ok(seen) if seen.what => (StoreState::Answers, Some(seen.age())),
        Ok(seen) => (StoreState::Fails, Some(seen.age())),
        Err(old) => (StoreState::Silent, old.map(|seen| seen.age())),
    }
}

/// Asks the broker for next to nothing.
async fn reaches(domain: Domain) -> bool {
    let name = &domain.config().outbox.broker;
    let asked = async { broker(&domain, name).await?.kept(domain.name()).await };
    asked.await.inspect_err(|error| debug!("health: the broker cannot be read: {error}")).is_ok()
}

/// Asks the store for next to nothing.
async fn answers(domain: Domain) -> bool {
    let asked = async { domain.store().await?.registered_groups().await };
    asked.await.inspect_err(|error| debug!("health: the store cannot be read: {error}")).is_ok()
}

async fn relay(domain: Domain) -> Arc<[RelayStatus]> {
    match Outbox::of(&domain).await {
        Ok(outbox) => outbox.status().await.into(),
        Err(_) => Arc::default(),
    }
}

async fn stand(domain: Domain) -> Arc<[SubscriptionStatus]> {
    subscriptions(&domain).await.unwrap_or_default().into()
}

fn text(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    of_type(response, "text/plain; charset=utf-8")
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response<String> {
    match serde_json::to_string_pretty(body) {
        Ok(body) => of_type(text(status, body + "\n"), "application/json"),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "no JSON can tell it\n".into()),
    }
}

fn of_type(mut response: Response<String>, kind: &'static str) -> Response<String> {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
