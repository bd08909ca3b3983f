//! Every page shows what the command line says of the same database.

use protean::Priority;
use protean_test_servers::{Look, Page};
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::broken::bank_with_dead_letters;
use crate::place::{Observatory, await_dead, sorted, wait_until};

/// The cells of the handlers' page, a row for each lane.
const LANES: &str = "[...document.querySelectorAll('tr[data-handler]')].map(row => {
    const cell = name => row.querySelector(`[data-cell=${name}]`);
    const value = name => cell(name).dataset.value === undefined ? null : Number(cell(name).dataset.value);
    return { handler: row.dataset.handler, lane: row.dataset.lane, lag: value('lag'),
             parked: value('parked'), dead: value('dead'),
             status: cell('status').innerText.replace(/[^a-z]/g, '') };
})";

/// The same from the command line.
fn lanes(bank: &Bank) -> Value {
    let status = bank.ask(&["subscriptions", "status"]);
    let lane = |row: &Value| {
        json!({ "handler": row["handler_name"], "lane": row["lane"], "lag": row["lag"],
                "parked": row["pending"], "dead": row["dlq_depth"], "status": row["status"] })
    };
    status["data"]["subscriptions"].as_array().unwrap().iter().map(lane).collect()
}

fn sum(lanes: &Value, lane: &str, field: &str) -> u64 {
    let rows = lanes.as_array().unwrap().iter().filter(|row| row["lane"] == lane);
    rows.map(|row| row[field].as_u64().unwrap()).sum()
}

