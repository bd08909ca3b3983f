//! What others rely on, and what breaks them.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::bank::{Bank, transcript};

fn run(bank: &Bank, words: &[&str]) -> Output {
    bank.program().args(words).output().unwrap()
}

/// The contracts of the bank, in its folder.
fn exported(bank: &Bank) -> PathBuf {
    let file = bank.database().with_file_name("contracts.json");
    let output = run(bank, &["contracts", "export", "--output", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", transcript(&output));
    file
}

/// How comparing the contracts with this change of them ends, and what it says.
fn compared(change: impl FnOnce(&mut Value)) -> (Option<i32>, String, Value) {
    let bank = Bank::new();
    let old = exported(&bank);
    let mut document: Value = serde_json::from_slice(&std::fs::read(&old).unwrap()).unwrap();
    change(&mut document);
    let new = old.with_file_name("new.json");
    std::fs::write(&new, document.to_string()).unwrap();
    let words = ["contracts", "diff", old.to_str().unwrap(), new.to_str().unwrap()];
    let (text, json) = (run(&bank, &words), run(&bank, &[&words[..], &["--json"]].concat()));
    assert_eq!(text.status.code(), json.status.code());
    assert!(text.stderr.is_empty() && json.stderr.is_empty(), "{}", transcript(&text));
    let said = String::from_utf8(text.stdout).unwrap();
    (text.status.code(), said, serde_json::from_slice(&json.stdout).unwrap())
}

#[test]
fn the_contracts_are_those_of_what_is_published_and_of_all_commands() {
    let bank = Bank::new();
    let shown = run(&bank, &["contracts", "export"]);
    let document: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let written = std::fs::read(exported(&bank)).unwrap();
    assert_eq!(shown.stdout, written, "the same document each time");
    assert_eq!(bank.ask(&["contracts", "export"])["data"], document);
    let events: Vec<&String> = document["events"].as_object().unwrap().keys().collect();
    assert_eq!(events, ["Account.AccountOpened"]);
    let opened = &document["events"]["Account.AccountOpened"];
    assert_eq!(opened["type"], "Fidelis.AccountOpened.v1");
    assert_eq!(opened["stream"], "fidelis::account");
    assert_eq!(opened["schema"]["description"], "An account was opened.");
    let number =
        &document["commands"]["Account.OpenAccount"]["schema"]["properties"]["account_number"];
    assert_eq!(*number, json!({"type": "string", "maxLength": 20, "pattern": "\\S"}));
    assert!(!bank.database().exists());
}

#[test]
fn a_compatible_change_breaks_nobody() {
    let (code, said, json) = compared(|document| {
        let opened = &mut document["events"]["Account.AccountOpened"]["schema"];
        opened["properties"]["branch"] = json!({"type": "string"});
        let deposit = &mut document["commands"]["Account.MakeDeposit"]["schema"];
        deposit["properties"]["note"] = json!({"type": "string"});
    });
    let expected = "Breaks nobody:\n  Account.AccountOpened: 'branch' is new and optional\n  \
                    Account.MakeDeposit: 'note' is new and optional\n";
    assert_eq!((code, &*said), (Some(0), expected));
    assert_eq!((&json["status"], &json["data"]["breaks"]), (&json!("pass"), &json!(false)));
    let (code, said, _) = compared(|_| {});
    assert_eq!((code, &*said), (Some(0), "Nothing has changed.\n"));
}

#[test]
fn a_change_of_an_event_breaks_its_readers() {
    let (code, said, json) = compared(|document| {
        let opened = &mut document["events"]["Account.AccountOpened"]["schema"];
        opened["properties"].as_object_mut().unwrap().remove("holder_name");
    });
    let expected = "Breaks readers:\n  Account.AccountOpened: 'holder_name' is gone\n";
    assert_eq!((code, &*said), (Some(3), expected));
    let change = json!({
        "kind": "event", "message": "Account.AccountOpened", "field": "holder_name",
        "change": "is gone", "breaks": "readers",
    });
    assert_eq!(json["data"], json!({"breaks": true, "changes": [change]}));
    assert_eq!(json["status"], "fail");
}

#[test]
fn a_change_of_a_command_breaks_its_senders() {
    let (code, said, json) = compared(|document| {
        let open = &mut document["commands"]["Account.OpenAccount"]["schema"]["properties"];
        open["account_number"]["maxLength"] = 10.into();
        document["commands"].as_object_mut().unwrap().remove("Account.MakeWithdrawal");
    });
    let expected = "Breaks senders:\n  Account.MakeWithdrawal is gone\n  Account.OpenAccount: \
                    'account_number' has max_length 10 instead of 20\n";
    assert_eq!((code, &*said), (Some(3), expected));
    assert_eq!(json["data"]["changes"][0]["field"], Value::Null);
}

#[test]
fn a_file_that_is_no_document_is_wrong_usage() {
    let bank = Bank::new();
    let document = exported(&bank);
    let other = bank.settings("[databases]\n");
    let [document, other] = [&document, &other].map(|path| path.to_str().unwrap());
    for (old, new, why) in [
        (document, "nowhere.json", "error: nowhere.json cannot be read"),
        (other, document, "caused by: it is not a document of 'contracts export'"),
    ] {
        let output = run(&bank, &["contracts", "diff", old, new]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(why), "{said}");
    }
}
