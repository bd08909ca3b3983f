//! Protean for Python can be asked for every figure. None is judged here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(300);

fn peer() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protean-benches"));
    program.args(["peer", "--quick", "--json"]).stdin(Stdio::null());
    program
}

#[test]
fn protean_for_python_comes_to_every_figure() {
    let output = peer().output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = report["figures"].as_array().unwrap();
    for figure in figures {
        // A handler may begin before `process` has returned.
        let may_be_less = figure["what"].as_str().unwrap().starts_with("after return");
        assert!(may_be_less || figure["value"].as_f64().unwrap() > 0.0, "{figure}");
    }
    let of = |measure| figures.iter().filter(|figure| figure["measure"] == measure).count();
    let counts = ["t3", "t4", "t5", "t6", "t9", "t11", "t12", "t14"].map(of);
    assert_eq!(counts, [2, 2, 1, 1, 4, 1, 1, 3]);
}

#[test]
fn a_benchmark_that_is_killed_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    // PostgreSQL may run as somebody else.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut program = peer();
    program.env("TMPDIR", folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut program = program.spawn().unwrap();
    let serves = |words: &Vec<String>| words.iter().any(|word| word.ends_with("bank.py"));
    await_that(|| processes_in(folder.path()).iter().any(serves));
    program.kill().unwrap();
    program.wait().unwrap();
    await_that(|| processes_in(folder.path()).is_empty());
}

/// The command lines that name something in this folder.
fn processes_in(folder: &Path) -> Vec<Vec<String>> {
    let folder = folder.to_str().unwrap();
    let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(|process| {
        let line = fs::read(process.path().join("cmdline")).ok()?;
        let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into());
        Some(words.collect::<Vec<String>>())
    });
    lines.filter(|words| words.iter().any(|word| word.contains(folder))).collect()
}

#[track_caller]
fn await_that(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it does not come to hold");
        std::thread::sleep(Duration::from_millis(20));
    }
}
