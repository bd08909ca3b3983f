//! HTTP connections, each of which has to say in time what it wants.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tracing::warn;

/// How long a client may take for the header of a request, and how long it may be silent between
/// two of them.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// The wait after the system refused a connection, usually for lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// How often a trouble that goes on is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Answers requests until `stop`, then finishes those that have begun, for `drain` at most.
pub(crate) async fn answer(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
    drain: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let (open, cut_off, refused) = (GracefulShutdown::new(), Tally::shared(), Tally::shared());
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                if let Some(times) = refused.count() {
                    warn!(%error, times, "cannot accept a connection, trying again");
                }
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        let cut_off = Arc::clone(&cut_off);
        tokio::spawn(async move {
            // Any other end is the client's concern.
            if let Err(error) = connection.await
                && error.is_timeout()
                && let Some(times) = cut_off.count()
            {
                warn!(timeout = ?HEADER_TIMEOUT, times, "clients cut off before the end of a header");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, open.shutdown()).await.is_err() {
        warn!(drain_timeout = ?drain, "drain timeout passed, open requests were cut off");
    }
}

/// How often something has happened, and when that was said.
#[derive(Default)]
struct Tally(Mutex<(u64, Option<Instant>)>);

impl Tally {
    fn shared() -> Arc<Self> {
        Arc::default()
    }

    /// It has happened again; how often, when that is to be said.
    fn count(&self) -> Option<u64> {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, said) = &mut *tally;
        *times += 1;
        let is_due = said.is_none_or(|said| said.elapsed() >= LOG_INTERVAL);
        is_due.then(|| {
            *said = Some(Instant::now());
            *times
        })
    }
}
