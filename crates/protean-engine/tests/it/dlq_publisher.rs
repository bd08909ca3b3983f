//! Dead letters stand in the broker as they do in the database, whatever becomes of either.

use protean::message::{DeadLetterEntry, Envelope, Priority};
use protean_engine::DeadLetters;

use crate::harness::{Harness, On};
use crate::tallies::Fault;

const NUMBERS: &str = "harness.NumbersProjector";
const PRIMARY: &str = "harness::tally:dlq";
const BACKFILL: &str = "harness::tally:backfill:dlq";

/// A harness whose projector refuses 7, with this time between two looks.
fn harness(on: On, tick: &str) -> Harness {
    let config = format!("[outbox]\ntick_interval = {tick}\n");
    let harness = Harness::configured(on, &config, |builder| builder);
    harness.faults.plan(7, Fault::Reject);
    harness
}

fn length(harness: &Harness, stream: &str) -> u64 {
    harness.redis().command(&["XLEN", stream]).trim().parse().unwrap()
}

async fn replay_all(harness: &Harness) -> u64 {
    let groups = harness.domain.groups();
    let group = groups.iter().find(|known| *known.name == *NUMBERS).unwrap();
    DeadLetters::of(&harness.domain, group).await.unwrap().replay_all().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_is_given_up_lies_in_the_dead_letter_stream_of_its_lane() {
    let harness = harness(On::Streams, "0.02");
    harness.add("a", 7, Priority::BULK).await;
    harness.serve_until(async || length(&harness, BACKFILL) == 1).await;
    assert_eq!(length(&harness, PRIMARY), 0);
    let shown = harness.redis().command(&["XRANGE", BACKFILL, "-", "+", "COUNT", "5"]);
    let data = shown.lines().find(|line| line.starts_with('{')).unwrap();
    let letter = DeadLetterEntry::read(data.as_bytes()).unwrap();
    assert_eq!(
        (&*letter.original_stream, &*letter.consumer_group),
        ("harness::tally:backfill", NUMBERS)
    );
    assert_eq!((letter.retry_count, letter.failure_reason.as_deref()), (0, Some("planned")));
    let original = Envelope::read(&letter.original).unwrap();
    assert_eq!((&*original.type_name, original.priority), ("Harness.Added.v1", Priority::BULK));
    assert_eq!(original.data.get(), "{\"tally\":\"a\",\"number\":7}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn what_runs_again_leaves_the_stream_and_what_is_of_others_stays() {
    let harness = harness(On::Production, "0.02");
    harness.redis().command(&["XADD", PRIMARY, "*", "data", "of another program"]);
    harness.add("a", 7, Priority::NORMAL).await;
    harness.add("b", 7, Priority::NORMAL).await;
    harness.serve_until(async || length(&harness, PRIMARY) == 3).await;
    harness.serve_until(async || harness.numbers().await.dead() == 2).await;
    assert_eq!(length(&harness, PRIMARY), 3, "who begins anew repeats nothing");
    harness.faults.mend();
    assert_eq!(replay_all(&harness).await, 2);
    harness.serve_until(async || length(&harness, PRIMARY) == 1).await;
    assert!(harness.redis().command(&["XRANGE", PRIMARY, "-", "+"]).contains("of another program"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_crash_between_the_commit_and_its_entry_loses_nothing() {
    // Nobody looks between the first moment and the crash.
    let harness = harness(On::Streams, "60");
    harness.add("a", 7, Priority::NORMAL).await;
    harness.serve_and_die(async || harness.numbers().await.dead() == 1).await;
    assert_eq!(length(&harness, PRIMARY), 0, "the crash came before the entry");
    harness.serve_until(async || length(&harness, PRIMARY) == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_broker_that_has_lost_them_is_given_them_again() {
    let harness = harness(On::Streams, "0.02");
    harness.add("a", 7, Priority::NORMAL).await;
    let lost = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    harness
        .serve_until(async || {
            let there = length(&harness, PRIMARY) == 1;
            if there && !lost.swap(true, order) {
                harness.redis().command(&["FLUSHALL"]);
                harness.add("b", 1, Priority::NORMAL).await;
                return false;
            }
            there
        })
        .await;
    assert_eq!(length(&harness, PRIMARY), 1);
}
