//! Bounded connections: a slow client cannot exhaust the server.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::health_service::HealthService;

/// The next connection takes the place of the oldest, which has had more time than any
/// request needs.
const MAX_CONNECTIONS: usize = 64;

/// How long a request and its answer may take together.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// The wait after the system refused a connection, usually for lack of file descriptors.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(100);

/// Answers every connection, until the future is dropped.
pub(super) async fn answer(listener: &TcpListener, service: Arc<HealthService>) {
    let (mut open, mut ages) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
    loop {
        tokio::select! {
            came = listener.accept() => match came {
                Ok((stream, _)) => {
                    ages.retain(|connection| !connection.is_finished());
                    if ages.len() >= MAX_CONNECTIONS && let Some(oldest) = ages.pop_front() {
                        oldest.abort();
                    }
                    ages.push_back(open.spawn(serve(stream, Arc::clone(&service))));
                }
                Err(error) => {
                    debug!(%error, "cannot accept a connection to the health pages");
                    sleep(ACCEPT_RETRY_WAIT).await;
                }
            },
            Some(_) = open.join_next() => {}
        }
    }
}

/// Serves one request.
async fn serve(stream: TcpStream, service: Arc<HealthService>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let service = Arc::clone(&service);
        async move {
            let answer = service.answer(request.method(), request.uri().path()).await;
            Ok::<Response<String>, Infallible>(answer)
        }
    });
    let connection = Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_REQUEST_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // A broken connection is the client's concern.
    let _ = timeout(REQUEST_TIMEOUT, connection).await;
}
