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
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that panics or takes too long is answered like any other.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let served = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(PATIENCE, served).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            error!("a request to {path:?} panicked");
            let told = "the shop has made a mistake: its log says which";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, told).into_response()
        }
        Err(_) => {
            let told = format!("the request took longer than {PATIENCE:?}");
            Problem::new(StatusCode::REQUEST_TIMEOUT, told).into_response()
        }
    }
}
