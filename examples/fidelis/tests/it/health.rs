//! The health of a server process over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use protean::Priority;

use crate::bank::{Bank, WAIT_LIMIT};

/// Waits until so many servers say where they are, and gives the places.
fn await_pages(bank: &Bank, count: usize) -> Vec<SocketAddr> {
    let began = Instant::now();
    loop {
        let log = bank.await_logged("");
        let urls = log.lines().filter_map(|line| line.split_once("health pages url=http://"));
        let places = urls.filter_map(|(_, url)| url.strip_suffix("/healthz")?.parse().ok());
        let places: Vec<SocketAddr> = places.collect();
        if places.len() >= count {
            return places;
        }
        assert!(began.elapsed() < WAIT_LIMIT, "{log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The status and the whole answer.
pub(crate) fn get(at: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    (text.split(' ').nth(1).unwrap().to_owned(), text)
}

pub(crate) fn await_ready(at: SocketAddr) {
    let began = Instant::now();
    while get(at, "/readyz").0 != "200" {
        assert!(began.elapsed() < WAIT_LIMIT, "{}", get(at, "/readyz").1);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_reports_its_health_to_probes_and_prometheus() {
    let bank = Bank::new();
    bank.send(0..20, Priority::BULK).await;
    let _server = bank.serve();
    let at = await_pages(&bank, 1)[0];
    assert!(at.ip().is_loopback());
    bank.await_accounts(20);
    await_ready(at);
    assert_eq!(get(at, "/livez").0, "200");
    let (_, metrics) = get(at, "/metrics");
    for name in ["lag", "dlq_depth", "status"] {
        let sample = format!(
            "protean_subscription_{name}{{domain=\"fidelis\",handler=\"AccountSummaryProjector\",\
             stream=\"fidelis::account:backfill\",type=\"event_store\"}} "
        );
        assert!(metrics.contains(&sample), "no {sample} in\n{metrics}");
    }
    for path in ["/readyz", "/healthz", "/metrics"] {
        let (_, text) = get(at, path);
        assert!(!text.contains("bank.db"), "{path} tells where the bank is kept: {text}");
    }
}

/// The bank with this in its settings, and no more about the pages.
fn settings(bank: &Bank, health: &str) -> String {
    let settings = format!(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = \"${{DATABASE_URI}}\"\n\
         [server.health]\n{health}\n"
    );
    bank.settings(&settings).to_str().unwrap().to_owned()
}

#[test]
fn each_worker_has_a_page_of_its_own() {
    let bank = Bank::new();
    let settings = settings(&bank, "port_auto_increment = false");
    let _server = bank.serve_with(&["--workers", "2", "--config", &settings]);
    let places = await_pages(&bank, 2);
    assert_ne!(places[0], places[1]);
    // One reads what the other does not: both are ready.
    places.into_iter().for_each(await_ready);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_reported_and_the_server_works() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let bank = Bank::new();
    bank.send(0..5, Priority::NORMAL).await;
    let settings = settings(&bank, &format!("port = {port}"));
    let _server = bank.serve_with(&["--config", &settings]);
    let log = bank.await_logged("no health pages");
    assert!(log.contains(&format!("port={port}")), "{log}");
    assert!(log.contains("server.health.port_auto_increment = true"), "{log}");
    bank.await_accounts(5);
}
