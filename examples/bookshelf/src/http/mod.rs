//! Orders and catalog for other programs, over HTTP.
//!
//! ```text
//! request ─▶ correlation ─▶ guard ─▶ orders, books ─▶ Domain
//!                                        └─ Problem ─▶ the status that fits
//! ```

mod books;
mod command_headers;
mod correlation;
mod guard;
mod orders;
mod problem;

use problem::MAX_BODY_BYTES;
pub use problem::Problem;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn;
use axum::routing::{get, post};
use protean::Domain;

/// Everything the shop answers.
pub fn router(domain: Domain) -> Router {
    let routes = Router::new()
        .route("/orders", post(orders::place))
        .route("/orders/{id}", get(orders::show))
        .route("/books", get(books::search))
        .route("/authors/{author}/books", get(books::of_author))
        .with_state(domain);
    guarded(routes)
}

/// Routes that answer whatever comes: a path that is none, a body that is too
/// long, a handler that panics.
pub fn guarded(routes: Router) -> Router {
    routes
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(guard::guard))
        .layer(from_fn(correlation::correlate))
}

async fn nothing_here(uri: Uri) -> Problem {
    let routes =
        "there is POST /orders, GET /orders/{id}, GET /books and GET /authors/{author}/books";
    Problem::new(StatusCode::NOT_FOUND, format!("nothing is at '{}': {routes}", uri.path()))
}

async fn not_that_way(method: Method, uri: Uri) -> Problem {
    let message = format!("{method} does not work on '{}': see the header Allow", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, message)
}
