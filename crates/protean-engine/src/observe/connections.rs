//! Connections, so bounded that nobody who is slow holds anything.

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

/// So many connections at once: the next one takes the place of the oldest,
/// which has had more time than any request needs.
const MOST: usize = 64;

/// How long a request may take to arrive, and its answer to be taken.
const WHOLE: Duration = Duration::from_secs(5);

/// How much a request may say.
const SIZE: usize = 8 * 1024;

/// The wait after the system has refused a connection, for lack of files as a rule.
const REFUSED: Duration = Duration::from_millis(100);

/// Answers whoever comes, for ever.
pub(super) async fn answer(listener: &TcpListener, service: Arc<HealthService>) {
    let (mut open, mut ages) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
    loop {
        tokio::select! {
            came = listener.accept() => match came {
                Ok((stream, _)) => {
                    ages.retain(|connection| !connection.is_finished());
                    if ages.len() >= MOST && let Some(oldest) = ages.pop_front() {
                        oldest.abort();
                    }
                    ages.push_back(open.spawn(converse(stream, Arc::clone(&service))));
                }
                Err(error) => {
                    debug!("health: no connection: {error}");
                    sleep(REFUSED).await;
                }
            },
            Some(_) = open.join_next() => {}
        }
    }
}

/// One request and its answer.
async fn converse(stream: TcpStream, service: Arc<HealthService>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let service = Arc::clone(&service);
        async move {
            let answer = service.answer(request.method(), request.uri().path()).await;
            Ok::<Response<String>, Infallible>(answer)
        }
    });
    let connection = Builder::new()
        .keep_alive(false)
        .max_buf_size(SIZE)
        .serve_connection(TokioIo::new(stream), service);
    // Whatever went wrong is the client's concern.
    let _ = timeout(WHOLE, connection).await;
}
