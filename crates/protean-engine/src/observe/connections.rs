//! Bounded connections: a slow client cannot exhaust the server.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use protean_port::port::BoxFuture;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::debug;

/// The next connection takes the place of the oldest, which has had more time than any
/// request needs.
const MAX_CONNECTIONS: usize = 64;

/// How long a request and its answer may take together, unless the answer is a stream of events.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// The wait after the system refused a connection, usually for lack of file descriptors.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(100);

/// The content type of an answer that does not end by itself.
const EVENT_STREAM: &str = "text/event-stream";

/// The body of an answer.
pub type PageBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// Answers requests, as a page of the health address or at one of its own.
pub trait Pages: Send + Sync {
    /// The answer to a request that came in at the address `at`.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        at: SocketAddr,
    ) -> BoxFuture<'static, Response<PageBody>>;
}

/// A body of this kind, boxed.
pub fn page_body<B>(body: B) -> PageBody
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    body.boxed_unsync()
}

/// Answers every connection of a listener, until the future is dropped.
pub async fn serve_pages(listener: &TcpListener, pages: Arc<dyn Pages>) {
    let (mut open, mut ages) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
    loop {
        tokio::select! {
            came = listener.accept() => match came {
                Ok((stream, _)) => {
                    ages.retain(|connection| !connection.is_finished());
                    if ages.len() >= MAX_CONNECTIONS && let Some(oldest) = ages.pop_front() {
                        oldest.abort();
                    }
                    ages.push_back(open.spawn(serve(stream, Arc::clone(&pages))));
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
async fn serve(stream: TcpStream, pages: Arc<dyn Pages>) {
    // A connection that is gone already has nowhere to answer to.
    let Ok(at) = stream.local_addr() else { return };
    let is_stream = Arc::new(AtomicBool::new(false));
    let streams = Arc::clone(&is_stream);
    let service = service_fn(move |request: Request<Incoming>| {
        let (pages, streams) = (Arc::clone(&pages), Arc::clone(&streams));
        async move {
            let answer = pages.answer(request, at).await;
            let kind = answer.headers().get(CONTENT_TYPE);
            streams.store(kind.is_some_and(|kind| kind == EVENT_STREAM), Ordering::Relaxed);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_REQUEST_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A broken connection is the client's concern.
    let ended = timeout(REQUEST_TIMEOUT, connection.as_mut()).await;
    if ended.is_err() && is_stream.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
}
