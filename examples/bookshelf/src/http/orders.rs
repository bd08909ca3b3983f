//! `/orders`: placing an order, and asking for it.

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Extension, Json, Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use protean::model::Aggregate;
use protean::{Decimal, Domain, Error, Id, Processed};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::warn;

use super::Problem;
use super::command_headers::CommandHeaders;
use super::correlation::Correlation;
use crate::order::{Address, Order, OrderLine, PlaceOrder, Status, Wanted, Whereabouts, track};

/// An order as its sender writes it. A missing part counts as empty, so that it
/// is reported together with everything else that is wrong.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NewOrder {
    customer_name: String,
    customer_email: String,
    ship_to: Address,
    lines: Vec<Wanted>,
}

/// An order as others see it.
#[derive(Serialize)]
struct Shown {
    order_id: Id,
    status: Status,
    customer_name: String,
    customer_email: String,
    ship_to: Address,
    lines: Vec<OrderLine>,
    total: Decimal,
}

impl From<Order> for Shown {
    fn from(order: Order) -> Self {
        Self {
            order_id: order.id(),
            status: order.status,
            customer_name: order.customer_name,
            customer_email: order.customer_email,
            ship_to: order.ship_to,
            lines: order.lines,
            total: order.total,
        }
    }
}

/// `POST /orders`: 201 when it is placed, 202 when it is kept to be placed.
pub(super) async fn place(
    State(domain): State<Domain>,
    Extension(correlation): Extension<Correlation>,
    headers: CommandHeaders,
    body: Result<Json<NewOrder>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(NewOrder { customer_name, customer_email, ship_to, lines }) = body?;
    // The same key names the same order, even after the record of keys was purged.
    let key = headers.idempotency_key;
    let order_id = key.as_ref().map_or_else(Id::new, |key| Order::identity(key));
    let location = [(LOCATION, format!("/orders/{order_id}"))];
    let id = order_id.clone();
    let command = PlaceOrder { order_id, customer_name, customer_email, ship_to, lines };
    let mut process = domain.process(command).correlation_id(correlation);
    if let Some(key) = key {
        process = process.idempotency_key(key);
    }
    if let Some(priority) = headers.priority {
        process = process.priority(priority);
    }
    match process.await {
        Ok(Processed::Queued(command)) => {
            let receipt = json!({"id": command, "status": "queued", "order_id": id});
            Ok((StatusCode::ACCEPTED, location, Json(receipt)).into_response())
        }
        Ok(Processed::Handled(())) => Ok((location, placed(&domain, &id).await?).into_response()),
        Err(error) if error.committed() => {
            warn!(%id, error = format_args!("{error:#}"), "order placed, but a later step failed");
            Ok((location, placed(&domain, &id).await?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn placed(domain: &Domain, id: &Id) -> Result<(StatusCode, Json<Shown>), Error> {
    let order = domain.repository::<Order>().await?.get(id).await?;
    Ok((StatusCode::CREATED, Json(order.into())))
}

/// `GET /orders/{id}`: 200 with the order, 202 while it is on its way.
pub(super) async fn show(
    State(domain): State<Domain>,
    id: Result<Path<Id>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let on_the_way = |code, status| {
        let answer = json!({"order_id": id, "status": status});
        Ok((code, Json(answer)).into_response())
    };
    match track(&domain, &id).await? {
        Whereabouts::Placed(order) => Ok(Json(Shown::from(*order)).into_response()),
        Whereabouts::Queued => on_the_way(StatusCode::ACCEPTED, "queued"),
        // It may yet be placed: by another try, or when an operator replays it.
        Whereabouts::Failed => on_the_way(StatusCode::OK, "failed"),
        Whereabouts::Dropped => on_the_way(StatusCode::OK, "dropped"),
        Whereabouts::Unknown => Err(Error::not_found(Order::NAME, id.as_str()).into()),
    }
}
