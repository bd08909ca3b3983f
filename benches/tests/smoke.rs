//! Every measure runs and reports its fields. The figures are not judged here.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::process::{Command, Stdio};

use serde_json::Value;

/// The rows of a measure, each checked for its fields.
fn rows_of(name: &str) -> Vec<Value> {
    rows_with(name, &["--on", "file"])
}

/// The same on private servers.
fn rows_on_servers(name: &str) -> Vec<Value> {
    rows_with(name, &["--on", "servers"])
}

fn rows_with(name: &str, args: &[&str]) -> Vec<Value> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protean-benches"));
    let program = program.arg(name).args(args).args(["--quick", "--json"]).stdin(Stdio::null());
    let output = program.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for field in ["protean", "build", "sqlite", "durability", "kernel", "cores"] {
        assert!(!report["machine"][field].is_null(), "{name}: no {field}");
    }
    let sheet = &report["measures"][0];
    assert_eq!(sheet["name"], name);
    let notes = sheet["notes"].to_string();
    for durable in ["fsync on, synchronous_commit on", "appendonly yes, appendfsync everysec"] {
        assert_eq!(notes.contains(durable), args.contains(&"servers"), "{name}: {notes}");
    }
    let rows = sheet["rows"].as_array().unwrap().clone();
    for row in &rows {
        let rounds = row["rounds_ours"].as_array().unwrap();
        assert!(row["ours"].is_number() && !rounds.is_empty(), "{name}: {row}");
        let limit = ["what", "unit", "limit", "ratio", "target", "met", "rounds_limit", "more"];
        for field in
            limit.iter().chain(&["peer", "ratio_peer", "target_peer", "met_peer", "rounds_peer"])
        {
            assert!(row.get(field).is_some(), "{name}: no {field} in {row}");
        }
    }
    rows
}

fn count_with_limit(rows: &[Value]) -> usize {
    rows.iter().filter(|row| row["limit"].is_number()).count()
}

#[test]
fn sync_command_times_a_command_in_memory() {
    assert_eq!(count_with_limit(&rows_of("sync-command")), 2);
}

#[test]
fn bulk_latency_times_customers_in_every_phase_and_setting() {
    let rows = rows_of("bulk-latency");
    let cases = rows.iter().filter(|row| row["more"]["p99.9"].is_number()).count();
    // Seven phases without a pause and five with one; in each, three settings.
    assert_eq!(cases, 3 * (7 + 5 + 5));
    // Two percentiles in all phases but the first, and one row for the settings of a phase.
    assert_eq!(count_with_limit(&rows), 2 * 3 * (6 + 4 + 4) + (7 + 5 + 5));
}

/// Draws a small migration; each way has its curves, and its percentiles in the report.
fn draws_a_migration(on: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plot.svg");
    let args = ["--on", on, "--rate", "20", "--backlog", "300", "--plot", file.to_str().unwrap()];
    let rows = rows_with("bulk-latency", &args);
    // Three ways, each with two percentiles before, during and after; the first is the limit.
    assert_eq!((rows.len(), count_with_limit(&rows)), (18, 12));
    let moved = rows.iter().filter(|row| row["more"]["bulk/s"].is_number()).count();
    assert_eq!(moved, 3);
    let svg = std::fs::read_to_string(file).unwrap();
    for name in [">Lanes on<", ">Lanes off<", ">Paced, target "] {
        assert!(svg.contains(name), "no {name} in\n{svg}");
    }
    for class in ["p50", "p99"] {
        let curves = svg.matches(&format!("class=\"curve {class}\" d=\"M")).count();
        assert_eq!(curves, 1 + 3, "one is in the legend:\n{svg}");
    }
    assert_eq!(svg.matches("300 accounts migrated in ").count(), 3, "{svg}");
}

