//! The correlation id: shared by everything that one request causes.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protean::Id;

use super::Problem;

const NAME: &str = "x-correlation-id";
/// The most characters of an id.
const MAX_ID_CHARACTERS: usize = 128;

/// The correlation id of a request, for the commands it causes.
#[derive(Clone, Debug)]
pub(super) struct Correlation(Arc<str>);

impl Correlation {
    fn new() -> Self {
        Self(Id::new().into())
    }

    /// The id that the request carries, else a new one.
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(given) = headers.get(NAME) else { return Ok(Self::new()) };
        let text = given.to_str().unwrap_or_default();
        if (1..=MAX_ID_CHARACTERS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Ok(Self(text.into()));
        }
        let message = format!(
            "{NAME}: expected 1 to {MAX_ID_CHARACTERS} printable ASCII characters, no spaces"
        );
        Err(Problem::new(StatusCode::BAD_REQUEST, message))
    }
}

impl From<Correlation> for Arc<str> {
    fn from(correlation: Correlation) -> Self {
        correlation.0
    }
}

/// Gives each request its correlation id, and each answer that of its request.
pub(super) async fn correlate(mut request: Request, next: Next) -> Response {
    let (correlation, mut response) = match Correlation::of(request.headers()) {
        Ok(correlation) => {
            request.extensions_mut().insert(correlation.clone());
            (correlation, next.run(request).await)
        }
        Err(problem) => (Correlation::new(), problem.into_response()),
    };
    // What was checked above, or made here, fits into a header.
    if let Ok(value) = HeaderValue::from_str(&correlation.0) {
        response.headers_mut().insert(NAME, value);
    }
    response
}
