//! How long production waits beside backfill, in simulated time, so that it is
//! exact: a handler takes as long as it sleeps, and everything else no time.

use std::time::Duration;

use protean::message::Priority;
use protean_engine::Server;
use tokio::time::{Instant, sleep};

use crate::harness::{Harness, On, counts};
use crate::tallies::{Add, Fault, Faults, Forwarder};
use crate::unreliable::Unreliable;
use crate::weather::Weather;

/// What one backfill message takes its handlers.
const TAKES: Duration = Duration::from_millis(10);
/// The numbers of production; below 1000, so that the forwarder takes them.
const PRODUCTION: std::ops::Range<i64> = 900..930;

/// Two handlers of the same events: a projector, which takes one at a time,
/// and an event handler with slots to spare.
struct Beside {
    harness: Harness,
    forwarder: Faults,
}

impl Beside {
    /// Backfill events, with which the projector and the forwarder do this.
    async fn new(count: i64, config: &str, (one, other): (Fault, Fault)) -> Self {
        let forwarder = Faults::default();
        let registered = Forwarder(forwarder.clone());
        let harness =
            Harness::configured(On::Memory, config, |builder| builder.register(registered));
        for number in 0..count {
            harness.faults.plan(number, one.clone());
            forwarder.plan(-number, other.clone());
            commit(&harness, number, Priority::BULK).await;
        }
        Self { harness, forwarder }
    }

    /// How often the projector was called for a number of the backfill.
    fn begun(&self, count: i64) -> usize {
        self.harness.faults.calls().iter().filter(|number| **number < count).count()
    }

    /// Commits a production event now and then, each at another moment of the
    /// handlers that run, and gives the longest waits for the two of them.
    async fn waits(&self) -> (Duration, Duration) {
        let mut sent = Vec::new();
        let mut longest = (Duration::ZERO, Duration::ZERO);
        let play = async {
            for number in PRODUCTION {
                sleep(Duration::from_micros(23_700)).await;
                sent.push((number, Instant::now()));
                commit(&self.harness, number, Priority::NORMAL).await;
            }
            sleep(TAKES * 2).await;
        };
        Server::new(self.harness.domain.clone()).run(play).await.unwrap();
        for (number, at) in sent {
            let waited = |faults: &Faults, number| faults.began(number).unwrap().duration_since(at);
            longest.0 = longest.0.max(waited(&self.harness.faults, number));
            longest.1 = longest.1.max(waited(&self.forwarder, -number));
        }
        longest
    }
}

/// Commits an event of a tally of its own.
async fn commit(harness: &Harness, number: i64, priority: Priority) {
    commit_to(&format!("t-{number}"), harness, number, priority).await;
}

async fn commit_to(tally: &str, harness: &Harness, number: i64, priority: Priority) {
    let command = Add { tally: tally.into(), number };
    harness.domain.process(command).priority(priority).synchronous().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn production_waits_for_no_turn_of_bulk_work_in_its_own_stream() {
    let weather = Weather::new(1);
    weather.calm();
    let store = Unreliable::new(&weather);
    let harness = Harness::with(On::Memory, |builder| builder.provider(store));
    harness.faults.plan(0, Fault::Sleep(TAKES));
    commit_to("t", &harness, 0, Priority::BULK).await;
    let play = async {
        while harness.faults.began(0).is_none() {
            sleep(TAKES / 10).await;
        }
        // Before the handler of 0 has ended, the turn of bulk work is taken by reads for
        // another tally, so the commit for 0 waits for it.
        weather.freeze_bulk(true);
        commit(&harness, 1, Priority::BULK).await;
        sleep(TAKES * 2).await;
        commit_to("t", &harness, 2, Priority::NORMAL).await;
        sleep(TAKES * 5).await;
        assert_eq!(harness.seen("t").await, [0, 2]);
        weather.freeze_bulk(false);
    };
    Server::new(harness.domain.clone()).run(play).await.unwrap();
    let calls = harness.faults.calls();
    assert_eq!(calls[..2], [0, 2], "each runs once");
}

#[tokio::test(start_paused = true)]
async fn production_passes_a_bulk_handler_that_waits_for_its_turn() {
    let weather = Weather::new(1);
    weather.still();
    let store = Unreliable::new(&weather);
    let harness = Harness::with(On::Memory, |builder| builder.provider(store));
    harness.faults.plan(900, Fault::Sleep(TAKES));
    let play = async {
        // So many that only compute that the next ones need turns.
        for number in 0..100 {
            commit(&harness, number, Priority::BULK).await;
        }
        sleep(TAKES * 20).await;
        assert_eq!(harness.faults.calls().len(), 100);
        // Production has the projector's one slot while more arrives, and a read has the turn.
        commit(&harness, 900, Priority::NORMAL).await;
        commit(&harness, 100, Priority::BULK).await;
        sleep(TAKES / 5).await;
        weather.freeze_bulk(true);
        commit(&harness, 101, Priority::BULK).await;
        sleep(TAKES).await;
        assert!(harness.faults.began(100).is_none(), "it has the slot and waits for its turn");
        let sent = Instant::now();
        commit(&harness, 901, Priority::NORMAL).await;
        sleep(TAKES / 5).await;
        let began = harness.faults.began(901).expect("it waits for a turn of bulk work");
        assert_eq!(began - sent, Duration::ZERO);
        weather.freeze_bulk(false);
        sleep(TAKES * 20).await;
    };
    Server::new(harness.domain.clone()).run(play).await.unwrap();
    assert_eq!(harness.faults.calls()[100..], [900, 100, 901, 101]);
}

#[tokio::test(start_paused = true)]
async fn production_waits_for_one_running_handler_and_with_a_free_slot_for_none() {
    let slow = || Fault::Sleep(TAKES);
    let beside = Beside::new(100, "", (slow(), slow())).await;
    let (sequential, concurrent) = beside.waits().await;
    assert!(sequential <= TAKES, "waited {sequential:?} of at most {TAKES:?}");
    assert!(sequential > Duration::ZERO, "the one slot was taken now and then");
    assert_eq!(concurrent, Duration::ZERO, "there was a free slot");
    let begun = beside.begun(100);
    assert!((50..100).contains(&begun), "backfill was at work all the time: {begun} have begun");
    beside.harness.drain().await;
    beside.harness.assert_closes().await;
}

#[tokio::test(start_paused = true)]
async fn poison_of_the_backfill_lane_does_not_slow_production() {
    for threshold in [3, 1_000_000] {
        let config = format!(
            "[server.subscriptions.NumbersProjector]\ncircuit_breaker_threshold = {threshold}\n"
        );
        let poison = Fault::FailAfter(TAKES);
        let beside = Beside::new(200, &config, (poison, Fault::Sleep(TAKES))).await;
        let (sequential, concurrent) = beside.waits().await;
        assert!(sequential <= TAKES, "{threshold}: waited {sequential:?} of at most {TAKES:?}");
        assert_eq!(concurrent, Duration::ZERO, "{threshold}: there was a free slot");
        for number in PRODUCTION {
            assert_eq!(beside.harness.seen(&format!("t-{number}")).await, [number]);
        }
        let failed = beside.begun(200);
        assert!(threshold > 3 || failed == 3, "{failed} calls: the breaker of the lane opens");
        let forwarder = counts(&beside.harness.group_status("harness.Forwarder").await).0;
        assert_eq!(forwarder, 2 * 230, "the other handler takes all of it, and its own copies");
        beside.harness.assert_closes().await;
    }
}