#[test]
fn bulk_latency_draws_a_migration() {
    draws_a_migration("file");
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn bulk_latency_draws_a_migration_through_both_servers() {
    draws_a_migration("servers");
}

#[test]
fn wake_up_times_the_hops_between_and_within_processes() {
    assert_eq!(count_with_limit(&rows_of("wake-up")), 8);
}

#[test]
fn long_stream_times_short_and_long_histories_with_and_without_snapshots() {
    assert_eq!(count_with_limit(&rows_of("long-stream")), 2 * (4 * 2 + 1));
}

#[test]
fn backlog_memory_reports_the_peak_of_a_server() {
    assert_eq!(count_with_limit(&rows_of("backlog-memory")), 1);
}

#[test]
fn embedded_pipeline_reports_rates_and_disk_use() {
    assert_eq!(count_with_limit(&rows_of("embedded-pipeline")), 6);
}

#[test]
fn rebuild_times_customers_beside_a_rebuild_that_is_killed_once() {
    let rows = rows_with("rebuild", &["--on", "file", "--rate", "20"]);
    assert_eq!((rows.len(), count_with_limit(&rows)), (7, 4));
}

#[test]
fn viewers_times_customers_while_others_look() {
    assert_eq!(count_with_limit(&rows_of("viewers")), 2);
}

#[test]
fn startup_times_the_start_of_a_server() {
    let rows = rows_of("startup");
    assert_eq!((rows.len(), count_with_limit(&rows)), (4, 2));
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn commit_one_times_single_commands_against_the_same_rows_by_hand() {
    let rows = rows_on_servers("commit-one");
    assert_eq!(count_with_limit(&rows), 2);
    assert!(rows.iter().all(|row| row["more"]["commands a transaction"] == 1.0), "{rows:?}");
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn commit_many_times_commands_that_share_a_transaction() {
    let rows = rows_on_servers("commit-many");
    assert_eq!(count_with_limit(&rows), 2);
    let batch = |row: &Value| row["more"]["commands a transaction"].as_f64().unwrap();
    assert!(rows.iter().all(|row| batch(row) > 1.0), "{rows:?}");
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn relay_times_the_relay_against_a_bare_loop() {
    assert_eq!(count_with_limit(&rows_on_servers("relay")), 1);
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn projector_times_a_projector_against_the_same_rows_by_hand() {
    assert_eq!(count_with_limit(&rows_on_servers("projector")), 1);
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn bulk_latency_times_customers_through_both_servers_and_two_workers() {
    let only = ["--on", "servers", "--handler", "0", "--batch", "100", "--workers", "2"];
    let rows = rows_with("bulk-latency", &[&only[..], &["--large-wal"]].concat());
    assert_eq!((rows.len(), count_with_limit(&rows)), (14, 12));
    let moved = rows.iter().filter(|row| row["more"]["bulk/s"].is_number()).count();
    assert_eq!(moved, 5);
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn wake_up_times_the_hops_through_both_servers() {
    assert_eq!(count_with_limit(&rows_on_servers("wake-up")), 2);
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn hop_budget_times_each_hop_and_their_sum() {
    let rows = rows_on_servers("hop-budget");
    assert_eq!((rows.len(), count_with_limit(&rows)), (27, 27));
    let micros = |at: usize| rows[at]["ours"].as_f64().unwrap();
    for sum in [5, 14, 23] {
        assert!((sum - 5..sum).all(|hop| micros(hop) < micros(sum)), "{rows:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn message_counts_compares_two_rates() {
    let rows = rows_on_servers("message-counts");
    assert_eq!((rows.len(), count_with_limit(&rows)), (10, 10));
    let in_all = rows.iter().filter(|row| row["more"]["at 160/s"].is_number()).count();
    assert_eq!(in_all, 10);
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn backlog_memory_reports_the_peak_of_a_server_on_servers() {
    assert_eq!(count_with_limit(&rows_on_servers("backlog-memory")), 1);
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn pipeline_times_the_pipeline_with_few_and_with_many_commands() {
    // On servers, each row has a limit, and three more are beside customers.
    for (on, counts) in [("file", (5, 1)), ("servers", (8, 8))] {
        let rows = rows_with("pipeline", &["--on", on, "--backlog", "1000"]);
        assert_eq!((rows.len(), count_with_limit(&rows)), counts, "{on}");
    }
}

#[test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
fn startup_times_the_start_and_the_idle_cost_of_all_servers() {
    let rows = rows_on_servers("startup");
    assert_eq!((rows.len(), count_with_limit(&rows)), (7, 4));
}

#[test]
fn a_measure_says_where_it_can_run() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protean-benches"));
    let output = program.args(["commit-one", "--on", "file", "--quick"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("--on servers"), "{stderr}");
}
