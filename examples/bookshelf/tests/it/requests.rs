//! Requests that are wrong, and what is answered.

use std::io::Write as _;

use axum::Router;
use axum::routing::get;
use bookshelf::http::guarded;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::orders::{dune, stocked};
use crate::shop::Shop;
use crate::web::{Answer, order_of, send};

/// The expected status; method and path; headers and body; a part of the answer.
type Case<'a> = (u16, (&'a str, &'a str), (&'a [&'a str], &'a str), &'a str);

const JSON: &str = "Content-Type: application/json";

#[test]
fn every_faulty_field_is_reported_at_once_and_nothing_is_queued() {
    let shop = Shop::new();
    let web = shop.serve(&[]);
    let errors_for = |order: Value| {
        let answer = web.order(&order, &[]);
        assert_eq!(answer.status, 422, "{answer:?}");
        answer.json()["errors"].clone()
    };
    let required = ["is required"];
    let nothing = json!({
        "customer_name": required, "customer_email": required,
        "ship_to.street": required, "ship_to.postcode": required,
        "ship_to.city": required, "ship_to.country": required,
        "lines": ["must have 1 or more elements, has 0"],
    });
    assert_eq!(errors_for(json!({})), nothing);
    let mut order = order_of(&[("a", 0), ("b", 1), ("c", 100)]);
    order["customer_name"] = "x".repeat(101).into();
    let errors = errors_for(order);
    assert_eq!(errors.as_object().unwrap().len(), 3, "{errors}");
    assert_eq!(errors["lines[0].quantity"], json!(["must be at least 1, is 0"]));
    assert_eq!(errors["lines[2].quantity"], json!(["must be at most 99, is 100"]));
    let many = errors_for(order_of(&[("a", 1); 101]));
    assert_eq!(many, json!({"lines": ["must have 100 or fewer elements, has 101"]}));

    let mut order = order_of(&[("a", 1), ("b", 1)]);
    order["lines"][1]["quantity"] = "two".into();
    let errors = errors_for(order)["lines[1].quantity"].to_string();
    assert!(errors.contains("invalid type: string") && errors.contains("column"), "{errors}");
    let errors = errors_for(json!({"costumer_name": "Ada"}))["costumer_name"].to_string();
    assert!(errors.contains("expected one of `customer_name`"), "{errors}");
    let errors = errors_for(json!(7))["body"].to_string();
    assert!(errors.contains("invalid type: integer `7`"), "{errors}");

    let verified = shop.json(&["verify"]);
    let groups = verified["data"]["groups"].as_array().unwrap().iter();
    assert!(groups.map(|group| group["committed"].as_u64().unwrap()).sum::<u64>() == 0);
}

#[test]
fn a_malformed_request_is_refused_with_its_reason() {
    let shop = Shop::new();
    let web = shop.serve(&[]);
    let long = format!("{{\"customer_name\": \"{}\"}}", "x".repeat(65 * 1024));
    let limit = "/books?limit=";
    let cases: [Case<'_>; 17] = [
        (400, ("POST", "/orders"), (&[JSON], "{\"lines\": [}"), "line 1 column 12"),
        (400, ("POST", "/orders"), (&[JSON], ""), "the body is not JSON: EOF"),
        (415, ("POST", "/orders"), (&["Content-Type: text/plain"], "{}"), "application/json"),
        (415, ("POST", "/orders"), (&[], "{}"), "application/json"),
        (413, ("POST", "/orders"), (&[JSON], &long), "longer than 64 KiB"),
        (404, ("GET", "/order"), (&[], ""), "nothing is at '/order'"),
        (404, ("GET", "/orders/42"), (&[], ""), "no Order has the id '42'"),
        (400, ("GET", "/orders/%ff"), (&[], ""), "not percent-encoded UTF-8"),
        (405, ("DELETE", "/orders"), (&[], ""), "DELETE does not work on '/orders'"),
        (422, ("GET", &format!("{limit}many")), (&[], ""), "from 1 to 100, is 'many'"),
        (422, ("GET", &format!("{limit}0")), (&[], ""), "must be at least 1, is 0"),
        (422, ("GET", &format!("{limit}101")), (&[], ""), "must be at most 100, is 101"),
        (422, ("GET", "/books?autor=Lem"), (&[], ""), "unknown field `autor`"),
        (400, ("GET", "/books"), (&["X-Correlation-Id: a\tb"], ""), "x-correlation-id"),
        (400, ("GET", "/books"), (&["X-Correlation-Id:"], ""), "x-correlation-id"),
        (400, ("POST", "/orders"), (&[JSON, "Idempotency-Key:"], "{}"), "idempotency-key"),
        (400, ("POST", "/orders"), (&[JSON, "X-Priority: urgent"], "{}"), "BULK, LOW, NORMAL"),
    ];
    for (status, (method, path), (headers, body), expected) in cases {
        let answer = web.send(method, path, headers, body);
        assert_eq!(answer.status, status, "{method} {path} {headers:?} {answer:?}");
        assert!(answer.json().to_string().contains(expected), "{answer:?}");
    }
    let long = format!("X-Correlation-Id: {}", "x".repeat(129));
    assert_eq!(web.send("GET", "/books", &[&long], "").status, 400);
    assert_eq!(web.send("GET", "/books", &[&long[..long.len() - 1]], "").status, 200);
    assert_eq!(web.send("PUT", "/books", &[], "").header("allow"), "GET,HEAD");
}

#[test]
fn a_body_without_a_length_is_limited_as_well() {
    let shop = Shop::new();
    let web = shop.serve(&[]);
    let mut socket = web.connect();
    let head = format!("POST /orders HTTP/1.1\r\nHost: shop\r\n{JSON}\r\n");
    write!(socket, "{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n").unwrap();
    for _ in 0..17 {
        // It may hang up in between.
        let _ = write!(socket, "1000\r\n{}\r\n", " ".repeat(0x1000));
    }
    assert_eq!(Answer::read(socket).status, 413);
}

#[test]
fn a_store_that_cannot_be_written_is_reported_without_its_name() {
    let shop = stocked();
    let web = shop.serve(&["--no-server"]);
    let database = Connection::open(shop.file("unused", "").with_file_name("shelf.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = web.order(&order_of(&[(&dune(), 1)]), &[]);
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert!(!refused.text.contains("shelf") && !refused.text.contains("lock"), "{refused:?}");
    database.execute_batch("ROLLBACK").unwrap();
    assert_eq!(web.order(&order_of(&[(&dune(), 1)]), &[]).status, 202);
}

async fn broken() -> &'static str {
    panic!("on purpose, with sqlite:secret.db")
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_and_the_next_request_served() {
    let routes = Router::new().route("/broken", get(broken)).route("/whole", get(async || "ok"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = tokio::spawn(axum::serve(listener, guarded(routes)).into_future());
    let ask = async |path: &'static str| {
        let asked = move || send(addr, "GET", path, (&["X-Correlation-Id: 1"], ""));
        tokio::task::spawn_blocking(asked).await.unwrap()
    };
    let answer = ask("/broken").await;
    assert_eq!((answer.status, answer.header("x-correlation-id")), (500, "1"));
    assert!(answer.json()["error"].is_string() && !answer.text.contains("secret"), "{answer:?}");
    assert_eq!(ask("/whole").await.text, "ok");
    serving.abort();
}
