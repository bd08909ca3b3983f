//! The office handles what happens at the bank.

use std::collections::BTreeSet;

use fidelis::account::MakeDeposit;
use fidelis::summary::AccountSummary;
use protean::{Decimal, Priority};
use serde_json::{Value, json};

use super::office::{AUDITOR, Office};
use crate::branch::{Branch, await_that};

const STREAMS: [&str; 2] = ["fidelis::account", "fidelis::account:backfill"];
const PROJECTOR: &str = "fidelis.AccountSummaryProjector";

/// The ids of all events in the bank's log.
fn events(branch: &Branch) -> BTreeSet<String> {
    let file = branch.bank.uri().strip_prefix("sqlite:").unwrap().to_owned();
    let database = rusqlite::Connection::open(file).unwrap();
    let query = "SELECT message_id FROM outbox WHERE stream_name LIKE 'fidelis::account-%'";
    let mut statement = database.prepare(query).unwrap();
    let ids = statement.query_map((), |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

fn ids(notes: &[Value]) -> BTreeSet<String> {
    notes.iter().map(|note| note["id"].as_str().unwrap().to_owned()).collect()
}

async fn deposit_into_each(branch: &Branch) -> usize {
    let domain = branch.domain();
    let summaries = domain.repository::<AccountSummary>().await.unwrap();
    let accounts = summaries.query().limit(1000).all().await.unwrap();
    for summary in &accounts {
        let (account_id, amount) = (summary.account_id.clone(), Decimal::new(50, 2));
        let deposit = MakeDeposit { account_id, amount, reference: Some("Zoë".to_owned()) };
        domain.process(deposit).metadata("tenant", "acme").asynchronous().await.unwrap();
    }
    accounts.len()
}

/// Waits until a group has settled all there is in the stream.
fn await_settled(branch: &Branch, stream: &str, group: &str) {
    let last = || {
        let info = branch.redis.command(&["XINFO", "STREAM", stream]);
        let mut lines = info.lines().skip_while(|line| *line != "last-generated-id");
        lines.nth(1).unwrap().to_owned()
    };
    let settled = || {
        let group = branch.group(stream, group).unwrap();
        group.pending == 0 && group.last_delivered == last()
    };
    await_that(settled, || branch.redis.command(&["XINFO", "GROUPS", stream]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis and Protean for Python: cargo xtask test"]
async fn every_event_of_the_bank_arrives_in_python_once() {
    let branch = Branch::new();
    let office = Office::beside(&branch);
    let _bank = branch.serve();
    let _office = office.serve(&branch, &STREAMS);
    branch.send(0..150, Priority::LOW).await;
    branch.send(150..170, Priority::NORMAL).await;
    branch.bank.await_accounts(170);
    let deposits = deposit_into_each(&branch).await;
    let notes = office.await_notes(170 + deposits);
    assert!(notes.iter().all(|note| note["verified"] == true), "{notes:?}");
    for (class, count) in [("AccountOpened", 170), ("DepositMade", deposits)] {
        assert_eq!(notes.iter().filter(|note| note["class"] == class).count(), count);
    }
    for note in &notes {
        let tenant = (note["class"] == "DepositMade").then_some("acme");
        assert_eq!(note["tenant"].as_str(), tenant, "metadata that the bank has set: {note}");
    }
    let in_bulk = notes.iter().filter(|note| note["priority"] == -50);
    assert_eq!(in_bulk.count(), 150);
    for note in &notes {
        let fields = &note["fields"];
        match note["class"].as_str() {
            Some("AccountOpened") => assert_eq!(fields["opening_deposit"], json!(10.01)),
            _ => {
                assert_eq!((&fields["amount"], &fields["reference"]), (&json!(0.5), &json!("Zoë")))
            }
        }
    }
    // Both are through with the streams, and nothing is left that comes again.
    for stream in STREAMS {
        branch.await_length(stream, 0);
        for group in [AUDITOR, PROJECTOR] {
            assert_eq!(branch.group(stream, group).unwrap().pending, 0, "{stream}: {group}");
        }
    }
    let notes = office.await_notes(0);
    assert_eq!((notes.len(), ids(&notes)), (170 + deposits, events(&branch)));
    assert_eq!(branch.length("fidelis::account:dlq"), 0, "{}", office.logged());
    assert_eq!(branch.ask(&["verify"])["data"]["closes"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis and Protean for Python: cargo xtask test"]
async fn entries_stay_until_a_python_that_was_away_has_handled_them() {
    let branch = Branch::new();
    let office = Office::beside(&branch);
    let _bank = branch.serve();
    drop(office.serve(&branch, &STREAMS));
    branch.send(0..30, Priority::LOW).await;
    branch.send(30..50, Priority::NORMAL).await;
    branch.bank.await_accounts(50);
    for (stream, length) in STREAMS.into_iter().zip([20, 30]) {
        await_settled(&branch, stream, PROJECTOR);
        assert_eq!(branch.length(stream), length, "{stream}");
    }
    let _office = office.serve(&branch, &STREAMS);
    assert_eq!(ids(&office.await_notes(50)), events(&branch));
    // The office was the last, and only acknowledges: the bank removes.
    for stream in STREAMS {
        branch.await_length(stream, 0);
    }
    assert_eq!(office.await_notes(0).len(), 50);
}
