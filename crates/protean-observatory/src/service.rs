//! Where the pages are served: by a server's health address, or by an application.

use std::convert::Infallible;
use std::error::Error;
use std::future::ready;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use protean_engine::{HealthPage, PageBody, Pages, serve_pages};
use protean_port::port::BoxFuture;
use tokio::net::TcpListener;
use tower_service::Service;

use crate::observatory::{BASE, Observatory};
use crate::response;

impl Pages for Observatory {
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        at: SocketAddr,
    ) -> BoxFuture<'static, Response<PageBody>> {
        Box::pin(async move { Observatory::answer(&self, request, Some(at)).await })
    }
}

/// The pages at an address of their own: the root leads to them.
struct Alone(Arc<Observatory>);

impl Pages for Alone {
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        at: SocketAddr,
    ) -> BoxFuture<'static, Response<PageBody>> {
        let base = &self.0.shared.base;
        if request.uri().path() == "/" && !base.is_empty() {
            return Box::pin(ready(response::see_other(&format!("{base}/"))));
        }
        Pages::answer(Arc::clone(&self.0), request, at)
    }
}

impl Observatory {
    /// Serves the pages beside those of a server's health, below `/observatory`.
    #[must_use]
    pub fn beside(self, health: HealthPage) -> HealthPage {
        health.with_pages(BASE, Arc::new(self.at(BASE)))
    }

    /// Serves the pages alone, until the future is dropped.
    pub async fn serve(self, listener: &TcpListener) {
        serve_pages(listener, Arc::new(Alone(Arc::new(self)))).await;
    }
}

/// For an application: `axum::Router` takes it as `nest_service` or `fallback_service`.
///
/// The application puts the logged-in user into the request's extensions as an
/// [`Operator`](crate::Operator); without one, the pages ask for a token.
impl<B> Service<Request<B>> for Observatory
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<PageBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let pages = self.clone();
        Box::pin(async move { Ok(pages.answer(request, None).await) })
    }
}
