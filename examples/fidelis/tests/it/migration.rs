//! The great migration, from export to verdict.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bank::{Bank, WAIT_LIMIT, transcript};

/// The program with a place of its own for temporary files.
fn program(temporary: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fidelis"));
    program.env("TMPDIR", temporary).env_remove("DATABASE_URI").env_remove("PROTEAN_ENV");
    program
}

fn left_behind(temporary: &Path) -> usize {
    std::fs::read_dir(temporary).unwrap().count()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", transcript(output)))
}

#[test]
fn two_thousand_accounts_come_in_and_nothing_is_left_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let words = ["migrate", "--accounts", "2000", "--deposits-per-second", "50", "--json"];
    let paced = ["--production-latency-target-ms", "20"];
    let output = program(temporary.path()).args(words).args(paced).output().unwrap();
    assert!(output.status.success(), "{}", transcript(&output));
    let report = report(&output);
    let number = |name: &str| report[name].as_u64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((number("accounts"), number("migrated"), number("rejected")), (2000, 1990, 10));
    assert_eq!((number("lost"), number("duplicated")), (0, 0));
    assert!(report["accounting_closes"] == true && report["total_matches"] == true);
    for name in [
        "commands_per_second",
        "accounts_per_second",
        "idle_p50_ms",
        "idle_p99_ms",
        "during_p50_ms",
    ] {
        assert!(report[name].as_f64().is_some_and(|value| value > 0.0), "{name}: {report}");
    }
    assert!(report["during_p99_ms"].as_f64() <= report["during_max_ms"].as_f64());
    assert_eq!(report["rejections"][0]["line"], 139);
    assert_eq!(report["rejections"][0]["reason"], "name: is required");
    assert_eq!(left_behind(temporary.path()), 0);
}

#[test]
fn the_same_export_adds_nothing_the_second_time() {
    let (bank, temporary) = (Bank::new(), tempfile::tempdir().unwrap());
    for before in [0, 299] {
        let words = ["migrate", "--accounts", "300", "--deposits-per-second", "0"];
        let mut migrate = bank.program();
        migrate.env("TMPDIR", temporary.path()).args(words).arg("--json");
        let output = migrate.output().unwrap();
        assert!(output.status.success(), "{}", transcript(&output));
        let report = report(&output);
        assert_eq!((&report["migrated"], &report["already_there"]), (&299.into(), &before.into()));
    }
    // Each run has a thousand customers of its own.
    assert_eq!(bank.ask(&["stats"])["accounts"], 2299);
    assert_eq!(left_behind(temporary.path()), 0);
}

#[test]
fn a_migration_and_its_server_take_the_settings_they_are_given() {
    let (bank, temporary) = (Bank::new(), tempfile::tempdir().unwrap());
    let database = |provider: &str, uri: &str| {
        let command = "command_processing = \"async\"\nevent_processing = \"async\"\n";
        bank.settings(&format!("{command}[databases.default]\nprovider = \"{provider}\"\n{uri}"))
    };
    let migrate = |settings: &Path| {
        let words = ["migrate", "--accounts", "300", "--deposits-per-second", "0", "--json"];
        program(temporary.path()).args(words).arg("--config").arg(settings).output().unwrap()
    };
    let mut paced = program(temporary.path());
    paced.args(["migrate", "--production-latency-target-ms", "20", "--config"]);
    let sqlite = format!("database_uri = \"{}\"\n", bank.uri());
    let output = paced.arg(database("sqlite", &sqlite)).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
    assert!(transcript(&output).contains("into the file"), "{}", transcript(&output));
    let output = migrate(&database("memory", ""));
    assert_eq!(output.status.code(), Some(2), "{}", transcript(&output));
    assert!(
        transcript(&output).contains("cannot see the memory database"),
        "{}",
        transcript(&output)
    );

    let output = migrate(&database("sqlite", &sqlite));
    assert!(output.status.success(), "{}", transcript(&output));
    assert_eq!(report(&output)["migrated"], 299);
    assert_eq!(bank.ask(&["stats"])["accounts"], 1299);
    assert_eq!(left_behind(temporary.path()), 0);
}

#[test]
fn an_invalid_export_is_refused_by_name() {
    let temporary = tempfile::tempdir().unwrap();
    let output =
        program(temporary.path()).args(["migrate", "--export", "none.csv"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: none.csv: cannot be read: "), "{stderr}");
    assert_eq!(left_behind(temporary.path()), 0);
}

#[cfg(unix)]
#[test]
fn an_interrupted_migration_leaves_nothing_behind() {
    use rustix::process::{Pid, Signal, kill_process};

    let temporary = tempfile::tempdir().unwrap();
    let mut migrate = program(temporary.path());
    let migrate = migrate.args(["migrate", "--accounts", "1000"]).stderr(Stdio::null());
    let mut child = migrate.stdout(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while left_behind(temporary.path()) == 0 {
        assert!(began.elapsed() < WAIT_LIMIT);
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_secs(2));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(left_behind(temporary.path()), 0);
}
