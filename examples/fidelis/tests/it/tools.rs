//! What operators do beside the server.

use std::process::{Output, Stdio};

use protean::Priority;

use crate::bank::{Bank, transcript};

fn run(bank: &Bank, words: &[&str]) -> Output {
    bank.program().args(words).output().unwrap()
}

/// The command is refused with this exit code and a reason.
#[track_caller]
fn is_refused(output: &Output, code: i32, why: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", transcript(output));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: ") && stderr.contains(why), "{stderr}");
}

#[test]
fn a_server_logs_the_lanes_it_reads() {
    let bank = Bank::new();
    let _server = bank.serve();
    bank.await_logged(
        "Initialized priority lanes for AccountSummaryProjector: \
         primary='fidelis::account', backfill='fidelis::account:backfill'",
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let bank = Bank::ready();
    for words in [
        ["subscriptions", "status"].as_slice(),
        &["subscriptions", "status", "--json"],
        &["stats"],
        &["stats", "--json"],
        &["check"],
        &["--help"],
    ] {
        let mut program = bank.program();
        program.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), transcript(&output).trim()), (Some(0), ""), "{words:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_first_line_of_the_status_is_its_header() {
    let bank = Bank::ready();
    let script = "\"$0\" subscriptions status | head -1";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_fidelis")]).env("DATABASE_URI", bank.uri());
    let output = shell.output().unwrap();
    let header = String::from_utf8_lossy(&output.stdout);
    assert!(
        header.starts_with("Handler ") && header.lines().count() == 1,
        "{}",
        transcript(&output)
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[tokio::test]
async fn a_database_is_dropped_when_it_is_said_twice() {
    let bank = Bank::ready();
    assert_eq!(bank.send(0..3, Priority::NORMAL).await, 3);
    is_refused(&run(&bank, &["db", "drop"]), 2, "--yes");
    assert_eq!(bank.ask(&["db", "setup"])["status"], "pass");
    let committed = |bank: &Bank| bank.ask(&["verify"])["data"]["groups"][0]["committed"].clone();
    assert_eq!(committed(&bank), 3);
    assert_eq!(bank.ask(&["db", "drop", "--yes"])["status"], "pass");
    is_refused(&run(&bank, &["verify"]), 1, "is not one of Protean, and nothing was created");
    assert_eq!(bank.ask(&["db", "setup"])["status"], "pass");
    assert_eq!(committed(&bank), 0);
}

#[test]
fn a_database_is_not_dropped_under_a_server() {
    let bank = Bank::new();
    let server = bank.serve();
    bank.await_logged("ready");
    let refused = run(&bank, &["db", "drop", "--yes"]);
    is_refused(&refused, 1, "a server of 'fidelis' is running");
    drop(server);
    assert_eq!(bank.ask(&["db", "drop", "--yes"])["status"], "pass");
}

#[test]
fn the_demo_answers_programs_as_well_and_takes_no_settings() {
    let bank = Bank::new();
    assert_eq!(bank.ask(&["demo"]), serde_json::json!({"final_balance": 6450.0}));
    is_refused(&run(&bank, &["demo", "--config", "own.toml"]), 2, "--config");
}

/// What it says of other programs cannot be read.
#[test]
fn a_database_of_an_earlier_release_is_not_dropped_unseen() {
    let bank = Bank::ready();
    let database = rusqlite::Connection::open(bank.database()).unwrap();
    let older = "ALTER TABLE enrolments DROP COLUMN versions; PRAGMA user_version = 3";
    database.execute_batch(older).unwrap();
    is_refused(&run(&bank, &["db", "drop", "--yes"]), 1, "other programs may have groups");
    let log = database.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0));
    assert!(log.is_ok(), "it is there: {log:?}");
}

#[tokio::test]
async fn a_database_is_emptied_and_ready_again() {
    let bank = Bank::new();
    bank.send(0..3, Priority::NORMAL).await;
    let unasked = run(&bank, &["db", "truncate"]);
    is_refused(&unasked, 2, "there is no terminal");
    let server = bank.serve();
    bank.await_accounts(3);
    is_refused(&run(&bank, &["db", "truncate", "--yes"]), 1, "a server of 'fidelis' is running");
    drop(server);
    assert_eq!(bank.ask(&["events", "stats"])["data"]["total"], 6, "nothing was deleted");
    let output = run(&bank, &["db", "truncate", "--yes"]);
    assert!(output.status.success(), "{}", transcript(&output));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("is empty and ready. Deleted: the log, ") && said.contains("account_summary"),
        "{said}"
    );
    assert_eq!(bank.ask(&["events", "stats"])["data"]["total"], 0);
    let emptied = bank.ask(&["db", "truncate", "--yes"]);
    assert_eq!(emptied["data"]["emptied"], serde_json::json!(["account_summary"]));
    // Nothing else has to be run before it is used.
    bank.send(5..7, Priority::NORMAL).await;
    let _server = bank.serve();
    bank.await_accounts(2);
}
