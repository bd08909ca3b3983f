//! Every measure runs and reports its fields. No figure is judged here.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::process::{Command, Stdio};

use serde_json::Value;

/// The rows of a measure, each with all its fields.
fn rows_of(name: &str) -> Vec<Value> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protean-benches"));
    let program = program.args([name, "--quick", "--json"]).stdin(Stdio::null());
    let output = program.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for field in ["protean", "build", "sqlite", "durability", "kernel", "cores"] {
        assert!(!report["machine"][field].is_null(), "{name}: no {field}");
    }
    let sheet = &report["measures"][0];
    assert_eq!(sheet["name"], name);
    let rows = sheet["rows"].as_array().unwrap().clone();
    for row in &rows {
        let rounds = row["rounds_ours"].as_array().unwrap();
        assert!(row["ours"].is_number() && !rounds.is_empty(), "{name}: {row}");
        for field in ["what", "unit", "limit", "ratio", "target", "met", "rounds_limit", "more"] {
            assert!(row.get(field).is_some(), "{name}: no {field} in {row}");
        }
    }
    rows
}

fn count_with_limit(rows: &[Value]) -> usize {
    rows.iter().filter(|row| row["limit"].is_number()).count()
}

#[test]
fn t0_times_a_command_in_memory() {
    assert_eq!(count_with_limit(&rows_of("t0")), 2);
}

#[test]
fn t7_times_customers_in_every_phase_and_setting() {
    let rows = rows_of("t7");
    let cases = rows.iter().filter(|row| row["more"]["p99.9"].is_number()).count();
    // Three phases, two handlers, three settings; a third of them is the idle one.
    assert_eq!((cases, count_with_limit(&rows)), (18, 12 + 6));
}

#[test]
fn t9_times_the_hops_between_and_within_processes() {
    assert_eq!(count_with_limit(&rows_of("t9")), 8);
}

#[test]
fn t10_times_short_and_long_histories_with_and_without_snapshots() {
    assert_eq!(count_with_limit(&rows_of("t10")), 2 * (4 * 2 + 1));
}

#[test]
fn t11_weighs_a_server_with_a_backlog() {
    assert_eq!(count_with_limit(&rows_of("t11")), 1);
}

#[test]
fn t13_times_the_pipeline_and_weighs_its_rows() {
    assert_eq!(count_with_limit(&rows_of("t13")), 6);
}

#[test]
fn t14_times_the_start_of_a_server() {
    let rows = rows_of("t14");
    assert_eq!((rows.len(), count_with_limit(&rows)), (4, 2));
}
