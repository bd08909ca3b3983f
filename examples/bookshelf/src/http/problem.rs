//! What goes wrong, as HTTP says it: the one place where errors become answers.
//!
//! An answer names what the sender can fix. What concerns the
//! operator alone (files, databases, faults of the program) goes to the log.

use std::error::Error as StdError;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protean::{Error, Violations};
use serde::Serialize;
use tracing::{error, warn};

/// The most bytes of a request's body.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
/// After how many seconds the store may be back.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Why a request was not served.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    body: Body,
}

/// `{"error": text}`, or `{"errors": {field: [messages]}}`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    Error(String),
    Errors(Violations),
}

impl Problem {
    /// A problem with this status and a message for people.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, body: Body::Error(message.into()) }
    }
}

impl From<Violations> for Problem {
    fn from(violations: Violations) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body: Body::Errors(violations) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Some(violations) = error.violations() {
            return violations.clone().into();
        }
        if error.is_not_found() {
            return Self::new(StatusCode::NOT_FOUND, error.to_string());
        }
        if error.is_conflict() {
            return Self::new(
                StatusCode::CONFLICT,
                "changed by another request at the same time: try again",
            );
        }
        if error.is_expired() {
            return Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "the command expired before it was handled: send it again",
            );
        }
        if error.is_unavailable() {
            warn!(error = format_args!("{error:#}"), "store unavailable during a request");
            let message = "the store cannot be reached now: nothing was changed, try again";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, message);
        }
        error!(error = format_args!("{error:#}"), "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the request failed: see the log of the shop")
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        match (&rejection, json_error(&rejection)) {
            (JsonRejection::JsonDataError(_), Some(error)) => {
                let path = error.path().to_string();
                let field = if path == "." { "body".to_owned() } else { path };
                Violations::of(field, error.inner().to_string()).into()
            }
            (JsonRejection::JsonSyntaxError(_), Some(error)) => {
                Self::new(status, format!("the body is not JSON: {}", error.inner()))
            }
            (JsonRejection::MissingJsonContentType(_), _) => {
                Self::new(status, "send JSON, and 'Content-Type: application/json' with it")
            }
            _ if status == StatusCode::PAYLOAD_TOO_LARGE => {
                let most = MAX_BODY_BYTES / 1024;
                Self::new(status, format!("the body is longer than {most} KiB"))
            }
            _ => Self::new(status, "the body could not be read to its end"),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "the path is not percent-encoded UTF-8")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let message = causes(&rejection).last().map_or_else(String::new, ToString::to_string);
        Violations::of("query", message).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
        }
        response
    }
}

/// Where in the JSON something is wrong, and what.
fn json_error(rejection: &JsonRejection) -> Option<&serde_path_to_error::Error<serde_json::Error>> {
    causes(rejection).find_map(|cause| cause.downcast_ref())
}

/// The causes of an error, the deepest one last.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
