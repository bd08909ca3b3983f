//! The pages of a server, on real sockets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use protean::Priority;
use protean::config::{Config, HealthConfig};
use protean_engine::{HealthPage, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::harness::{Harness, On};
use crate::tallies::{Add, Fault};
use crate::unreliable::Unreliable;
use crate::weather::Weather;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A server that runs, and where it tells how it is.
pub(crate) struct Running {
    at: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(harness: &Harness) -> Self {
        let settings = HealthConfig { port: 0, ..Config::default().server.health };
        let page = HealthPage::open(&settings).await;
        let (at, (stop, stopped)) = (page.address().unwrap(), oneshot::channel::<()>());
        let server = Server::new(harness.domain.clone()).with_health(page);
        let served = tokio::spawn(async move {
            server.run(async { stopped.await.unwrap() }).await.unwrap();
        });
        Self { at, stop, served }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n")).await
    }

    async fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let status = text.split(' ').nth(1).unwrap_or_default().parse().unwrap();
        Answer { status, text }
    }

    /// Asks until the answer has this status.
    async fn await_status(&self, path: &str, status: u16) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.get(path).await;
            if answer.status == status {
                return answer;
            }
            assert!(began.elapsed() < ANSWER_TIMEOUT, "{answer:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Asks until the page has this text; the page.
    pub(crate) async fn await_text(&self, path: &str, text: &str) -> String {
        let began = Instant::now();
        loop {
            let page = self.get(path).await.text;
            if page.contains(text) {
                return page;
            }
            assert!(began.elapsed() < ANSWER_TIMEOUT, "{page}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.text.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    #[track_caller]
    pub(crate) fn has(&self, line: &str) {
        assert!(self.text.lines().any(|found| found == line), "no {line} in\n{}", self.text);
    }
}

async fn eventually(done: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < ANSWER_TIMEOUT, "it did not come to hold");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_tell_what_was_handled_and_what_is_dead() {
    let harness = Harness::new(On::Sqlite);
    harness.faults.plan(1, Fault::Reject);
    let server = Running::start(&harness).await;
    for number in 0..3 {
        harness.add(&format!("t-{number}"), number, Priority::NORMAL).await;
    }
    harness.add("t-9", 9, Priority::BULK).await;
    eventually(async || {
        let numbers = harness.numbers().await;
        numbers.dead() == 1 && numbers.lag() == 0 && numbers.settled() == 4
    })
    .await;
    let ready = server.await_status("/readyz", 200).await.json();
    assert_eq!(ready["status"], "ready", "{ready}");
    eventually(async || server.get("/healthz").await.json()["status"] == "ok").await;

    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    metrics.has("content-type: text/plain; version=0.0.4; charset=utf-8");
    let numbers = "domain=\"harness\",handler=\"NumbersProjector\",stream=\"harness::tally\",type=\"event_store\"";
    metrics.has(&format!("protean_subscription_lag{{{numbers}}} 0"));
    metrics.has(&format!("protean_subscription_lag_seconds{{{numbers}}} 0"));
    metrics.has(&format!("protean_subscription_dlq_depth{{{numbers}}} 1"));
    metrics.has(&format!("protean_subscription_status{{{numbers}}} 1"));
    metrics.has(&format!("protean_subscription_reading{{{numbers}}} 1"));
    metrics.has(&format!("protean_handler_seconds_count{{{numbers},outcome=\"done\"}} 2"));
    metrics.has(&format!("protean_handler_seconds_count{{{numbers},outcome=\"failed\"}} 1"));
    let bulk = numbers.replace("tally\"", "tally:backfill\"");
    metrics.has(&format!("protean_handler_seconds_count{{{bulk},outcome=\"done\"}} 1"));
    metrics.has("# TYPE protean_handler_seconds histogram");
    metrics.has("protean_store_up 1");
    assert!(metrics.text.contains("\nprotean_snapshot_age_seconds "), "{}", metrics.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_makes_it_unready_within_two_seconds_and_leaves_it_alive() {
    let weather = Weather::new(7);
    weather.calm();
    let store = Unreliable::new(&weather);
    let harness = Harness::with(On::Memory, |builder| builder.provider(store));
    let server = Running::start(&harness).await;
    server.await_status("/readyz", 200).await;
    server.await_status("/metrics", 200).await;
    weather.freeze(true);
    let frozen = Instant::now();
    let unready = server.await_status("/readyz", 503).await.json();
    assert!(frozen.elapsed() < Duration::from_secs(2), "{:?}", frozen.elapsed());
    let store =
        unready["dependencies"].as_array().unwrap().iter().find(|one| one["name"] == "store");
    assert_eq!(store.unwrap()["status"], "does not answer", "{unready}");
    assert!(unready["age_seconds"].as_f64() > Some(1.0), "{unready}");
    let asked = Instant::now();
    assert_eq!(server.get("/livez").await.status, 200);
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    let health = server.get("/healthz").await;
    assert_eq!((health.status, &health.json()["status"]), (200, &"unavailable".into()));
    let metrics = server.get("/metrics").await;
    metrics.has("protean_store_up 0");
    assert!(metrics.text.contains("protean_subscription_lag{"), "what was known stays");
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    weather.freeze(false);
    server.await_status("/readyz", 200).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_file_is_replaced_is_unready_and_leaves_the_new_one_to_others() {
    let harness = Harness::new(On::Sqlite);
    harness.add("t-1", 1, Priority::NORMAL).await;
    harness.drain().await;
    let server = Running::start(&harness).await;
    server.await_status("/readyz", 200).await;
    for name in ["harness.db", "harness.db-wal", "harness.db-shm"] {
        // The last two may be gone already.
        std::fs::remove_file(harness.folder().join(name)).unwrap_or_default();
    }
    let store = async || {
        let ready = server.get("/readyz").await;
        let found = ready.json()["dependencies"].as_array().unwrap().clone();
        let store = found.into_iter().find(|one| one["name"] == "store").unwrap();
        (ready.status, store["status"].as_str().unwrap().to_owned())
    };
    eventually(async || store().await == (503, "cannot be read or written".into())).await;
    let command = Add { tally: "t-1".into(), number: 2 };
    let lost = harness.domain.process(command).asynchronous().await.unwrap_err();
    assert!(lost.to_string().contains("was removed or replaced"), "{lost}");
    // Another process opens what is there now, and gets the claims.
    let next = harness.sibling();
    next.add("t-1", 3, Priority::NORMAL).await;
    next.drain().await;
    assert_eq!(next.sum().await, 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_store_does_not_open_tells_so() {
    let weather = Weather::new(7);
    weather.freeze(true);
    let store = Unreliable::new(&weather);
    let harness = Harness::with(On::Memory, |builder| builder.provider(store));
    let server = Running::start(&harness).await;
    let unready = server.get("/readyz").await;
    assert_eq!((unready.status, server.get("/livez").await.status), (503, 200));
    let groups = unready.json()["dependencies"].as_array().unwrap().len();
    assert_eq!(groups, 2 + harness.domain.groups().len(), "{unready:?}");
    let health = server.get("/healthz").await.json();
    assert_eq!(health["age_seconds"], serde_json::Value::Null, "{health}");
    let metrics = server.get("/metrics").await;
    assert!(!metrics.text.contains("protean_subscription_lag"), "unknown is not 0");
    weather.calm();
    weather.freeze(false);
    server.await_status("/readyz", 200).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_store_does_not_open_stops_when_told() {
    let weather = Weather::new(7);
    weather.freeze(true);
    let store = Unreliable::new(&weather);
    let harness = Harness::with(On::Memory, |builder| builder.provider(store));
    let server = Running::start(&harness).await;
    assert_eq!(server.get("/readyz").await.status, 503);
    tokio::time::timeout(ANSWER_TIMEOUT, server.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_are_cut_off_and_keep_nobody_waiting() {
    let harness = Harness::new(On::Memory);
    let server = Running::start(&harness).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(server.at).await.unwrap();
        // The first of them are cut off while the last ones come.
        let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nHost: sl").await;
        slow.push(stream);
    }
    let asked = Instant::now();
    assert_eq!(server.get("/livez").await.status, 200);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    for mut stream in slow {
        let mut rest = Vec::new();
        // An answer, a plain end or a reset: any of them is an end.
        let ended = tokio::time::timeout(Duration::from_secs(8), stream.read_to_end(&mut rest));
        assert!(ended.await.is_ok(), "it is still open");
    }
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_get_is_answered_and_only_for_the_pages() {
    let harness = Harness::new(On::Memory);
    let server = Running::start(&harness).await;
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"] {
        let request = format!("{method} /readyz HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
        let answer = server.ask(&request).await;
        assert_eq!(answer.status, 405, "{method}");
        answer.has("allow: GET");
    }
    assert_eq!(server.get("/").await.status, 404);
    assert_eq!(server.get("/livez?a=1").await.status, 200);
    assert_eq!(server.ask("no request at all\r\n\r\n").await.status, 400);
    let long = format!("GET /livez HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(8192));
    assert_eq!(server.ask(&long).await.status, 431);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_is_alive_and_not_ready() {
    let harness = Harness::new(On::Memory);
    harness.faults.plan(1, Fault::Sleep(Duration::from_secs(2)));
    let server = Running::start(&harness).await;
    harness.add("t", 1, Priority::NORMAL).await;
    eventually(async || harness.faults.calls() == [1]).await;
    let Running { at, stop, served } = server;
    stop.send(()).unwrap();
    let server = Running { at, stop: oneshot::channel().0, served };
    let stopping = server.await_status("/readyz", 503).await.json();
    assert_eq!(stopping["dependencies"][0]["status"], "stopping", "{stopping}");
    assert_eq!(server.get("/livez").await.status, 200);
    server.served.await.unwrap();
    assert!(TcpStream::connect(at).await.is_err(), "the place is free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_tells_where_anything_is_kept_or_why_it_fails() {
    let harness = Harness::new(On::Sqlite);
    harness.faults.plan(1, Fault::Reject);
    let server = Running::start(&harness).await;
    harness.add("t-1", 1, Priority::NORMAL).await;
    eventually(async || harness.numbers().await.dead() == 1).await;
    for path in ["/livez", "/readyz", "/healthz", "/metrics", "/else"] {
        let text = server.get(path).await.text;
        for secret in ["sqlite:", "harness.db", "planned", "/tmp", "t-1"] {
            assert!(!text.contains(secret), "{path} tells {secret}: {text}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn is_not_ready_while_the_broker_is_down_and_tells_what_waits_for_it() {
    let harness = Harness::new(On::Streams);
    let running = Running::start(&harness).await;
    let ready = running.await_status("/readyz", 200).await;
    assert!(ready.text.contains("\"broker\""), "{ready:?}");
    harness.redis().kill();
    let down = running.await_status("/readyz", 503).await;
    assert!(down.text.contains("\"broker\""), "{down:?}");
    harness.add("t", 1, Priority::NORMAL).await;
    let line = "protean_outbox_pending{domain=\"harness\",broker=\"default\"} 1\n";
    let began = Instant::now();
    while !running.get("/metrics").await.text.contains(line) {
        assert!(began.elapsed() < ANSWER_TIMEOUT, "nothing waits");
    }
    harness.redis().resume();
    running.await_status("/readyz", 200).await;
    running.stop().await;
}
