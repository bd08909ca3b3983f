//! A server that loses its claims steps down, and another goes on where it was.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use protean::port::Counter;
use protean_engine::Server;

use crate::harness::{Harness, On};
use crate::shared::{fill, is_exact};
use crate::tallies::Fault;
use crate::telemetry::Lines;
use crate::unreliable::Unreliable;
use crate::weather::Weather;

const COUNT: i64 = 400;
const FEW: i64 = 24;
const STANDING_BY: &str = "another process has the claim, standing by";
const GROUPS: [&str; 3] =
    ["harness.TallyCommands", "harness.SumProjector", "harness.NumbersProjector"];

/// Of each group how often this was logged of its claim.
fn of_groups(lines: &Lines, message: &str) -> [usize; 3] {
    GROUPS.map(|group| {
        let claim = format!("claim={group}@");
        lines.with(message).iter().filter(|line| line.contains(&claim)).count()
    })
}

/// Two servers of one domain under load.
struct Pair {
    first: Harness,
    second: Harness,
}

impl Pair {
    async fn new(on: On) -> Self {
        // Each server fails the same messages: a breaker that opens would hold them for a minute.
        let patient = "[server.subscriptions.NumbersProjector]\ncircuit_breaker_threshold = 1000\n";
        let first = Harness::configured(on, patient, |builder| builder);
        let second = first.sibling();
        for harness in [&first, &second] {
            for number in 0..COUNT {
                harness.faults.plan(number, Fault::Sleep(Duration::from_millis(5)));
            }
        }
        fill(&first, COUNT).await;
        Self { first, second }
    }

    async fn handled(&self) -> u64 {
        self.first.numbers().await.count(Counter::Handled)
    }

