//! The tools of Protean for Python on the bank's streams.

use protean::Priority;
use serde_json::{Value, json};

use super::office::{AUDITOR, Office};
use crate::branch::Branch;

const STREAM: &str = "fidelis::account";

/// What `protean subscriptions status` tells of the office's own group.
fn auditor(office: &Office) -> Value {
    let status = office.protean(&["subscriptions", "status", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    let rows = status["data"]["subscriptions"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == AUDITOR).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis and Protean for Python: cargo xtask test"]
async fn the_tools_of_python_show_the_streams_of_the_bank() {
    let branch = Branch::new();
    let office = Office::beside(&branch);
    let _bank = branch.serve();
    branch.redis.command(&["XGROUP", "CREATE", STREAM, AUDITOR, "0", "MKSTREAM"]);
    branch.send(0..3, Priority::NORMAL).await;
    branch.bank.await_accounts(3);
    let row = auditor(&office);
    let expected = json!([STREAM, "stream", "lagging", 3, "3", 0]);
    let columns =
        ["stream_category", "subscription_type", "status", "lag", "head_position", "dlq_depth"];
    assert_eq!(json!(columns.map(|name| &row[name])), expected, "{row}");
    branch.redis.command(&["XADD", STREAM, "*", "data", "garbage"]);
    branch.await_length("fidelis::account:dlq", 1);
    assert_eq!(auditor(&office)["dlq_depth"], 1);
    let table = office.protean(&["dlq", "list"]);
    for part in
        [STREAM, "fidelis.AccountSummaryProjector", "the entry is not JSON", "1 DLQ message"]
    {
        assert!(table.contains(&part[..part.len().min(30)]), "no {part} in\n{table}");
    }
    let table = office.protean(&["subscriptions", "status"]);
    assert!(table.contains(STREAM) && table.contains("Auditor"), "{table}");
}
