//! What operators see of the log while it grows.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fidelis::account::MakeDeposit;
use protean::{Decimal, Priority};
use serde_json::Value;

use crate::bank::{Bank, WAIT_LIMIT};
use crate::events::{busy, refused};

/// `events read --follow` with these words, and its lines.
fn following(bank: &Bank, words: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut program = bank.program();
    program.args(["events", "read", "--follow"]).args(words).stdout(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

async fn pay(bank: &Bank, id: &str, amount: i64) {
    let (account_id, amount) = (id.into(), Decimal::from(amount));
    let deposit = MakeDeposit { account_id, amount, reference: None };
    bank.domain().process(deposit).synchronous().await.unwrap();
}

#[tokio::test]
async fn what_is_committed_is_followed_until_ctrl_c() {
    let (bank, id) = busy().await;
    let words = ["fidelis::account", "--type", "deposit", "--from", "0", "--data", "--json"];
    let (mut child, mut lines) = following(&bank, &words);
    let mut amount = || {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["type"], "Fidelis.DepositMade.v1");
        line["data"]["amount"].to_string()
    };
    assert_eq!([amount(), amount()], ["5", "7"], "what is there comes first");
    for new in [11, 12] {
        pay(&bank, &id, new).await;
        assert_eq!(amount(), new.to_string());
    }
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(lines.next().is_none());
}

#[tokio::test]
async fn following_ends_with_its_limit_and_with_its_reader() {
    let (bank, id) = busy().await;
    let stream = format!("fidelis::account-{id}");
    let (mut child, mut lines) = following(&bank, &[&stream, "--limit", "1"]);
    // It begins with what comes next, once it is there.
    let shown =
        std::thread::spawn(move || (lines.next().unwrap().unwrap(), lines.next().is_none()));
    let began = Instant::now();
    while !shown.is_finished() {
        assert!(began.elapsed() < WAIT_LIMIT, "nothing is shown");
        pay(&bank, &id, 20).await;
    }
    let (line, is_all) = shown.join().unwrap();
    assert!(line.contains(&format!("  DepositMade  {stream}  NORMAL")) && is_all, "{line}");
    assert!(child.wait().unwrap().success());
    // The reader goes, and no message comes: it ends all the same.
    let (mut child, lines) = following(&bank, &["--type", "nothing like it"]);
    drop(lines);
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn a_reader_that_takes_nothing_does_not_keep_it_from_ending() {
    let bank = Bank::new();
    // More than fits into a pipe.
    bank.send(0..500, Priority::BULK).await;
    for stop in ["-INT", "-TERM"] {
        let words = ["fidelis::account:command", "--from", "0", "--data", "--json"];
        let (mut child, mut lines) = following(&bank, &words);
        lines.next().unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        signal(&child, stop);
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > Duration::from_secs(10) {
                child.kill().unwrap();
                panic!("it still writes");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn a_name_that_nothing_can_have_is_not_followed() {
    let (bank, _) = busy().await;
    for name in ["fidelis::acount", "fidelis::acount-7"] {
        let message = refused(&bank, &["read", name, "--follow"]);
        assert!(message.contains("did you mean 'fidelis::account'?"), "{message}");
    }
}

#[tokio::test]
async fn a_stream_is_followed_before_its_first_message() {
    let (bank, _) = busy().await;
    let (mut child, mut lines) =
        following(&bank, &["fidelis::account:command-T-9", "--limit", "1"]);
    // Only once it waits does it say so by what it shows.
    let shown = std::thread::spawn(move || lines.next().unwrap().unwrap());
    let began = Instant::now();
    while !shown.is_finished() {
        assert!(began.elapsed() < WAIT_LIMIT, "nothing is shown");
        let deposit = MakeDeposit { account_id: "T-9".into(), amount: 1.into(), reference: None };
        bank.domain().process(deposit).asynchronous().await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(shown.join().unwrap().contains("  MakeDeposit  fidelis::account:command-T-9  "));
    assert!(child.wait().unwrap().success());
}
