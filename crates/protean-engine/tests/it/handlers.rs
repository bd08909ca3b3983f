//! Handlers of one server, side by side: a backlog of one, production of another, and one
//! that hangs.

use std::time::Duration;

use protean::message::Priority;
use protean::{Handled, event_handler};
use protean_engine::Server;
use tokio::time::{Instant, sleep};

use crate::harness::{Harness, On};
use crate::tallies::{Add, Added, Fault, Faults, Forwarder, Tally};

/// What one message of the backlog takes its handler.
const TAKES: Duration = Duration::from_millis(40);
/// The numbers of production.
const PRODUCTION: std::ops::Range<i64> = 900..905;

/// Only looks at numbers.
struct Listener(Faults);

#[event_handler(part_of = Tally, start_from = "beginning")]
impl Listener {
    #[handle]
    async fn on_added(&self, event: Added) -> Handled {
        self.0.meet(event.number).await?;
        Ok(())
    }
}

/// A domain with two handlers of the same events, both with slots to share.
struct Pair {
    harness: Harness,
    forwarder: Faults,
    listener: Faults,
}

impl Pair {
    fn new(on: On, server: &str) -> Self {
        let (forwarder, listener) = (Faults::default(), Faults::default());
        let handlers = (Forwarder(forwarder.clone()), Listener(listener.clone()));
        // What hangs is not waited for at the end.
        let soon = |base: String| base.replace("drain_timeout = 5", "drain_timeout = 0.1");
        let rewrite = |base| soon(base).replace("[server]\n", &format!("[server]\n{server}"));
        let register =
            |builder: protean::DomainBuilder| builder.register(handlers.0).register(handlers.1);
        Self { harness: Harness::rewritten(on, rewrite, register), forwarder, listener }
    }

    /// Commits a backlog with which the forwarder takes its time.
    async fn backlog(&self, count: i64) {
        for number in 0..count {
            self.forwarder.plan(-number, Fault::Sleep(TAKES));
            commit(&self.harness, number, Priority::BULK).await;
        }
    }
}

