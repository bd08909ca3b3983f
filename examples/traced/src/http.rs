//! Tickets over HTTP. A request continues the trace of its caller.

use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Router, response::IntoResponse};
use protean::message::TraceParent;
use protean::otlp::continue_trace;
use protean::{Domain, Id};
use serde::Deserialize;
use tracing::{Instrument, Span, info_span};

use crate::ticket::OpenTicket;

/// The body of a request.
#[derive(Deserialize)]
struct NewTicket {
    title: String,
}

/// The pages of the helpdesk.
pub fn router(domain: Domain) -> Router {
    Router::new().route("/tickets", post(open)).with_state(domain)
}

/// `POST /tickets`: answers with the id of the ticket, which is opened soon.
async fn open(
    State(domain): State<Domain>,
    headers: HeaderMap,
    Json(NewTicket { title }): Json<NewTicket>,
) -> impl IntoResponse {
    let ticket_id = Id::new();
    let command = OpenTicket { ticket_id: ticket_id.clone(), title };
    // The span is the current one while `process` sends the command: that is all it takes.
    let sending = domain.process(command).asynchronous().instrument(request_span(&headers));
    match sending.await {
        Ok(_) => (StatusCode::ACCEPTED, ticket_id.to_string()),
        Err(error) if error.is_invalid() => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "try again later".to_owned()),
    }
}

/// A span for the request, below the one that the header `traceparent` names.
fn request_span(headers: &HeaderMap) -> Span {
    let span = info_span!(
        "POST /tickets",
        otel.kind = "server",
        http.request.method = "POST",
        http.route = "/tickets"
    );
    let header = headers.get("traceparent").and_then(|header| header.to_str().ok());
    if let Some(parent) = header.and_then(|header| header.parse::<TraceParent>().ok()) {
        continue_trace(&span, parent);
    }
    span
}
