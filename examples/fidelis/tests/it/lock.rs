//! The forms of the bank's messages, as they are committed beside it.

use std::process::Output;

use crate::bank::{Bank, transcript};

/// The bank's own file.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/events.lock");

fn run(bank: &Bank, words: &[&str]) -> Output {
    bank.program().args(words).output().unwrap()
}

/// The code with which a command ends, and what it says is wrong.
fn ended(bank: &Bank, words: &[&str]) -> (Option<i32>, String) {
    let output = run(bank, words);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A file in the bank's folder, which holds the committed one with this change.
fn changed(bank: &Bank, old: &str, new: &str) -> String {
    let text = std::fs::read_to_string(COMMITTED).unwrap();
    assert!(text.contains(old), "{text}");
    let path = bank.settings(&text.replacen(old, new, 1));
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_committed_forms_are_those_of_the_program() {
    let bank = Bank::new();
    let output = run(&bank, &["check", "--lock", COMMITTED]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", transcript(&output));
    let data = bank.ask(&["check", "--lock", COMMITTED])["data"].clone();
    assert_eq!(data["lock"]["file"], COMMITTED);
    let data = bank.ask(&["check"])["data"].clone();
    assert_eq!(data["lock"]["file"], "events.lock", "the tests run beside it");
    assert!(!bank.database().exists());
}

#[test]
fn a_form_that_changed_without_a_new_version_is_named_and_not_locked() {
    let bank = Bank::new();
    let file = changed(&bank, "amount = \"decimal\"", "sum = \"i64\"");
    let (code, faults) = ended(&bank, &["check", "--lock", &file]);
    assert_eq!(code, Some(1), "{faults}");
    for fault in ["'amount' was nothing and is decimal", "'sum' was i64 and is nothing"] {
        let fault =
            format!("error: command Account.MakeDeposit v1: {fault}: give it the next version");
        assert!(faults.contains(&fault), "{faults}");
    }
    let before = std::fs::read_to_string(&file).unwrap();
    let (code, faults) = ended(&bank, &["events", "lock", "--file", &file]);
    assert!(code == Some(1) && faults.contains("'sum' was i64"), "{faults}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "nothing is written");
}

#[test]
fn what_is_new_is_locked_and_what_is_gone_a_fault() {
    let bank = Bank::new();
    let file = changed(&bank, "[events.Account.DepositMade.v1]", "[events.Account.Renamed.v1]");
    let (code, faults) = ended(&bank, &["check", "--lock", &file]);
    assert_eq!(code, Some(1));
    assert!(faults.contains("event Account.Renamed v1: the program no longer has it"), "{faults}");
    let wanted = "event Account.DepositMade v1 is not in the file as it is: run 'events lock'";
    assert!(faults.contains(wanted), "{faults}");
    // As one does who has decided that no such event is stored anywhere.
    std::fs::write(&file, "").unwrap();
    let (code, said) = ended(&bank, &["events", "lock", "--file", &file]);
    assert!(code == Some(0) && said.is_empty(), "{said}");
    let [written, committed] =
        [&*file, COMMITTED].map(|file| std::fs::read_to_string(file).unwrap());
    assert_eq!(written, committed);
    assert_eq!(bank.ask(&["events", "lock", "--file", &file])["data"]["written"], false);
}

#[test]
fn a_missing_file_fails_only_where_it_is_asked_for() {
    let bank = Bank::new();
    let (code, faults) = ended(&bank, &["check", "--lock", "nowhere.lock"]);
    let advice = "error: nowhere.lock is missing: run 'events lock --file nowhere.lock'";
    assert!(code == Some(1) && faults.starts_with(advice), "{faults}");
    let broken = bank.settings("[events]\nx = 1\n");
    let (code, faults) = ended(&bank, &["check", "--lock", broken.to_str().unwrap()]);
    assert!(code == Some(1) && faults.contains("own.toml cannot be read"), "{faults}");
    assert!(faults.contains("'x' stands outside of a version"), "{faults}");
}

#[test]
fn check_compares_with_the_usual_file_beside_the_settings() {
    let bank = Bank::new();
    let settings = bank.settings("[databases.default]\nprovider = \"memory\"\n");
    let config = ["--config", settings.to_str().unwrap()];
    let check = [&["check"], &config[..]].concat();
    assert!(bank.ask(&check)["data"]["lock"]["file"].is_null(), "there is none yet");
    assert!(run(&bank, &[&["events", "lock"], &config[..]].concat()).status.success());
    let file = settings.with_file_name("events.lock");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(run(&bank, &check).status.success());
    let (start, _) = text.split_once("\n[events.Account.WithdrawalMade.v1]").unwrap();
    std::fs::write(&file, start).unwrap();
    let output = run(&bank, &check);
    let said = transcript(&output);
    assert!(
        output.status.success() && said.contains("event Account.WithdrawalMade v1 is not in"),
        "{said}"
    );
    std::fs::write(&file, text.replace("holder_name = \"text\"", "holder_name = \"i64\"")).unwrap();
    let (code, faults) = ended(&bank, &check);
    assert!(code == Some(1) && faults.contains("'holder_name' was i64 and is text"), "{faults}");
}
