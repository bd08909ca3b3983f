//! The address where the pages are served.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use protean_core::config::HealthConfig;
use protean_core::domain::Domain;
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::connections::{Pages, serve_pages};
use super::health_service::{Beside, HealthService};
use crate::observe::metrics::Metrics;

/// How many further ports are tried.
const MAX_PORT_INCREMENTS: u16 = 100;

/// Serves the health pages of a server: `GET /livez`, `/readyz`, `/healthz`, `/processz` and
/// `/metrics`. Give it to [`Server::with_health`](crate::Server::with_health).
///
/// Cheap to clone; clones share the listener.
#[derive(Clone)]
pub struct HealthPage {
    listener: Option<Arc<TcpListener>>,
    beside: Option<Beside>,
}

impl HealthPage {
    /// Listens at the configured address, or at the first free one of the next 100 ports
    /// when `port_auto_increment` is set. A server works without its pages: when the
    /// address cannot be used, a warning says so. Cancel safe.
    pub async fn open(settings: &HealthConfig) -> Self {
        if !settings.enabled {
            return Self { listener: None, beside: None };
        }
        match listen(settings).await {
            Ok((listener, at)) => {
                info!(url = %format_args!("http://{at}/healthz"), "serving the health pages");
                Self { listener: Some(Arc::new(listener)), beside: None }
            }
            Err(error) => {
                let (host, port) = (&settings.host, settings.port);
                let advice = advice(settings, error.kind());
                warn!(host, port, %error, "no health pages, cannot listen at their address: {advice}");
                Self { listener: None, beside: None }
            }
        }
    }

    /// Serves further pages at the same address: those whose paths begin with `prefix`.
    #[must_use]
    pub fn with_pages(self, prefix: &'static str, pages: Arc<dyn Pages>) -> Self {
        Self { beside: Some(Beside { prefix, pages }), ..self }
    }

    /// The address it listens at, when it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves the pages until the future is dropped.
    pub(crate) async fn serve(self, domain: Domain, metrics: Arc<Metrics>) {
        let Some(listener) = self.listener else { return };
        let (service, probing) = HealthService::new(domain, metrics, self.beside);
        tokio::join!(serve_pages(&listener, Arc::new(service)), probing);
    }
}

impl fmt::Debug for HealthPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthPage").field("address", &self.address()).finish_non_exhaustive()
    }
}

async fn listen(settings: &HealthConfig) -> io::Result<(TcpListener, SocketAddr)> {
    let more =
        if settings.port_auto_increment && settings.port != 0 { MAX_PORT_INCREMENTS } else { 0 };
    let last = settings.port.saturating_add(more);
    let mut port = settings.port;
    loop {
        match TcpListener::bind((settings.host.as_str(), port)).await {
            Ok(listener) => {
                let at = listener.local_addr()?;
                return Ok((listener, at));
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse && port < last => port += 1,
            Err(error) => return Err(error),
        }
    }
}

fn advice(settings: &HealthConfig, kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AddrInUse if settings.port_auto_increment => {
            "set server.health.port to one with free ports after it"
        }
        ErrorKind::AddrInUse => {
            "set server.health.port to a free one, or server.health.port_auto_increment = true"
        }
        _ => "set server.health.host and server.health.port to an address of this machine",
    }
}

#[cfg(test)]
mod tests {
    use protean_core::config::{Config, HealthConfig};

    use super::HealthPage;

    fn settings(port: u16) -> HealthConfig {
        HealthConfig { port, ..Config::default().server.health }
    }

    #[tokio::test]
    async fn a_port_in_use_is_passed_over_only_when_that_is_allowed() {
        let first = HealthPage::open(&settings(0)).await;
        let port = first.address().unwrap().port();
        assert!(first.address().unwrap().ip().is_loopback());
        assert_eq!(HealthPage::open(&settings(port)).await.address(), None);
        let increments = HealthConfig { port_auto_increment: true, ..settings(port) };
        let next = HealthPage::open(&increments).await.address().unwrap().port();
        assert!((port + 1..=port.saturating_add(100)).contains(&next), "{next} after {port}");
    }

    #[tokio::test]
    async fn nothing_listens_when_it_is_off_or_the_place_is_elsewhere() {
        let off = HealthConfig { enabled: false, ..settings(0) };
        assert_eq!(HealthPage::open(&off).await.address(), None);
        let elsewhere = HealthConfig { host: "192.0.2.1".into(), ..settings(0) };
        assert_eq!(HealthPage::open(&elsewhere).await.address(), None);
    }
}