    async fn until_handled(&self, count: u64) {
        while self.handled().await < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets the first server lead and the second stand by, takes the claims away amid the
    /// work, and does `more` a second later.
    async fn play(&self, more: impl AsyncFn()) {
        let (lines, _logged) = Lines::capture();
        let all = async || self.handled().await == COUNT.cast_unsigned();
        let losing = async {
            while of_groups(&lines, STANDING_BY) != [1; 3] {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            self.first.lose_claims();
            tokio::time::sleep(Duration::from_secs(1)).await;
            more().await;
        };
        // The second server outlives the first, so that no claim is free once more.
        let first_ended = AtomicBool::new(false);
        let first = async {
            self.first.serve_until(all).await;
            first_ended.store(true, Ordering::Relaxed);
        };
        let second = async {
            self.until_handled(20).await;
            self.second.serve_until(async || first_ended.load(Ordering::Relaxed)).await;
        };
        tokio::join!(first, second, losing);
        assert_eq!(of_groups(&lines, "lost the claim, standing by"), [1; 3]);
        assert_eq!(
            of_groups(&lines, STANDING_BY),
            [1; 3],
            "the second server said it at its beginning, the first does not repeat itself"
        );
        assert_eq!(of_groups(&lines, "took over the claim"), [1; 3]);
        self.first.drain().await;
        is_exact(&self.first, COUNT).await;
    }
}

/// Plays with a server that reads the log alone.
async fn the_loser_starts_nothing_and_the_other_goes_on(on: On) {
    let pair = Pair::new(on).await;
    pair.play(async || {
        let started = pair.first.faults.calls().len();
        assert!(pair.handled().await < COUNT.cast_unsigned(), "there is work left");
        pair.until_handled(COUNT.cast_unsigned()).await;
        assert_eq!(pair.first.faults.calls().len(), started, "it has stepped down");
        assert!(!pair.second.faults.calls().is_empty());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn on_postgresql_a_claim_is_lost_with_its_connection() {
    the_loser_starts_nothing_and_the_other_goes_on(On::Postgres).await;
}

#[tokio::test]
async fn on_sqlite_a_claim_is_lost_with_its_lock_file() {
    the_loser_starts_nothing_and_the_other_goes_on(On::Sqlite).await;
}

/// Takes the claims away while handlers run, and has the same server win them again: no process
/// has ended, so no message is charged with that.
async fn a_lost_claim_is_no_crash(on: On) {
    // Few run at once, so that some are noted ahead of their run.
    let few = "[server]\nconcurrency = 4\nreserved = 0\n";
    let harness = Harness::rewritten(on, |base| base.replace("[server]\n", few), |builder| builder);
    for number in 0..FEW {
        harness.faults.plan(number, Fault::Sleep(Duration::from_millis(1200)));
    }
    fill(&harness, FEW).await;
    let (lines, _logged) = Lines::capture();
    let losing = async {
        while harness.faults.calls().len() < 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        harness.lose_claims();
    };
    let handled = async || harness.numbers().await.count(Counter::Handled);
    tokio::join!(harness.serve_until(async || handled().await == FEW.cast_unsigned()), losing);
    assert_eq!(of_groups(&lines, "lost the claim, standing by"), [1; 3]);
    assert_eq!(of_groups(&lines, "took over the claim"), [1; 3]);
    let charged = lines.with("the process ended while this message was handled");
    assert!(charged.is_empty(), "{} messages are charged: {charged:?}", charged.len());
    assert_eq!(harness.faults.calls().len(), usize::try_from(FEW).unwrap(), "each ran once");
    is_exact(&harness, FEW).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: cargo xtask test"]
async fn a_claim_of_the_log_that_is_lost_and_won_again_is_no_crash() {
    a_lost_claim_is_no_crash(On::Postgres).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn a_claim_beside_a_broker_that_is_lost_and_won_again_is_no_crash() {
    a_lost_claim_is_no_crash(On::Production).await;
}

/// Plays with servers that share the work, where some messages have to be retried.
async fn servers_that_share_go_on_and_retries_move_to_the_new_leader(on: On) {
    let pair = Pair::new(on).await;
    for number in (0..COUNT).step_by(9) {
        for harness in [&pair.first, &pair.second] {
            harness.faults.plan(number, Fault::Fail(1));
        }
    }
    pair.play(async || {}).await;
    for harness in [&pair.first, &pair.second] {
        assert!(!harness.faults.calls().is_empty(), "each of them has worked");
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn on_sqlite_servers_that_share_give_up_what_belongs_to_the_claim() {
    servers_that_share_go_on_and_retries_move_to_the_new_leader(On::Streams).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn on_postgresql_servers_that_share_give_up_what_belongs_to_the_claim() {
    servers_that_share_go_on_and_retries_move_to_the_new_leader(On::Production).await;
}

#[tokio::test(start_paused = true)]
async fn in_memory_a_claim_is_lost_when_it_is_revoked_and_can_be_taken_again() {
    let weather = Weather::new(1);
    weather.calm();
    let store = Unreliable::new(&weather);
    let provider = store.clone();
    let harness = Harness::with(On::Memory, |builder| builder.provider(provider));
    for number in 0..COUNT {
        harness.faults.plan(number, Fault::Sleep(Duration::from_millis(5)));
    }
    fill(&harness, COUNT).await;
    let (lines, _logged) = Lines::capture();
    let handled = async || harness.numbers().await.count(Counter::Handled);
    let server = Server::new(harness.domain.clone()).run(async {
        for count in [40, 80, 120] {
            while handled().await < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(store.revoke("harness.NumbersProjector@harness::tally"));
            // What runs may end, and nothing more begins before it asks again.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let started = harness.faults.calls().len();
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(harness.faults.calls().len(), started);
        }
        while handled().await < COUNT.cast_unsigned() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    server.await.unwrap();
    harness.drain().await;
    is_exact(&harness, COUNT).await;
    assert_eq!(of_groups(&lines, "lost the claim, standing by"), [0, 0, 3]);
    assert_eq!(of_groups(&lines, "took over the claim"), [0, 0, 3]);
}
