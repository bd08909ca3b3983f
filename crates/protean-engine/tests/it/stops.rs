//! What a server has and does not handle when it stops is at once for the others: the lease of an
//! hour does not have to end.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use protean::message::Priority;

use crate::harness::{Harness, On};
use crate::outages::{EVENTS, NUMBERS, handled, is_whole, slow, spread};
use crate::way::Way;
use crate::with_a_broker;

fn an_hour(config: String) -> String {
    config.replace("lease_seconds = 2\n", "lease_seconds = 3600\n")
}

/// What it has read ahead, with no attempt burnt.
async fn what_a_stopping_server_has_read_ahead_is_at_once_for_others(on: On) {
    let harness = Harness::rewritten(on, an_hour, |builder| builder);
    let second = harness.sibling();
    slow([&harness, &second], 100, Duration::from_millis(20));
    spread(&harness, 0..100, Priority::NORMAL).await;
    harness.serve_until(async || harness.faults.calls().len() >= 5).await;
    let stopped = Instant::now();
    let before = handled(&harness).await;
    assert!(before < 100, "some of it is left");
    second.drain().await;
    assert!(stopped.elapsed() < Duration::from_secs(15), "{:?}", stopped.elapsed());
    let mut calls = [harness.faults.calls(), second.faults.calls()].concat();
    calls.sort_unstable();
    assert_eq!(calls, (0..100).collect::<Vec<_>>(), "each is tried once");
    harness.assert_closes().await;
}

/// What its last reads bring while it stops.
async fn what_comes_while_a_server_stops_is_at_once_for_others(on: On) {
    let harness = Harness::rewritten(on, an_hour, |builder| builder);
    let (sent, stopped) = (AtomicI64::new(0), AtomicBool::new(false));
    let sending = async {
        while !stopped.load(Ordering::SeqCst) {
            let next = sent.fetch_add(1, Ordering::SeqCst);
            spread(&harness, next..next + 1, Priority::NORMAL).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let stopping = async {
        for _ in 0..12 {
            let server = harness.sibling();
            server.serve_until(async || !server.faults.calls().is_empty()).await;
        }
        stopped.store(true, Ordering::SeqCst);
    };
    let all = async || {
        let handled = handled(&harness).await.cast_signed();
        stopped.load(Ordering::SeqCst) && handled == sent.load(Ordering::SeqCst)
    };
    tokio::join!(harness.serve_until(all), stopping, sending);
    harness.drain().await;
    is_whole(&harness, sent.into_inner()).await;
}

/// What it has taken over from another, while the answer of the broker is on its way.
async fn what_a_stopping_server_takes_over_is_at_once_for_others(on: On) {
    let harness = Harness::rewritten(on, an_hour, |builder| builder);
    slow([&harness], 100, Duration::from_millis(20));
    spread(&harness, 0..100, Priority::NORMAL).await;
    harness.serve_until(async || harness.faults.calls().len() >= 5).await;
    let given_back = || {
        let idle = ["XPENDING", EVENTS, NUMBERS, "IDLE", "3600000", "-", "+", "1000"];
        harness.redis().command(&idle).lines().count()
    };
    let before = given_back();
    assert!(before > 0);
    let way = Way::slowly_to(harness.redis().port(), Duration::from_millis(300)).await;
    let on_the_way = |config: String| {
        let uri = format!("URI = 'redis://127.0.0.1:{}/0'", way.port);
        let line = |line: &str| if line.starts_with("URI") { uri.clone() } else { line.to_owned() };
        config.lines().map(|of| line(of) + "\n").collect()
    };
    let second = harness.sibling_with(on_the_way);
    second.serve_until(async || given_back() < before).await;
    harness.sibling().drain().await;
    is_whole(&harness, 100).await;
}

with_a_broker! {
    what_a_stopping_server_has_read_ahead_is_at_once_for_others
    what_comes_while_a_server_stops_is_at_once_for_others
    what_a_stopping_server_takes_over_is_at_once_for_others
}
