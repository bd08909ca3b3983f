//! Protean for Python is asked in the same round, and goes when it is no longer wanted. No
//! figure is judged here.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(200);
/// How long what was killed may take to end; one without its servers gives up later.
const DEATH: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(5);

fn measure(name: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protean-benches"));
    program.args([name, "--with-python", "--quick", "--backlog", "500", "--json"]);
    program.stdin(Stdio::null());
    program
}

/// What the rows have to show of Protean for Python.
fn rows_of(name: &str) -> Vec<Value> {
    let output = measure(name).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sheet = &report["measures"][0];
    assert!(sheet["notes"].to_string().contains("Protean 0.18.0"), "{sheet}");
    sheet["rows"].as_array().unwrap().clone()
}

/// The rows with a figure of Python.
fn asked(rows: &[Value]) -> Vec<&Value> {
    rows.iter().filter(|row| row["peer"].as_f64().is_some_and(|figure| figure > 0.0)).collect()
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn commit_one_is_held_against_python_in_the_same_rounds() {
    let rows = rows_of("commit-one");
    let asked = asked(&rows);
    assert_eq!(asked.len(), 2, "{rows:?}");
    for row in asked {
        assert_eq!(row["rounds_peer"].as_array().unwrap().len(), 1, "{row}");
        assert!(row["limit"].is_number() && row["ratio_peer"].is_number(), "{row}");
        assert!(row["target_peer"] == "≥ 10" && row["met_peer"].is_boolean(), "{row}");
    }
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn relay_is_held_against_pythons_outbox() {
    let rows = rows_of("relay");
    assert_eq!((rows.len(), asked(&rows).len()), (1, 1), "{rows:?}");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn startup_is_held_against_pythons_server_on_the_same_servers() {
    let rows = rows_of("startup");
    let targets: Vec<_> = asked(&rows).iter().map(|row| row["target_peer"].clone()).collect();
    assert_eq!(targets, ["≤ 0.2", "≤ 0.05", ""], "{rows:?}");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn nothing_of_python_is_left_when_the_program_is_asked_to_stop() {
    let stopped = Stopped::by(|program| kill_process(program, Signal::TERM));
    assert!(stopped.files.is_empty(), "{:?}", stopped.files);
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn nothing_of_python_is_left_after_an_interrupt_from_the_terminal() {
    let stopped = Stopped::by(|program| kill_process_group(program, Signal::INT));
    assert!(stopped.files.is_empty(), "{:?}", stopped.files);
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn no_process_of_python_is_left_when_the_program_is_killed() {
    Stopped::by(|program| kill_process(program, Signal::KILL));
}

/// A measure that ended while Python's server ran, and after it all that it had begun.
struct Stopped {
    /// What is still in the folder for temporary files.
    files: Vec<PathBuf>,
}

impl Stopped {
    fn by(how: impl FnOnce(Pid) -> rustix::io::Result<()>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A server may run as a user of its own, and removes what is its own.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        let mut program = measure("startup");
        program.env("TMPDIR", folder.path()).process_group(0);
        program.stdout(Stdio::null()).stderr(Stdio::null());
        let mut program = Guard(program.spawn().unwrap());
        until("Python's server runs", PATIENCE, || {
            assert!(program.0.try_wait().unwrap().is_none(), "the measure has ended");
            serving(folder.path())
        });
        how(Pid::from_child(&program.0)).unwrap();
        program.0.wait().unwrap();
        until("all processes have ended", DEATH, || processes(folder.path()).is_empty());
        let files = std::fs::read_dir(folder.path()).unwrap();
        Self { files: files.map(|entry| entry.unwrap().path()).collect() }
    }
}

/// Kills the program when a test fails before it has ended.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It has usually ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < patience, "{what}: not within {patience:?}");
        std::thread::sleep(GLANCE);
    }
}

/// Whether Python's server says that it has started: one that has not may end by itself.
fn serving(folder: &Path) -> bool {
    let read = |file: PathBuf| std::fs::read(file).unwrap_or_default();
    let has = |file: PathBuf, word: &str| String::from_utf8_lossy(&read(file)).contains(word);
    processes(folder).iter().any(|process| {
        has(process.join("cmdline"), "bank.py") && has(process.join("fd/1"), "engine.started")
    })
}

/// Those that were begun with this folder for temporary files.
fn processes(folder: &Path) -> Vec<PathBuf> {
    let known = format!("TMPDIR={}\0", folder.display());
    let of_folder = |process: &PathBuf| {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&known)
    };
    let all = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    all.filter(of_folder).collect()
}
