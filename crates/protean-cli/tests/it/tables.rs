//! `db diff` and `db migrate` of the bank's own program.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use crate::call::{Place, Said, fidelis};

struct Bank(Place);

impl Bank {
    fn call(&self, words: &[&str]) -> Said {
        Said::of(&mut self.0.program(fidelis(), words))
    }

    fn file(&self) -> PathBuf {
        self.0.folder().join("bank.db")
    }

    /// Its database as it is set up, and then changed.
    fn with(changes: &str) -> Self {
        let bank = Self(Place::nowhere());
        assert_eq!(bank.call(&["db", "setup"]).code, Some(0));
        Connection::open(bank.file()).unwrap().execute_batch(changes).unwrap();
        bank
    }

    #[track_caller]
    fn says(&self, words: &[&str], code: i32, parts: &[&str]) -> Said {
        let said = self.call(words);
        assert_eq!(said.code, Some(code), "{said:?}");
        let text = format!("{}{}", said.out, said.err);
        parts.iter().for_each(|part| assert!(text.contains(part), "no '{part}' in {text}"));
        said
    }
}

const AS_DECLARED: &str = "The tables are as declared.";
/// While the table has no row it is made anew.
const WITHOUT_A_COLUMN: &str = "ALTER TABLE account_summary DROP COLUMN deposits";

#[test]
fn looking_creates_no_database() {
    let bank = Bank(Place::nowhere());
    for words in [&["db", "diff"][..], &["db", "migrate"], &["db", "migrate", "--dry-run"]] {
        bank.says(words, 1, &["bank.db' does not exist, and nothing was created"]);
        assert_eq!(std::fs::read_dir(bank.0.folder()).unwrap().count(), 0);
    }
}

#[test]
fn nothing_differs_after_setup() {
    let bank = Bank::with("");
    bank.says(&["db", "diff"], 0, &[AS_DECLARED]);
    bank.says(&["db", "diff", "--json"], 0, &["\"automatic\": []", "\"manual\": []"]);
    bank.says(&["db", "migrate"], 0, &["The tables were as declared."]);
}

#[test]
fn a_safe_change_is_shown_and_then_made() {
    let bank = Bank::with(WITHOUT_A_COLUMN);
    let anew = "DROP TABLE IF EXISTS \"account_summary\";\nCREATE TABLE \"account_summary\" (";
    for _ in 0..2 {
        bank.says(&["db", "diff"], 0, &["-- 'db migrate' runs these", anew]);
        let said = bank.says(&["db", "migrate", "--dry-run"], 0, &[]);
        assert!(said.out.starts_with(anew), "{said:?}");
    }
    bank.says(&["db", "migrate"], 0, &[anew, "as declared now"]);
    bank.says(&["db", "diff"], 0, &[AS_DECLARED]);
}

/// Servers of the version before may be at work on them.
#[test]
fn looking_changes_no_table_and_asks_for_none() {
    for changes in
        [WITHOUT_A_COLUMN, "ALTER TABLE account_summary RENAME COLUMN account_id TO number"]
    {
        let bank = Bank::with(changes);
        let tables = || {
            let database = Connection::open(bank.file()).unwrap();
            let count =
                "SELECT group_concat(sql) FROM sqlite_schema WHERE name = 'account_summary'";
            database.query_row(count, [], |row| row.get::<_, String>(0)).unwrap()
        };
        let before = tables();
        for words in [
            &["events", "check"][..],
            &["subscriptions", "status"],
            &["verify"],
            &["dlq", "list"],
            &["check", "--data"],
            &["projection", "status"],
        ] {
            bank.says(words, 0, &[]);
            assert_eq!(tables(), before, "{words:?}");
        }
        bank.says(&["stats"], 1, &["is not prepared for this version of the program"]);
    }
}

#[test]
fn what_needs_a_person_is_a_script_that_a_person_can_run() {
    let bank = Bank::with("ALTER TABLE account_summary RENAME COLUMN account_id TO number");
    let said = bank.says(&["db", "diff"], 1, &["the table 'account_summary'", "renamed_from"]);
    for words in [&["db", "migrate"][..], &["db", "migrate", "--dry-run"]] {
        bank.says(words, 1, &["Nothing was changed", "error: the column 'account_id'"]);
    }
    bank.says(&["db", "diff", "--json"], 1, &["\"status\": \"fail\"", "\"manual\""]);
    // All that is printed is a script.
    Connection::open(bank.file()).unwrap().execute_batch(&said.out).unwrap();
    bank.says(&["db", "diff"], 0, &[AS_DECLARED]);
}

#[test]
fn a_change_that_is_killed_at_any_moment_can_be_made_again() {
    for round in 0..12 {
        let bank = Bank::with(WITHOUT_A_COLUMN);
        let mut program = bank.0.program(fidelis(), &["db", "migrate"]);
        let mut program = program.stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 3));
        // It may have ended before.
        program.kill().unwrap();
        program.wait().unwrap();
        bank.says(&["db", "migrate"], 0, &["as declared"]);
        bank.says(&["db", "diff"], 0, &[AS_DECLARED]);
    }
}

#[test]
fn programs_that_change_at_once_all_succeed() {
    let bank = Bank::with(WITHOUT_A_COLUMN);
    let spawn = |_| {
        let mut program = bank.0.program(fidelis(), &["db", "migrate"]);
        program.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    for mut program in Vec::from_iter((0..4).map(spawn)) {
        assert!(program.wait().unwrap().success());
    }
    bank.says(&["db", "diff"], 0, &[AS_DECLARED]);
}
