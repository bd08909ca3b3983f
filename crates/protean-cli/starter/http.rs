//! The domain over HTTP: commands come in as JSON, and rows of the read model go out.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use protean::prelude::{Domain, Error, Id};
use serde_json::{Value, json};

use crate::account::{MakeDeposit, MakeWithdrawal, OpenAccount};
use crate::summary::AccountSummary;

/// All routes.
pub fn router(domain: Domain) -> Router {
    Router::new()
        .route("/accounts", post(open).get(richest))
        .route("/accounts/{id}", get(show))
        .route("/deposits", post(deposit))
        .route("/withdrawals", post(withdraw))
        .with_state(domain)
}

/// `synchronous` handles the command before the answer, so that the caller learns what came of it.
async fn open(
    State(domain): State<Domain>,
    Json(command): Json<OpenAccount>,
) -> Result<(StatusCode, Json<Value>), Failed> {
    let account_id = domain.process(command).synchronous().await?;
    Ok((StatusCode::CREATED, Json(json!({ "account_id": account_id }))))
}

async fn deposit(
    State(domain): State<Domain>,
    Json(command): Json<MakeDeposit>,
) -> Result<Json<Value>, Failed> {
    let balance = domain.process(command).synchronous().await?;
    Ok(Json(json!({ "balance": balance })))
}

async fn withdraw(
    State(domain): State<Domain>,
    Json(command): Json<MakeWithdrawal>,
) -> Result<Json<Value>, Failed> {
    let balance = domain.process(command).synchronous().await?;
    Ok(Json(json!({ "balance": balance })))
}

async fn show(
    State(domain): State<Domain>,
    Path(id): Path<Id>,
) -> Result<Json<AccountSummary>, Failed> {
    let summaries = domain.repository::<AccountSummary>().await?;
    Ok(Json(summaries.get(&id).await?))
}

/// The ten accounts with the highest balance.
async fn richest(State(domain): State<Domain>) -> Result<Json<Vec<AccountSummary>>, Failed> {
    let summaries = domain.repository::<AccountSummary>().await?;
    let highest_first = AccountSummary::BALANCE.descending();
    Ok(Json(summaries.query().order_by(highest_first).limit(10).all().await?))
}

/// A request that failed, with the status that says why.
struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = match &error {
            error if error.is_invalid() => StatusCode::UNPROCESSABLE_ENTITY,
            error if error.is_not_found() => StatusCode::NOT_FOUND,
            error if error.is_conflict() => StatusCode::CONFLICT,
            error if error.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            // The details are for the log, not for the caller.
            tracing::error!(error = format_args!("{error:#}"), "request failed");
            return status.into_response();
        }
        let body = match error.violations() {
            Some(violations) => json!({ "errors": violations }),
            None => json!({ "error": error.to_string() }),
        };
        (status, Json(body)).into_response()
    }
}
