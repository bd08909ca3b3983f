//! What waits is seen without a server, and shared by producers.

use protean::Priority;
use serde_json::Value;

use crate::bank::Bank;

/// The lag of a subscription's lanes by their streams.
fn lag<'a>(status: &'a Value, stream: &str) -> &'a Value {
    let rows = status["data"]["subscriptions"].as_array().unwrap();
    let row = rows.iter().find(|row| row["stream"] == stream);
    &row.unwrap_or_else(|| panic!("no {stream} in {status}"))["lag"]
}

#[tokio::test]
async fn bulk_commands_wait_on_the_backfill_lane_alone() {
    let bank = Bank::new();
    assert_eq!(bank.send(0..2000, Priority::BULK).await, 2000);
    let status = bank.ask(&["subscriptions", "status"]);
    assert_eq!(*lag(&status, "fidelis::account:command:backfill"), 2000);
    assert_eq!(*lag(&status, "fidelis::account:command"), 0);
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