/// Commits an event of a tally of its own.
async fn commit(harness: &Harness, number: i64, priority: Priority) {
    let command = Add { tally: format!("t-{number}").into(), number };
    harness.domain.process(command).priority(priority).synchronous().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn production_of_a_handler_waits_for_no_backfill_of_another() {
    let pair = Pair::new(On::Memory, "concurrency = 4\nreserved = 0\n");
    pair.backlog(120).await;
    for number in PRODUCTION {
        pair.listener.plan(number, Fault::Sleep(TAKES * 5));
    }
    let begun = |number| pair.forwarder.began(number).unwrap();
    let sent = std::cell::Cell::new(None);
    let play = async {
        sleep(TAKES * 5 + TAKES / 2).await;
        sent.set(Some(Instant::now()));
        for number in PRODUCTION {
            commit(&pair.harness, number, Priority::NORMAL).await;
        }
        sleep(TAKES * 20).await;
    };
    Server::new(pair.harness.domain.clone()).run(play).await.unwrap();
    let sent = sent.get().unwrap();
    let waits = Vec::from_iter(
        PRODUCTION.map(|number| pair.listener.began(number).unwrap().duration_since(sent)),
    );
    assert_eq!(waits[0], Duration::ZERO, "each handler has a slot of its own");
    let longest = waits.iter().max().unwrap();
    assert!(*longest <= TAKES, "{longest:?}: more than one running handler of the backlog");
    // While production holds all slots, the backlog goes on with one message at a time.
    let backlog =
        Vec::from_iter(pair.forwarder.calls().into_iter().filter(|number| *number > -120));
    let during = backlog.iter().filter(|number| {
        let since = begun(**number).saturating_duration_since(sent);
        since > TAKES && since < TAKES * 5
    });
    let during = during.count();
    assert!((3..=5).contains(&during), "{during} of the backlog began while production ran");
    pair.harness.drain().await;
    pair.harness.assert_closes().await;
}

#[tokio::test]
async fn on_one_file_a_backlog_leaves_production_of_another_handler_its_slots() {
    let pair = Pair::new(On::Sqlite, "concurrency = 8\nreserved = 2\n");
    pair.backlog(150).await;
    let calls = |faults: &Faults| faults.calls().len();
    let mut behind = Vec::new();
    let play = async {
        while calls(&pair.forwarder) < 20 {
            sleep(Duration::from_millis(2)).await;
        }
        for number in PRODUCTION {
            let before = calls(&pair.forwarder);
            commit(&pair.harness, number, Priority::NORMAL).await;
            while pair.listener.began(number).is_none() {
                sleep(Duration::from_millis(1)).await;
            }
            behind.push(calls(&pair.forwarder) - before);
        }
    };
    Server::new(pair.harness.domain.clone()).run(play).await.unwrap();
    assert!(calls(&pair.forwarder) < 150, "there is a backlog: {behind:?}");
    pair.harness.drain().await;
    pair.harness.assert_closes().await;
}

#[tokio::test]
async fn a_handler_that_hangs_blocks_no_other() {
    let pair = Pair::new(On::Sqlite, "concurrency = 6\nreserved = 1\n");
    // More than all slots of the server, in both lanes.
    for number in 0..20 {
        pair.forwarder.plan(-number, Fault::Sleep(Duration::from_secs(3600)));
        let priority = if number % 2 == 0 { Priority::BULK } else { Priority::NORMAL };
        commit(&pair.harness, number, priority).await;
    }
    let others = [&pair.harness.faults, &pair.listener];
    pair.harness
        .serve_until(async || {
            let stuck = pair.forwarder.calls().len();
            if stuck == 6 && others.iter().all(|faults| faults.calls().len() == 20) {
                pair.harness.add("late", 20, Priority::BULK).await;
                pair.harness.add("later", 21, Priority::NORMAL).await;
            }
            others.iter().all(|faults| faults.calls().len() >= 22)
        })
        .await;
    assert_eq!(pair.forwarder.calls().len(), 6, "it has no more than the server's slots");
    pair.forwarder.mend();
    pair.harness.drain().await;
    pair.harness.assert_closes().await;
}

/// Floods the projector with production, each of which takes it a while, beside some backfill;
/// gives the calls of it that were made until the last message of production began.
async fn projector_under_flood(policy: &str) -> Vec<i64> {
    let config = "[server.priority_lanes]\n";
    let rewrite = |base: String| base.replace(config, &format!("{config}{policy}"));
    let harness = Harness::rewritten(On::Sqlite, rewrite, |builder| builder);
    for number in 0..70 {
        harness.faults.plan(number, Fault::Sleep(Duration::from_millis(10)));
        let priority = if number < 20 { Priority::BULK } else { Priority::NORMAL };
        commit(&harness, number, priority).await;
    }
    let is_over = async || {
        let calls = harness.faults.calls();
        calls.len() - backfill_of(&calls) == 50
    };
    harness.serve_until(is_over).await;
    let calls = harness.faults.calls();
    harness.drain().await;
    harness.assert_closes().await;
    let last = calls.iter().rposition(|number| *number >= 20).unwrap();
    calls[..last].to_vec()
}

fn backfill_of(calls: &[i64]) -> usize {
    calls.iter().filter(|number| **number < 20).count()
}

#[tokio::test]
async fn the_policy_decides_what_a_projector_does_while_production_never_ends() {
    let strict = projector_under_flood("").await;
    assert!(backfill_of(&strict) <= 3, "what began before production was read: {strict:?}");
    let share = projector_under_flood("policy = \"min_share\"\nmin_share = 0.2\n").await;
    let of_backfill = backfill_of(&share);
    assert!((8..=17).contains(&of_backfill), "a fifth of the time: {share:?}");
    let aging = projector_under_flood("policy = \"aging\"\naging_ms = 1\n").await;
    assert!(backfill_of(&aging) >= 19, "they take turns: {aging:?}");
    assert!(aging[..30].windows(3).all(|calls| backfill_of(calls) < 3), "{aging:?}");
}
