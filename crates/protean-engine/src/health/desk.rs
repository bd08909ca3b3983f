//! Who answers which request with what.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use protean_core::domain::Domain;
use tracing::debug;

use super::look::{Look, Seen};
use super::metrics::metrics;
use super::report::{Health, Readiness};
use crate::status::{SubscriptionStatus, subscriptions};
use crate::vitals::Vitals;

/// What is said to a request for another page.
const PAGES: &str = "the pages are /livez, /readyz, /healthz and /metrics\n";

/// Knows what the pages tell.
pub(super) struct Desk {
    domain: Domain,
    vitals: Arc<Vitals>,
    store: Look<bool>,
    subscriptions: Look<Arc<[SubscriptionStatus]>>,
}

/// What all pages but `/livez` tell, at one moment.
pub(super) struct Findings<'a> {
    pub(super) domain: &'a str,
    pub(super) vitals: &'a Vitals,
    pub(super) store: StoreState,
    /// None when the store has never told.
    pub(super) subscriptions: Option<Seen<Arc<[SubscriptionStatus]>>>,
}

/// Whether the store answers.
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

impl Desk {
    /// A desk, and the task that asks the store for it.
    pub(super) fn new(domain: Domain, vitals: Arc<Vitals>) -> (Self, impl Future<Output = ()>) {
        let asked = domain.clone();
        let (store, asking) = Look::new(move || answers(asked.clone()));
        let asked = domain.clone();
        let (subscriptions, reading) = Look::new(move || stand(asked.clone()));
        let desk = Self { domain, vitals, store, subscriptions };
        (desk, async move {
            tokio::join!(asking, reading);
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
                let (store, age) = self.store().await;
                let readiness = Readiness::of(&self.vitals, store, age);
                json(if readiness.is_ready() { StatusCode::OK } else { UNAVAILABLE }, &readiness)
            }
            "/healthz" => json(StatusCode::OK, &Health::of(&self.findings().await)),
            "/metrics" => {
                let page = text(StatusCode::OK, metrics(&self.findings().await));
                of_type(page, "text/plain; version=0.0.4; charset=utf-8")
            }
            _ => text(StatusCode::NOT_FOUND, PAGES.into()),
        }
    }

    /// Whether the store answers, and how old its last answer is.
    async fn store(&self) -> (StoreState, Option<Duration>) {
        match self.store.latest().await {
            Ok(seen) if seen.what => (StoreState::Answers, Some(seen.age())),
            Ok(seen) => (StoreState::Fails, Some(seen.age())),
            Err(old) => (StoreState::Silent, old.map(|seen| seen.age())),
        }
    }

    async fn findings(&self) -> Findings<'_> {
        let ((store, _), subscriptions) = tokio::join!(self.store(), self.subscriptions.latest());
        let subscriptions = subscriptions.map_or_else(|old| old, Some);
        Findings { domain: self.domain.name(), vitals: &self.vitals, store, subscriptions }
    }
}

const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// Asks the store for next to nothing.
async fn answers(domain: Domain) -> bool {
    let asked = async { domain.store().await?.enrolled().await };
    asked.await.inspect_err(|error| debug!("health: the store cannot be read: {error}")).is_ok()
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
