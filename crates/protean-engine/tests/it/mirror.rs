//! Dead letters stand in the broker as they do in the database, whatever becomes of either.

use protean::message::{DeadLetterEntry, Envelope, Priority};
use protean_engine::DeadLetters;

use crate::tallies::{Bench, Fault, On};

const NUMBERS: &str = "bench.NumbersProjector";
const PRIMARY: &str = "bench::tally:dlq";
const BACKFILL: &str = "bench::tally:backfill:dlq";

/// A bench whose projector refuses 7, with this time between two looks.
fn bench(on: On, tick: &str) -> Bench {
    let config = format!("[outbox]\ntick_interval = {tick}\n");
    let bench = Bench::configured(on, &config, |builder| builder);
    bench.faults.plan(7, Fault::Reject);
    bench
}

fn length(bench: &Bench, stream: &str) -> u64 {
    bench.redis().command(&["XLEN", stream]).trim().parse().unwrap()
}

async fn replay_all(bench: &Bench) -> u64 {
    let groups = bench.domain.groups();
    let group = groups.iter().find(|known| *known.name == *NUMBERS).unwrap();
    DeadLetters::of(&bench.domain, group).await.unwrap().replay_all().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_is_given_up_lies_in_the_dead_letter_stream_of_its_lane() {
    let bench = bench(On::Streams, "0.02");
    bench.add("a", 7, Priority::BULK).await;
    bench.serve_until(async || length(&bench, BACKFILL) == 1).await;
    assert_eq!(length(&bench, PRIMARY), 0);
    let shown = bench.redis().command(&["XRANGE", BACKFILL, "-", "+", "COUNT", "5"]);
    let data = shown.lines().find(|line| line.starts_with('{')).unwrap();
    let letter = DeadLetterEntry::read(data.as_bytes()).unwrap();
    assert_eq!(
        (&*letter.original_stream, &*letter.consumer_group),
        ("bench::tally:backfill", NUMBERS)
    );
    assert_eq!((letter.retry_count, letter.failure_reason.as_deref()), (0, Some("planned")));
    let original = Envelope::read(&letter.original).unwrap();
    assert_eq!((&*original.type_name, original.priority), ("Bench.Added.v1", Priority::BULK));
    assert_eq!(original.data.get(), "{\"tally\":\"a\",\"number\":7}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn what_runs_again_leaves_the_stream_and_what_is_of_others_stays() {
    let bench = bench(On::Production, "0.02");
    bench.redis().command(&["XADD", PRIMARY, "*", "data", "of another program"]);
    bench.add("a", 7, Priority::NORMAL).await;
    bench.add("b", 7, Priority::NORMAL).await;
    bench.serve_until(async || length(&bench, PRIMARY) == 3).await;
    bench.serve_until(async || bench.numbers().await.dead() == 2).await;
    assert_eq!(length(&bench, PRIMARY), 3, "who begins anew repeats nothing");
    bench.faults.mend();
    assert_eq!(replay_all(&bench).await, 2);
    bench.serve_until(async || length(&bench, PRIMARY) == 1).await;
    assert!(bench.redis().command(&["XRANGE", PRIMARY, "-", "+"]).contains("of another program"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_crash_between_the_commit_and_its_entry_loses_nothing() {
    // Nobody looks between the first moment and the crash.
    let bench = bench(On::Streams, "60");
    bench.add("a", 7, Priority::NORMAL).await;
    bench.serve_and_die(async || bench.numbers().await.dead() == 1).await;
    assert_eq!(length(&bench, PRIMARY), 0, "the crash came before the entry");
    bench.serve_until(async || length(&bench, PRIMARY) == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_broker_that_has_lost_them_is_given_them_again() {
    let bench = bench(On::Streams, "0.02");
    bench.add("a", 7, Priority::NORMAL).await;
    let lost = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    bench
        .serve_until(async || {
            let there = length(&bench, PRIMARY) == 1;
            if there && !lost.swap(true, order) {
                bench.redis().command(&["FLUSHALL"]);
                bench.add("b", 1, Priority::NORMAL).await;
                return false;
            }
            there
        })
        .await;
    assert_eq!(length(&bench, PRIMARY), 1);
}
