//! What waits is seen without a server, and shared by producers.

use protean::Priority;
use serde_json::{Value, json};

use crate::bank::Bank;

/// A subscription in the lane that this stream names.
fn row<'a>(status: &'a Value, stream: &str) -> &'a Value {
    let rows = status["data"]["subscriptions"].as_array().unwrap();
    let row = rows.iter().find(|row| row["stream"] == stream);
    row.unwrap_or_else(|| panic!("no {stream} in {status}"))
}

/// Its lag.
fn lag<'a>(status: &'a Value, stream: &str) -> &'a Value {
    &row(status, stream)["lag"]
}

#[tokio::test]
async fn bulk_commands_wait_on_the_backfill_lane_alone() {
    let bank = Bank::new();
    assert_eq!(bank.send(0..2000, Priority::BULK).await, 2000);
    let status = bank.ask(&["subscriptions", "status"]);
    assert_eq!(*lag(&status, "fidelis::account:command:backfill"), 2000);
    assert_eq!(*lag(&status, "fidelis::account:command"), 0);
}

#[tokio::test]
async fn a_backlog_has_an_eta_while_a_server_works_on_it() {
    const STREAM: &str = "fidelis::account:command:backfill";
    let bank = Bank::new();
    bank.send(0..6000, Priority::BULK).await;
    let standing = bank.ask(&["subscriptions", "status"]);
    let found = row(&standing, STREAM);
    let trend = (&found["drained_per_second"], &found["eta_seconds"]);
    assert_eq!(trend, (&json!(0.0), &Value::Null), "nobody works on it");
    assert!(found["lag_seconds"].as_f64().unwrap() > 1.0, "{found}");
    let _server = bank.serve();
    loop {
        let status = bank.ask(&["subscriptions", "status"]);
        let found = row(&status, STREAM);
        let lag = found["lag"].as_u64().unwrap();
        if let Some(rate) = found["drained_per_second"].as_f64().filter(|rate| *rate > 0.0) {
            let eta = found["eta_seconds"].as_f64().unwrap();
            assert!((eta * rate - lag as f64).abs() < 1.0, "{found}");
            break;
        }
        assert!(lag > 0, "it was over before anybody looked: {found}");
    }
    let status = bank.program().args(["subscriptions", "status"]).output().unwrap();
    let text = String::from_utf8(status.stdout).unwrap();
    assert!(text.contains("\n\nLongest wait of production: one running handler, "), "{text}");
    assert!(text.contains("\nMeasured from the moment a production message is made"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_producers_and_a_server_share_one_file() {
    let bank = Bank::new();
    let _server = bank.serve();
    let (bulk, normal) =
        tokio::join!(bank.send(0..1000, Priority::BULK), bank.send(1000..2000, Priority::NORMAL));
    assert_eq!((bulk, normal), (1000, 1000));
    let again = bank.send(500..1500, Priority::BULK).await;
    assert_eq!(again, 0);
    let stats = bank.await_accounts(2000);
    assert_eq!(stats["total_balance"], 20020.0);
    assert_eq!(bank.ask(&["verify"])["data"]["closes"], true);
}
