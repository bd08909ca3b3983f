//! Both ways of processing count alike, because one place counts for both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protean::DomainBuilder;
use protean::message::Priority;
use protean::port::Counter;

use crate::harness::{Harness, On};
use crate::on_every_stack;
use crate::shared::fill;
use crate::tallies::{Add, Fault, Faults, Forwarder};

on_every_stack! {
    both_ways_of_processing_count_alike
    a_synchronous_command_that_fails_counts_nothing
}

/// Everything is processed at once, in the caller's task.
const AT_ONCE: &str = "command_processing = \"sync\"\nevent_processing = \"sync\"\n";

fn synchronous(on: On) -> Harness {
    Harness::rewritten(on, |base| format!("{AT_ONCE}{base}"), |builder| builder)
}

/// The account of each group: its counters, its dead letters, what is parked.
async fn accounts(harness: &Harness) -> BTreeMap<String, (BTreeMap<Counter, u64>, u64, u64)> {
    harness.assert_closes().await;
    let mut accounts = BTreeMap::new();
    for group in harness.domain.groups() {
        let standing = harness.group_status(&group.name).await;
        let (dead, parked) = (standing.dead(), standing.parked());
        accounts.insert(group.name.to_string(), (standing.counts, dead, parked));
    }
    accounts
}

/// Commands of two instances, one of them sent twice under its key, one whose
/// event a projector refuses.
async fn send(harness: &Harness) {
    harness.faults.plan(13, Fault::Reject);
    for (number, tally) in [(1, "a"), (2, "b"), (3, "a"), (3, "a"), (13, "c")] {
        let command = Add { tally: tally.into(), number };
        let sent = harness.domain.process(command).idempotency_key(format!("row-{number}"));
        let ended = sent.priority(Priority::LOW).await;
        assert!(ended.is_ok() || number == 13, "{ended:?}");
    }
}

async fn both_ways_of_processing_count_alike(on: On) {
    let at_once = synchronous(on);
    send(&at_once).await;
    let later = Harness::new(on);
    send(&later).await;
    later.drain().await;
    let found = accounts(&at_once).await;
    let handled = |count| BTreeMap::from([(Counter::Handled, count)]);
    let expected = [
        ("harness.NumbersProjector", (handled(3), 1, 0)),
        ("harness.SumProjector", (handled(4), 0, 0)),
        ("harness.TallyCommands", (handled(4), 0, 0)),
    ];
    assert_eq!(found, expected.map(|(name, account)| (name.to_owned(), account)).into());
    assert_eq!(found, accounts(&later).await);
}

async fn a_synchronous_command_that_fails_counts_nothing(on: On) {
    let harness = synchronous(on);
    let before = accounts(&harness).await;
    let command = Add { tally: "a".into(), number: -1 };
    let refused = harness.domain.process(command).idempotency_key("row").synchronous().await;
    assert!(refused.unwrap_err().is_invalid());
    assert_eq!(accounts(&harness).await, before);
    let command = Add { tally: "a".into(), number: 1 };
    harness.domain.process(command).idempotency_key("row").synchronous().await.unwrap();
}

#[tokio::test]
async fn a_command_that_a_handler_issues_counts_alike() {
    let with = |before: &'static str| {
        let more = |builder: DomainBuilder| builder.register(Forwarder(Faults::default()));
        Harness::rewritten(On::Memory, |base| format!("{before}{base}"), more)
    };
    let (at_once, later) = (with(AT_ONCE), with(""));
    for harness in [&at_once, &later] {
        let command = Add { tally: "a".into(), number: 1 };
        harness.domain.process(command).await.unwrap();
    }
    later.drain().await;
    assert_eq!(accounts(&at_once).await, accounts(&later).await);
}

/// Where counters are written: all that is settled, and what an operator purges.
const COUNTING: [&str; 2] = ["handling/dead_letter.rs", "handling/settle.rs"];

#[test]
fn only_settle_and_dead_letters_write_counters() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    // Adapters apply counts, they make none.
    let makers = ["protean", "protean-cli", "protean-core", "protean-engine"];
    let mut counting = Vec::new();
    for file in makers.iter().flat_map(|maker| sources(&crates.join(maker).join("src"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        if text.lines().any(|line| line.contains("Count {") && !line.contains("struct")) {
            counting.push(file.to_string_lossy().replace('\\', "/"));
        }
    }
    counting.sort();
    assert_eq!(counting.len(), COUNTING.len(), "{counting:?}");
    for (file, expected) in counting.iter().zip(COUNTING) {
        assert!(file.ends_with(expected), "{file} writes counters");
    }
}

/// Every source file below a folder, without those of unit tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.to_string_lossy().ends_with("_tests.rs")
        {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn a_log_with_fewer_messages_than_were_counted_does_not_close() {
    let harness = Harness::new(On::Sqlite);
    fill(&harness, 20).await;
    harness.drain().await;
    let verified = async || protean_engine::verify(&harness.domain).await.unwrap();
    assert!(verified().await.closes);
    harness.run_sql(
        "INSERT INTO message_counts VALUES ('harness::tally', 0, 2, 2), ('harness::tally', 0, 9, 30)",
    );
    let report = verified().await;
    assert_eq!(report.miscounted_categories, ["harness::tally"]);
    assert!(!report.closes);
}
