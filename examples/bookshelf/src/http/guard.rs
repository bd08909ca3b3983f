//! Keeps one request from hurting the others.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::error;

use super::Problem;

/// How long a request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers a request that panics or times out with a problem.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let served = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(REQUEST_TIMEOUT, served).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            error!(path, "request panicked");
            let message = "the request failed: see the log of the shop";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, message).into_response()
        }
        Err(_) => {
            let message = format!("the request took longer than {REQUEST_TIMEOUT:?}");
            Problem::new(StatusCode::REQUEST_TIMEOUT, message).into_response()
        }
    }
}
