//! The server is killed time after time, and nothing is wrong afterwards.

use std::process::Command;

use protean::Priority;
use serde_json::Value;

use crate::bank::{Bank, transcript};

fn endure(temporary: &std::path::Path, words: &[&str]) -> std::process::Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fidelis"));
    program.env("TMPDIR", temporary).env_remove("DATABASE_URI").env_remove("PROTEAN_ENV");
    program.arg("endure").args(words).arg("--json").output().unwrap()
}

#[test]
fn a_bank_whose_server_is_killed_every_second_loses_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let words = ["--accounts", "3000", "--seconds", "6", "--kill-every", "1", "--deposits", "20"];
    let output = endure(temporary.path(), &words);
    assert!(output.status.success(), "{}", transcript(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |name: &str| report[name].as_u64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!(number("accounts"), 3000);
    assert!(number("kills") >= 3 && number("deposits") >= 100, "{report}");
    for nothing in ["lost", "duplicated", "out_of_order", "stale_summaries", "dead_letters"] {
        assert_eq!(number(nothing), 0, "{nothing}: {report}");
    }
    assert_eq!(report["total_in_summaries"], report["total_expected"]);
    assert_eq!((&report["accounting_closes"], &report["passed"]), (&true.into(), &true.into()));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_endured_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    for words in [&["--workers", "0"][..], &["--deposits", "0"], &["--seconds", "0"]] {
        let output = endure(temporary.path(), words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", transcript(&output));
    }
}

#[tokio::test]
async fn a_bank_that_has_accounts_is_not_put_at_risk() {
    let bank = Bank::new();
    assert_eq!(bank.send(0..1, Priority::NORMAL).await, 1);
    let _server = bank.serve();
    bank.await_accounts(1);
    let output = bank.program().args(["endure", "--seconds", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
    assert!(transcript(&output).contains("the database has accounts"), "{}", transcript(&output));
    assert_eq!(bank.await_accounts(1)["accounts"], 1);
}