/// The exact value of a figure.
fn figure(page: &Page, metric: &str) -> Value {
    page.evaluate(&format!(
        "Number(document.querySelector('[data-metric={metric}]').dataset.value)"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn what_waits_is_what_the_command_line_says_before_and_after_a_server_ran() {
    let bank = Bank::new();
    bank.send(0..1_234, Priority::BULK).await;
    bank.send(2_000..2_005, Priority::NORMAL).await;
    let observatory = Observatory::of(&bank);
    let (handlers, overview) =
        (observatory.open("handlers", Look::DESK), observatory.open("lanes", Look::DESK));
    let expected = lanes(&bank);
    assert_eq!(sum(&expected, "backfill", "lag"), 1_234, "{expected}");
    assert_eq!(sorted(&handlers.evaluate(LANES)), sorted(&expected));
    assert_eq!(figure(&overview, "production-lag").as_f64(), Some(5.0));
    assert_eq!(figure(&overview, "backlog").as_f64(), Some(1_234.0));
    assert_eq!(overview.text("[data-metric=backlog]"), "1,234");
    assert!(overview.text("[data-missing=server]").contains("No server"));

    // The pages that are open follow, without being loaded again.
    overview.evaluate("window.isTheSame = true");
    let server = bank.serve();
    bank.await_accounts(1_239);
    await_dead(&bank, 0);
    drop(server);
    let expected = lanes(&bank);
    assert_eq!(sum(&expected, "backfill", "lag"), 0, "{expected}");
    wait_until("the handlers' page shows that nothing waits", || {
        sorted(&handlers.evaluate(LANES)) == sorted(&expected)
    });
    overview.wait_until("document.querySelector('[data-metric=backlog]').dataset.value === '0'");
    assert_eq!(overview.evaluate("window.isTheSame"), true);
    for page in [handlers, overview] {
        assert_eq!(page.complaints(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn dead_letters_are_those_of_the_command_line() {
    let holders = ["Ada Lovelace", "Grace Hopper", "Mary Somerville"];
    let (bank, _server) = bank_with_dead_letters(&holders, "the disk is broken", &[]).await;
    let observatory = Observatory::of(&bank);
    let page = observatory.open("dead-letters", Look::DESK);
    let reasons = bank.ask(&["dlq", "reasons"]);
    assert_eq!(reasons["data"]["total"], 3);
    assert_eq!(page.evaluate("Number(document.querySelector('[data-total]').dataset.total)"), 3);
    let shown = page.evaluate(
        "[...document.querySelectorAll('tr[data-reason]')].map(row => (
            { reason: row.dataset.reason, count: Number(row.dataset.count) }))",
    );
    let reason = |of: &Value| json!({ "reason": of["reason"], "count": of["count"] });
    let expected: Value =
        reasons["data"]["reasons"].as_array().unwrap().iter().map(reason).collect();
    assert_eq!(sorted(&shown), sorted(&expected));

    page.click("tr[data-reason] a");
    page.wait_until("document.querySelector('tr[data-position]')");
    let listed = bank.ask(&["dlq", "list"]);
    let letters = listed["data"]["letters"].as_array().unwrap();
    let expected: Value = letters.iter().map(|letter| letter["id"].clone()).collect();
    let shown = page.evaluate(
        "[...document.querySelectorAll('tr[data-position]')].map(row => Number(row.dataset.position))",
    );
    assert_eq!(sorted(&shown), sorted(&expected));

    let position =
        page.evaluate("Number(document.querySelector('tr[data-position]').dataset.position)");
    page.click("tr[data-position] a");
    page.wait_until("document.querySelector('[data-fact=message-id]')");
    let first = letters.iter().find(|letter| letter["id"] == position).unwrap();
    assert_eq!(page.text("[data-fact=message-id]"), first["message_id"].as_str().unwrap());
    assert_eq!(page.text("[data-fact=attempts]"), first["attempts"].to_string());
    assert_eq!(page.complaints(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask test"]
async fn a_trace_and_the_account_are_those_of_the_command_line() {
    let (bank, _server) =
        bank_with_dead_letters(&["Ada Lovelace"], "the disk is broken", &[]).await;
    let observatory = Observatory::of(&bank);
    let id = bank.ask(&["dlq", "list"])["data"]["letters"][0]["message_id"].clone();
    let page = observatory.open("trace", Look::DESK);
    page.fill("#id", id.as_str().unwrap());
    page.click("form.search button");
    page.wait_until("document.querySelector('li[data-message-id]')");
    let shown = page.evaluate(
        "[...document.querySelectorAll('li[data-message-id]')].map(line => ({
            id: line.dataset.messageId, depth: Number(line.dataset.depth),
            handlers: [...line.querySelectorAll('[data-handler]')]
                .map(of => ({ handler: of.dataset.handler, state: of.dataset.state })) }))",
    );
    let correlation =
        page.evaluate("document.querySelector('[data-correlation]').dataset.correlation");
    let trace = bank.ask(&["events", "trace", correlation.as_str().unwrap()]);
    let line =
        |of: &Value| json!({ "id": of["id"], "depth": of["depth"], "handlers": of["handlers"] });
    let expected: Value = trace["data"]["messages"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(shown, expected);
    assert_eq!(expected.as_array().unwrap().len(), 2, "the command and its event");

    page.open(&observatory.url("account"));
    let shown = page.evaluate(
        "[...document.querySelectorAll('tr[data-account]')].map(row => Object.fromEntries(
            [...row.querySelectorAll('[data-term]')].map(cell =>
                [cell.dataset.term.toLowerCase().replaceAll(' ', '_'), Number(cell.dataset.value)])
            .concat([['group', row.dataset.account]])))",
    );
    let verified = bank.ask(&["verify"]);
    let groups = verified["data"]["groups"].as_array().unwrap();
    let account = |row: &Value| {
        let group = groups.iter().find(|group| group["group"] == row["group"]).unwrap();
        let names = row.as_object().unwrap().keys();
        names.map(|name| (name.clone(), group[name].clone())).collect::<Value>()
    };
    let rows = shown.as_array().unwrap();
    assert_eq!(rows.len(), groups.len());
    assert!(rows[0].as_object().unwrap().len() >= 9, "{shown}");
    assert_eq!(shown, rows.iter().map(account).collect::<Value>());
    assert_eq!(page.evaluate("document.querySelector('[data-closes]').dataset.closes"), "true");
    assert_eq!(page.complaints(), [""; 0]);
}
