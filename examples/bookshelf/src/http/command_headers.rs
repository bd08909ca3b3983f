//! The headers of a request that concern its command: idempotency key and priority.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use protean::Priority;

use super::Problem;

const KEY: &str = "idempotency-key";
const PRIORITY: &str = "x-priority";
/// The most characters of a key.
const MAX_KEY_CHARACTERS: usize = 128;
const PRIORITIES: [Priority; 5] =
    [Priority::BULK, Priority::LOW, Priority::NORMAL, Priority::HIGH, Priority::CRITICAL];

/// What the headers of a request say about its command.
#[derive(Debug)]
pub(super) struct CommandHeaders {
    /// Commands with the same key are accepted once.
    pub(super) idempotency_key: Option<String>,
    pub(super) priority: Option<Priority>,
}

impl<S: Sync> FromRequestParts<S> for CommandHeaders {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let (idempotency_key, priority) = (key(&parts.headers)?, priority(&parts.headers)?);
        Ok(Self { idempotency_key, priority })
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(given) = headers.get(KEY) else { return Ok(None) };
    let key = given.to_str().unwrap_or_default();
    if (1..=MAX_KEY_CHARACTERS).contains(&key.len()) {
        return Ok(Some(key.to_owned()));
    }
    Err(malformed(KEY, format!("expected 1 to {MAX_KEY_CHARACTERS} printable ASCII characters")))
}

fn priority(headers: &HeaderMap) -> Result<Option<Priority>, Problem> {
    let Some(given) = headers.get(PRIORITY) else { return Ok(None) };
    let name = given.to_str().unwrap_or_default();
    let named = |priority: &Priority| priority.to_string().eq_ignore_ascii_case(name);
    let found = PRIORITIES.into_iter().find(named);
    let names = PRIORITIES.map(|priority| priority.to_string()).join(", ");
    found.map(Some).ok_or_else(|| malformed(PRIORITY, format!("expected one of {names}")))
}

fn malformed(header: &str, expected: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("{header}: {expected}"))
}
