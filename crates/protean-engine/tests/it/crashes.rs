//! The process ends at one step of its work: nothing is half-done, and the next
//! process does the rest, once.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use protean::Domain;
use protean::message::{Category, Priority};
use protean::port::Counter;
use protean_engine::Server;
use protean_test_servers::RedisServer;
use tempfile::TempDir;

use crate::child::{configured, file, serve_to_rest, spawn};
use crate::harness::WAIT_LIMIT;
use crate::shared::entries_added;
use crate::tallies::{Add, Fault, Faults, Forwarder, Numbers, Sum};

/// Names a step, and how often it is reached before the process ends there.
const CRASH: &str = "PROTEAN_TEST_CRASH";
/// What that process has in its settings beside the usual.
const BROKERS: &str = "PROTEAN_TEST_BROKERS";
const CRASHING: &str = "crashes::a_server_that_ends_at_a_step";
const TALLIES: i64 = 6;
const NUMBERS: i64 = 24;
/// Enough for an entry to stand for several messages.
const BULK_NUMBERS: i64 = 600;

fn domain(file: &Path, faults: &Faults, brokers: &str) -> Domain {
    let builder = configured(file, faults, brokers);
    builder.register(Forwarder(Faults::default())).build().unwrap()
}

/// The process that is to end: serves to rest, unless it gets to its step before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_at_a_step() {
    let (Some(file), Ok(crash)) = (file(), std::env::var(CRASH)) else { return };
    let (step, times) = crash.split_once(':').unwrap();
    let left = AtomicU32::new(times.parse().unwrap());
    let end = move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    };
    fail::cfg_callback(step, end).unwrap();
    let faults = Faults::default();
    // Some are parked for another try.
    (0..NUMBERS).step_by(5).for_each(|number| faults.plan(number, Fault::Fail(1)));
    let brokers = std::env::var(BROKERS).unwrap();
    serve_to_rest(&domain(&file, &faults, &brokers)).await.unwrap();
}

/// What each row holds is what its group has counted, in the same transaction.
async fn assert_nothing_half_done(domain: &Domain, text: &str) {
    let report = protean_engine::verify(domain).await.unwrap();
    assert!(report.closes, "{text}: {report:?}");
    let store = domain.store().await.unwrap();
    let handled = async |name: &str| {
        let groups = domain.groups();
        let group = groups.iter().find(|group| group.handler == name).unwrap();
        let standing = store.group_status(&group.name, &group.category).await.unwrap();
        standing.count(Counter::Handled)
    };
    let rows = domain.repository::<Numbers>().await.unwrap().query().all().await.unwrap();
    let seen: usize = rows.iter().map(|row| row.seen.len()).sum();
    assert_eq!(seen as u64, handled("NumbersProjector").await, "{text}");
    let mut events = 0;
    for tally in 0..TALLIES {
        for name in [format!("t-{tally}"), format!("copy-of-t-{tally}")] {
            let stream = Category::of(domain.name(), "Tally").stream(&name.into());
            events += store.stream(&stream, 0, 1000).await.unwrap().len();
        }
    }
    assert_eq!(events as u64, handled("TallyCommandHandler").await, "{text}");
}

/// Every one of so many numbers is there once, and so is its copy.
async fn assert_all_done(domain: &Domain, numbers: i64, text: &str) {
    let report = protean_engine::verify(domain).await.unwrap();
    assert!(report.closes && report.at_rest, "{text}: {report:?}");
    assert!(report.groups.iter().all(|group| group.dead == 0), "{text}: {report:?}");
    let rows = domain.repository::<Numbers>().await.unwrap();
    for tally in 0..TALLIES {
        let mut expected: Vec<i64> = (tally..numbers).step_by(TALLIES as usize).collect();
        let row = rows.get(&format!("t-{tally}").into()).await.unwrap();
        assert_eq!(sorted(row.seen), expected, "{text}");
        expected.iter_mut().for_each(|number| *number += 1000);
        let copy = rows.get(&format!("copy-of-t-{tally}").into()).await.unwrap();
        assert_eq!(sorted(copy.seen), expected, "{text}");
    }
    let sums = domain.repository::<Sum>().await.unwrap();
    let sum = (0..numbers).map(|number| 2 * number + 1000).sum::<i64>();
    assert_eq!(sums.get(&"all".into()).await.unwrap().sum, sum, "{text}");
}

fn sorted(mut numbers: Vec<i64>) -> Vec<i64> {
    numbers.sort_unstable();
    numbers
}

/// Servers that end at these steps one after the other, then one that does not.
async fn ends_at(steps: &[&str]) {
    Load::of_both_lanes("").crashed(steps).await;
}

/// What there is to do while servers end.
struct Load {
    numbers: i64,
    priority: fn(i64) -> Priority,
    brokers: String,
}

impl Load {
    fn of_both_lanes(brokers: &str) -> Self {
        let priority = |number| if number % 2 == 0 { Priority::NORMAL } else { Priority::BULK };
        Self { numbers: NUMBERS, priority, brokers: brokers.into() }
    }

