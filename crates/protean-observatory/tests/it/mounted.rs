//! Behind an application's own login, as a service of its router.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use protean_observatory::Operator;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::bank::Bank;

/// The application's login: a header says who asks.
async fn login(mut request: Request, next: Next) -> Response {
    let user = request.headers().get("x-user").and_then(|user| user.to_str().ok());
    let Some(user) = user.map(str::to_owned) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    request.extensions_mut().insert(Operator::named(user));
    next.run(request).await
}

/// The pages of a bank below `/internal/observatory`, nested or as they are.
async fn mount(bank: &mut Bank, is_nested: bool) -> JoinHandle<()> {
    let pages = bank.pages.clone().at("/internal/observatory/");
    let router = match is_nested {
        true => Router::new().nest_service("/internal/observatory", pages),
        false => Router::new().fallback_service(pages),
    };
    serve(bank, router).await
}

/// Serves a router behind the login.
async fn serve(bank: &mut Bank, router: Router) -> JoinHandle<()> {
    let router = router.layer(from_fn(login));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bank.at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_says_who_reads_and_who_acts() {
    for is_nested in [true, false] {
        let mut bank = Bank::given_up(&["Eve"]).await;
        let serving = mount(&mut bank, is_nested).await;
        let (user, close) = (("x-user", "zoe"), ("Connection", "close"));
        let stranger = bank.ask("GET", "/internal/observatory/lanes", &[close], "").await;
        assert_eq!(stranger.status, 403);
        let host = ("Host", "shop.example");
        let page = bank.ask("GET", "/internal/observatory/lanes", &[user, close, host], "").await;
        assert_eq!(page.status, 200);
        page.has("href=\"/internal/observatory/handlers\"");
        page.has("src=\"/internal/observatory/assets/observatory.js\"");
        page.has("data-operator=\"zoe\"");
        page.lacks("Log out");
        let replay = "/internal/observatory/dead-letters/replay";
        let refused = bank.post(replay, &[user, close, host], "").await;
        assert_eq!((refused.status, bank.dead().await), (403, 1), "no Origin");
        let origin = ("Origin", "https://shop.example");
        let done = bank.post(replay, &[user, close, host, origin], "").await;
        assert_eq!((done.status, bank.dead().await), (303, 0));
        let operations = "/internal/observatory/operations";
        let page = bank.ask("GET", operations, &[user, close], "").await;
        page.has("data-by=\"zoe\"");
        serving.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_whole_parts_of_a_path_are_its_base() {
    for is_nested in [true, false] {
        let mut bank = Bank::given_up(&["Mallory"]).await;
        let pages = bank.pages.clone().at("/d");
        let router = match is_nested {
            true => Router::new().nest_service("/d", pages),
            false => Router::new().fallback_service(pages),
        };
        let serving = serve(&mut bank, router).await;
        let headers = [("x-user", "zoe"), ("Connection", "close")];
        let page = bank.ask("GET", "/d/dead-letters", &headers, "").await;
        assert_eq!(page.status, 200, "the page's name begins as the base does");
        page.has("data-total=\"1\"");
        assert_eq!(bank.ask("GET", "/dlanes", &headers, "").await.status, 404);
        serving.abort();
    }
}
