//! Protean for Python is measured in the same rounds and leaves no process behind. The
//! figures are not judged here.
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
const START_TIMEOUT: Duration = Duration::from_secs(200);
/// How long killed processes may take to end. One that merely lost its servers takes longer.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

fn measure(name: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protean-benches"));
    program.args([name, "--with-python", "--quick", "--backlog", "500", "--json"]);
    program.stdin(Stdio::null());
    program
}

/// The rows of a measure with Protean for Python.
fn rows_of(name: &str) -> Vec<Value> {
    let output = measure(name).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sheet = &report["measures"][0];
    assert!(sheet["notes"].to_string().contains("Protean 0.18.0"), "{sheet}");
    sheet["rows"].as_array().unwrap().clone()
}

/// The rows with a figure of Python.
fn measured(rows: &[Value]) -> Vec<&Value> {
    rows.iter().filter(|row| row["peer"].as_f64().is_some_and(|figure| figure > 0.0)).collect()
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn commit_one_is_compared_to_python_in_the_same_rounds() {
    let rows = rows_of("commit-one");
    let measured = measured(&rows);
    assert_eq!(measured.len(), 2, "{rows:?}");
    for row in measured {
        assert_eq!(row["rounds_peer"].as_array().unwrap().len(), 1, "{row}");
        assert!(row["limit"].is_number() && row["ratio_peer"].is_number(), "{row}");
        assert!(row["target_peer"] == "≥ 10" && row["met_peer"].is_boolean(), "{row}");
    }
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn relay_is_compared_to_pythons_outbox() {
    let rows = rows_of("relay");
    assert_eq!((rows.len(), measured(&rows).len()), (1, 1), "{rows:?}");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn startup_is_compared_to_pythons_server_on_the_same_servers() {
    let rows = rows_of("startup");
    let targets: Vec<_> = measured(&rows).iter().map(|row| row["target_peer"].clone()).collect();
    assert_eq!(targets, ["≤ 0.2", "≤ 0.05", ""], "{rows:?}");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn a_migration_of_python_is_drawn_beside_ours() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plot.svg");
    let mut program = measure("bulk-latency");
    let output = program.args(["--rate", "5", "--plot"]).arg(&file).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["measures"][0]["rows"].as_array().unwrap();
    // Two percentiles before, during and after, beside three ways of ours.
    assert_eq!((rows.len(), measured(rows).len()), (24, 6), "{rows:?}");
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.contains(">Protean for Python 0.18, 5 deposits a second<"), "{svg}");
    assert!(svg.contains(">50 accounts migrated in "), "{svg}");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn a_stop_signal_leaves_nothing_of_python() {
    let stopped = Stopped::by(|program| kill_process(program, Signal::TERM));
    assert!(stopped.files.is_empty(), "{:?}", stopped.files);
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn an_interrupt_from_the_terminal_leaves_nothing_of_python() {
    let stopped = Stopped::by(|program| kill_process_group(program, Signal::INT));
    assert!(stopped.files.is_empty(), "{:?}", stopped.files);
}

#[test]
#[ignore = "needs PostgreSQL, Redis and Protean for Python: cargo xtask test"]
fn a_killed_program_leaves_no_process_of_python() {
    Stopped::by(|program| kill_process(program, Signal::KILL));
}

/// A measure stopped while Python's server ran; all its processes have ended.
struct Stopped {
    /// Files left in the temporary folder.
    files: Vec<PathBuf>,
}

impl Stopped {
    fn by(how: impl FnOnce(Pid) -> rustix::io::Result<()>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A server may run as another user and must be able to remove its files.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        let mut program = measure("startup");
        program.env("TMPDIR", folder.path()).process_group(0);
        program.stdout(Stdio::null()).stderr(Stdio::null());
        let mut program = Guard(program.spawn().unwrap());
        until("Python's server runs", START_TIMEOUT, || {
            assert!(program.0.try_wait().unwrap().is_none(), "the measure ended too early");
            serving(folder.path())
        });
        how(Pid::from_child(&program.0)).unwrap();
        program.0.wait().unwrap();
        until("all processes have ended", EXIT_TIMEOUT, || processes(folder.path()).is_empty());
        let files = std::fs::read_dir(folder.path()).unwrap();
        Self { files: files.map(|entry| entry.unwrap().path()).collect() }
    }
}

/// Kills the program if a test fails early.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Usually it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, timeout: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < timeout, "{what}: not within {timeout:?}");
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Whether Python's server has reported its start: before that it may exit by itself.
fn serving(folder: &Path) -> bool {
    let read = |file: PathBuf| std::fs::read(file).unwrap_or_default();
    let has = |file: PathBuf, word: &str| String::from_utf8_lossy(&read(file)).contains(word);
    processes(folder).iter().any(|process| {
        has(process.join("cmdline"), "bank.py") && has(process.join("fd/1"), "engine.started")
    })
}

/// Processes with this folder as TMPDIR.
fn processes(folder: &Path) -> Vec<PathBuf> {
    let known = format!("TMPDIR={}\0", folder.display());
    let of_folder = |process: &PathBuf| {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&known)
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(of_folder)
        .collect()
}