    /// Servers that end at these steps one after the other, then one that does all of it.
    async fn crashed(&self, steps: &[&str]) -> (TempDir, Domain) {
        let Load { numbers, priority, brokers } = self;
        let text = steps.join(", then ");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("harness.db");
        let domain = domain(&file, &Faults::default(), brokers);
        for number in 0..*numbers {
            let command = Add { tally: format!("t-{}", number % TALLIES).into(), number };
            domain.process(command).priority(priority(number)).asynchronous().await.unwrap();
        }
        for step in steps {
            let ended =
                spawn(CRASHING, &file, &[(CRASH, step), (BROKERS, brokers)]).0.wait().unwrap();
            assert!(!ended.success(), "{text}: it never got to {step}");
            assert_nothing_half_done(&domain, &text).await;
        }
        serve_to_rest(&domain).await.unwrap();
        assert_nothing_half_done(&domain, &text).await;
        assert_all_done(&domain, *numbers, &text).await;
        (folder, domain)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_of_a_unit_of_work_leaves_nothing_half_done() {
    for step in [
        "before BEGIN",
        "after the appends",
        "after the rows",
        "before the counters",
        "before COMMIT",
        "after COMMIT",
        "after the reply",
    ] {
        for times in [1, 5] {
            ends_at(&[&format!("{step}:{times}")]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_of_a_delivery_leaves_nothing_half_done() {
    for step in [
        "before the handler:1",
        "before the handler:30",
        "after the handler:1",
        "after the handler:30",
        "before a parked message:1",
        "before what is durable is taken in:1",
        "before what is durable is taken in:4",
    ] {
        ends_at(&[step]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_the_last_one_is_cleared_up_leaves_nothing_half_done() {
    for step in
        ["after what was left is parked:1", "after a suspect is charged:1", "before COMMIT:1"]
    {
        ends_at(&["after the handler:7", step]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_one_aggregate_keep_their_order_across_crashes() {
    for steps in [
        &["before COMMIT:1"][..],
        &["before COMMIT:2"],
        &["before COMMIT:3"],
        &["after the handler:9"],
        &["after the handler:14", "after a suspect is charged:1"],
        &["before COMMIT:2", "after a suspect is charged:1", "before COMMIT:2"],
    ] {
        let load = Load { priority: |_| Priority::NORMAL, ..Load::of_both_lanes("") };
        let (_folder, domain) = load.crashed(steps).await;
        let rows = domain.repository::<Numbers>().await.unwrap();
        for tally in 0..TALLIES {
            let row = rows.get(&format!("t-{tally}").into()).await.unwrap();
            assert!(row.seen.is_sorted(), "{steps:?}: {:?}", row.seen);
        }
    }
}

/// The same for messages that travel in streams; nothing is left in any of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_crash_at_any_step_of_the_relay_or_of_a_streams_reader_leaves_nothing_half_done() {
    for steps in [
        &["before a page is published:1"][..],
        &["before a page is published:3"],
        &["before a page is settled:1"],
        &["before a page is settled:3", "before a page is settled:1"],
        &["after a page is settled:1"],
        &["after a page is settled:4"],
        &["after entries are read:1"],
        &["after entries are read:4", "after entries are read:6"],
        &["before the handler:9"],
        &["after the handler:20"],
        &["before COMMIT:5"],
        &["after COMMIT:7"],
        &["before handled entries are settled:1"],
        &["before handled entries are settled:4", "after handled entries are settled:2"],
    ] {
        let redis = RedisServer::start("");
        let (_folder, domain) = Load::of_both_lanes(&brokers(&redis)).crashed(steps).await;
        assert_empties(&redis, domain, steps).await;
    }
}

/// Entries that stand for many messages each, of which a part is settled when the server ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_crash_amid_an_entry_of_many_messages_leaves_nothing_half_done() {
    for steps in [
        &["before a page is published:3"][..],
        &["before a page is settled:2"],
        &["after entries are read:2", "after entries are read:5"],
        &["after the handler:150"],
        &["before COMMIT:6", "before COMMIT:9"],
        &["after COMMIT:9"],
        &["before what is durable is taken in:5"],
        &["before handled entries are settled:2", "after handled entries are settled:4"],
    ] {
        let redis = RedisServer::start("");
        let brokers = brokers(&redis);
        let load = Load { numbers: BULK_NUMBERS, priority: |_| Priority::BULK, brokers };
        let (_folder, domain) = load.crashed(steps).await;
        let added = entries_added(&redis);
        // Each number is a command and an event, twice, since it is copied.
        assert!(added < 2 * BULK_NUMBERS, "{added} entries: they have a message each");
        assert_empties(&redis, domain, steps).await;
    }
}

fn brokers(redis: &RedisServer) -> String {
    format!(
        "[server.stream_subscription]\nmax_retries = 2\nretry_delay_seconds = 0.2\n\
         [brokers.default]\nprovider = \"redis\"\nURI = '{}'\n",
        redis.uri()
    )
}

/// The streams of a domain that is served become empty.
async fn assert_empties(redis: &RedisServer, domain: Domain, steps: &[&str]) {
    let emptied = Server::new(domain).run(async {
        while !is_empty(redis) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let emptied = tokio::time::timeout(WAIT_LIMIT, emptied).await;
    emptied.unwrap_or_else(|_| panic!("{steps:?}: entries are left")).unwrap();
}

/// True when there is no entry in any stream of ours.
fn is_empty(redis: &RedisServer) -> bool {
    let keys = redis.command(&["KEYS", "harness::*"]);
    keys.lines().all(|stream| redis.command(&["XLEN", stream]) == "0")
}
