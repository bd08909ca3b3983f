//! What a handler cannot keep is given up, seen, mended and run again, with the
//! real program throughout.

use fidelis::account::MakeDeposit;
use fidelis::summary::AccountSummary;
use protean::{Decimal, Id, Priority};
use rusqlite::Connection;
use serde_json::Value;

use crate::bank::Bank;

/// Makes the database refuse the summaries of accounts whose number ends in 7.
const BREAK: &str = "\
CREATE TRIGGER refuse_new BEFORE INSERT ON account_summary WHEN NEW.account_number LIKE '%7'
BEGIN SELECT RAISE(ABORT, 'the disk of the sevens is broken'); END;";
const MEND: &str = "DROP TRIGGER refuse_new";

const ACCOUNTS: u64 = 40;
const SEVENS: u64 = 4;

fn shell(bank: &Bank, sql: &str) {
    let file = bank.uri();
    let shell = Connection::open(file.trim_start_matches("sqlite:")).unwrap();
    shell.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    shell.execute_batch(sql).unwrap();
}

/// The accounts as the log has them: their ids by number.
async fn opened(bank: &Bank) -> Vec<(String, Id)> {
    let found = bank.ask(&["events", "search", "--type", "AccountOpened", "--data"]);
    let opened = found["data"]["messages"].as_array().unwrap();
    let text = |event: &Value, field: &str| event["data"][field].as_str().unwrap().to_owned();
    let account = |event| (text(event, "account_number"), Id::from(text(event, "account_id")));
    opened.iter().map(account).collect()
}

/// Waits until nothing is on the way and this many letters are dead.
fn await_dead(bank: &Bank, dead: u64) {
    let began = std::time::Instant::now();
    loop {
        let report = bank.ask(&["verify"]);
        let groups = report["data"]["groups"].as_array().unwrap();
        let sum =
            |term: &str| groups.iter().map(|group| group[term].as_u64().unwrap()).sum::<u64>();
        let held = groups.iter().map(|group| group["parked"].as_u64().unwrap()).sum::<u64>();
        if sum("on_the_way") == 0 && sum("dead") == dead && (dead > 0 || held == 0) {
            assert_eq!(report["data"]["closes"], true, "{report}");
            return;
        }
        assert!(began.elapsed() < crate::bank::WAIT_LIMIT, "{report}");
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
}

#[tokio::test]
async fn what_was_given_up_is_replayed_in_order_once_it_is_mended() {
    let bank = Bank::new();
    bank.domain().store().await.unwrap();
    shell(&bank, BREAK);
    let server = bank.serve();
    bank.send(0..ACCOUNTS, Priority::BULK).await;
    await_dead(&bank, SEVENS);
    let domain = bank.domain();
    for (_, account_id) in opened(&bank).await {
        for amount in [1, 2, 3] {
            let (amount, reference) = (Decimal::from(amount), None);
            let deposit = MakeDeposit { account_id: account_id.clone(), amount, reference };
            domain.process(deposit).asynchronous().await.unwrap();
        }
    }
    await_dead(&bank, SEVENS);

    let listed = bank.ask(&["dlq", "list", "--subscription", "AccountSummaryProjector"]);
    let letters = listed["data"]["letters"].as_array().unwrap();
    assert_eq!((letters.len() as u64, &listed["data"]["total"]), (SEVENS, &SEVENS.into()));
    let reasons = bank.ask(&["dlq", "reasons"]);
    let reason = &reasons["data"]["reasons"][0];
    assert_eq!((&reason["count"], &reason["type"]), (&SEVENS.into(), &"AccountOpened".into()));
    assert_eq!(reasons["data"]["reasons"].as_array().unwrap().len(), 1, "{reasons}");
    let text = bank.program().args(["dlq", "reasons"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("the disk of the sevens is broken") && text.ends_with("Total: 4\n"),
        "{text}"
    );
    let id = letters[0]["id"].to_string();
    let inspected = bank.ask(&["dlq", "inspect", &id]);
    let reason = inspected["data"]["reason"].as_str().unwrap();
    assert!(reason.contains("the disk of the sevens is broken"), "{reason}");
    let raw = bank.program().args(["dlq", "inspect", &id, "--raw"]).output().unwrap();
    assert_eq!(inspected["data"]["raw"], String::from_utf8(raw.stdout).unwrap());

    // Killed and started again, it gives up neither more nor less.
    drop(server);
    let _server = bank.serve();
    await_dead(&bank, SEVENS);
    shell(&bank, MEND);
    bank.ask(&["dlq", "replay", &id]);
    await_dead(&bank, SEVENS - 1);
    let last = letters[3]["id"].to_string();
    bank.ask(&["dlq", "purge", &last, "--yes"]);
    bank.ask(&["dlq", "replay-all", "--subscription", "AccountSummaryProjector"]);
    let accounts = opened(&bank).await;
    let summaries = domain.repository::<AccountSummary>().await.unwrap();
    let began = std::time::Instant::now();
    let purged = letters[3]["stream"].as_str().unwrap();
    for (number, account_id) in accounts.iter().filter(|(_, id)| !purged.ends_with(id.as_str())) {
        let expected = Decimal::new(1001, 2) + Decimal::from(6);
        loop {
            let found = summaries.find(account_id).await.unwrap();
            if found.as_ref().is_some_and(|summary| summary.balance == expected) {
                break;
            }
            assert!(began.elapsed() < crate::bank::WAIT_LIMIT, "{number}: {found:?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
