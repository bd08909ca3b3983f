//! Backfill slowed by the latency of production.

use std::time::{Duration, Instant};

use protean::Priority;
use serde_json::Value;
use tokio::time::sleep;

use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::health::Running;
use crate::tallies::Add;
use crate::telemetry::Lines;

/// A backlog that no test sees the end of.
const BACKLOG: i64 = 60_000;
/// The time between two production messages.
const PRODUCTION_INTERVAL: Duration = Duration::from_millis(10);

/// A harness with a backlog of bulk work and this target, in milliseconds.
async fn backlogged(on: On, target_ms: f64) -> Harness {
    let lanes = "[server.priority_lanes]\n";
    let paced = format!("{lanes}production_latency_target_ms = {target_ms}\n");
    let harness = Harness::rewritten(on, |base| base.replace(lanes, &paced), |builder| builder);
    let commands = (0..BACKLOG).map(|number| Add { tally: format!("b-{number}").into(), number });
    harness.domain.process_all(commands).priority(Priority::BULK).await.unwrap();
    harness
}

async fn backfill(server: &Running) -> Value {
    server.get("/healthz").await.json()["backfill"].clone()
}

/// How long the page says that production took, in milliseconds.
async fn production_p99(server: &Running) -> Option<f64> {
    let page = server.get("/healthz").await.json();
    let production = &page["production"];
    let percentiles = [&production["p50_ms"], &production["p99_ms"]].map(Value::as_f64);
    let [Some(p50), Some(p99)] = percentiles else {
        assert_eq!(production["messages"], 0, "{production}");
        return None;
    };
    assert!(0.0 < p50 && p50 <= p99 && production["messages"] != 0, "{production}");
    Some(p99)
}

/// Bulk commands settled per second, over a second and a half.
async fn rate(harness: &Harness) -> f64 {
    let settled = async || harness.group_status("harness.TallyCommands").await.settled();
    let (before, began) = (settled().await, Instant::now());
    sleep(Duration::from_millis(1500)).await;
    let after = settled().await;
    assert!(after < u64::try_from(BACKLOG).unwrap(), "the backlog is too small: {after}");
    (after - before) as f64 / began.elapsed().as_secs_f64()
}

/// Commits production messages until the other future has ended.
async fn beside_production<T>(harness: &Harness, work: impl Future<Output = T>) -> T {
    let production = async {
        for number in BACKLOG.. {
            harness.add(&format!("p-{number}"), number, Priority::NORMAL).await;
            sleep(PRODUCTION_INTERVAL).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = production => unreachable!("it goes on for ever"),
    }
}

#[tokio::test]
async fn backfill_goes_slower_while_production_is_late_and_says_why() {
    let (lines, _capturing) = Lines::capture();
    goes_slower(On::Sqlite).await;
    assert_eq!(lines.with("backfill is slowed").len(), 1, "{:?}", lines.with("backfill"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn backfill_goes_slower_with_servers_too() {
    goes_slower(On::Production).await;
}

async fn goes_slower(on: On) {
    let harness = backlogged(on, 0.001).await;
    let server = Running::start(&harness).await;
    sleep(Duration::from_millis(500)).await;
    let full = rate(&harness).await;
    assert_eq!(production_p99(&server).await, None, "bulk messages are counted");
    let seen = backfill(&server).await;
    assert_eq!((&seen["speed"], &seen["reason"]), (&1.0.into(), &"no_production".into()), "{seen}");

    let slowed = beside_production(&harness, async {
        let began = Instant::now();
        while backfill(&server).await["speed"].as_f64() > Some(0.15) {
            assert!(began.elapsed() < WAIT_LIMIT, "{:?}", backfill(&server).await);
            sleep(Duration::from_millis(50)).await;
        }
        rate(&harness).await
    });
    let slowed = slowed.await;
    let seen = backfill(&server).await;
    assert_eq!(seen["reason"], "slowed", "{seen}");
    let because = seen["because"].as_str().unwrap();
    assert!(because.ends_with("longer than 1µs"), "{because}");
    assert!(slowed < 0.6 * full, "{slowed} a second of {full}");
    let p99 = production_p99(&server).await.unwrap();
    assert!(p99 < 10_000.0, "{p99} ms");
    let metrics = server.get("/metrics").await;
    metrics.has("protean_backfill_pace_reason{reason=\"slowed\"} 1");
    metrics.has("protean_backfill_pace_reason{reason=\"no_production\"} 0");

    sleep(Duration::from_secs(2)).await;
    let seen = backfill(&server).await;
    assert_eq!((&seen["speed"], &seen["reason"]), (&1.0.into(), &"no_production".into()), "{seen}");
    server.get("/metrics").await.has("protean_backfill_speed 1");
    server.stop().await;
    harness.assert_closes().await;
}

#[tokio::test]
async fn backfill_beside_production_in_time_goes_at_full_speed() {
    let harness = backlogged(On::Sqlite, 60_000.0).await;
    let server = Running::start(&harness).await;
    beside_production(&harness, sleep(Duration::from_secs(2))).await;
    let seen = backfill(&server).await;
    assert_eq!((&seen["speed"], &seen["reason"]), (&1.0.into(), &"within_target".into()), "{seen}");
    server.stop().await;
}
