//! Pages of the relay that do not wait for each other: of two lanes, and of one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protean::message::Priority;
use protean_engine::Relay;
use tokio_util::sync::CancellationToken;

use crate::exchange::{BACKFILL, Exchange, PRIMARY, until};
use crate::harness::{Harness, On};
use crate::unreliable::Unreliable;
use crate::weather::Weather;

/// A relay whose store is behind the weather.
struct WeatheredRelay {
    exchange: Exchange,
    harness: Harness,
    relay: Relay,
    weather: Arc<Weather>,
    stop: CancellationToken,
}

impl WeatheredRelay {
    async fn new() -> Self {
        Self::of(Exchange::new().await)
    }

    /// One that looks after its broker when it begins, and then not again.
    async fn that_publishes() -> Self {
        let mut exchange = Exchange::new().await;
        exchange.plan.outbox.tick_interval = Duration::from_secs(3600);
        Self::of(exchange)
    }

    fn of(exchange: Exchange) -> Self {
        let weather = Weather::new(1);
        weather.calm();
        let store = Unreliable::new(&weather);
        let provider = store.clone();
        let harness = Harness::with(On::Memory, |builder| builder.provider(provider));
        let (domain, broker) = (harness.domain.clone(), Arc::clone(&exchange.broker));
        let relay = Relay::new(domain, Arc::new(store), broker, exchange.plan.clone());
        Self { exchange, harness, relay, weather, stop: CancellationToken::new() }
    }

    /// Runs the relay until `playing` has ended.
    async fn run(&self, playing: impl Future<Output = ()>) {
        let stopping = async {
            playing.await;
            self.stop.cancel();
        };
        tokio::join!(self.relay.run(self.stop.clone()), stopping);
    }

    /// Runs the relay until `playing` has ended, and then ends as a process does that is killed.
    async fn run_and_die(&self, playing: impl Future<Output = ()>) {
        tokio::select! {
            () = self.relay.run(CancellationToken::new()) => {}
            () = playing => {}
        }
    }

    /// How many messages of production are published and not settled, or not published.
    async fn lag(&self) -> u64 {
        let plan = &self.exchange.plan;
        let route = plan.routes.iter().find(|route| route.category.as_str() == PRIMARY).unwrap();
        let store = self.harness.domain.store().await.unwrap();
        store.group_status(&plan.name, &route.category).await.unwrap().lag()
    }

    async fn add_and_await(&self, number: i64) {
        self.harness.add("t", number, Priority::NORMAL).await;
        let arrived = number.cast_unsigned();
        until(async || self.exchange.length(PRIMARY).await == arrived).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn production_is_published_while_a_page_of_bulk_work_takes_its_time() {
    let weathered = WeatheredRelay::new().await;
    weathered.weather.freeze_bulk(true);
    let playing = async {
        weathered.harness.add("t", 0, Priority::BULK).await;
        for number in 1..=5 {
            weathered.add_and_await(number).await;
        }
        assert_eq!(weathered.exchange.length(BACKFILL).await, 0);
        weathered.weather.freeze_bulk(false);
        until(async || weathered.exchange.length(BACKFILL).await == 1).await;
    };
    weathered.run(playing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn commits_of_production_cost_the_bulk_lane_nothing() {
    let weathered = WeatheredRelay::new().await;
    let begun = Instant::now();
    let playing = async {
        for number in 1..=100 {
            weathered.add_and_await(number).await;
        }
        // It looks at its beginning, and once an interval in case an announcement was lost.
        let tick = weathered.exchange.plan.outbox.tick_interval.as_millis();
        let looks = u64::try_from(begun.elapsed().as_millis() / tick).unwrap() + 2;
        let pages = looks * u64::try_from(weathered.exchange.plan.routes.len()).unwrap();
        let reads = weathered.weather.bulk_reads();
        assert!(reads <= pages, "{reads} of at most {pages}");
    };
    weathered.run(playing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn the_next_page_goes_out_before_the_last_is_settled() {
    let weathered = WeatheredRelay::new().await;
    let lag = async || weathered.lag().await;
    weathered.weather.freeze_cursors(true);
    let playing = async {
        for number in 1..=5 {
            weathered.add_and_await(number).await;
        }
        assert_eq!(lag().await, 5);
        weathered.weather.freeze_cursors(false);
        until(async || lag().await == 0).await;
        assert_eq!(weathered.exchange.length(PRIMARY).await, 5, "each went out once");
    };
    weathered.run(playing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn pages_that_follow_each_other_share_a_commit_and_a_note() {
    let weathered = WeatheredRelay::that_publishes().await;
    let playing = async {
        weathered.add_and_await(1).await;
        until(async || weathered.lag().await == 0).await;
        let (begun, notes) = (Instant::now(), weathered.weather.notes());
        let commits = weathered.weather.cursor_commits();
        for number in 2..=100 {
            weathered.harness.add("t", number, Priority::NORMAL).await;
            while weathered.exchange.length(PRIMARY).await < number.cast_unsigned() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        until(async || weathered.lag().await == 0).await;
        let most = u64::try_from(begun.elapsed().as_millis()).unwrap() / 20 + 1;
        let notes = weathered.weather.notes() - notes;
        let commits = weathered.weather.cursor_commits() - commits;
        assert!(commits <= most && notes <= commits, "{notes}, {commits} of at most {most}");
    };
    weathered.run(playing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn no_cursor_is_committed_before_its_batch_is_noted() {
    let weathered = WeatheredRelay::that_publishes().await;
    let playing = async {
        weathered.add_and_await(1).await;
        until(async || weathered.lag().await == 0).await;
        // The answer of its commit comes a little later.
        tokio::time::sleep(Duration::from_millis(50)).await;
        weathered.weather.freeze_notes(true);
        let commits = weathered.weather.cursor_commits();
        weathered.add_and_await(2).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!((weathered.lag().await, weathered.weather.cursor_commits()), (1, commits));
        weathered.weather.freeze_notes(false);
        until(async || weathered.lag().await == 0).await;
    };
    weathered.run(playing).await;
}

/// What a broker has after a relay has published three messages, settled, and then five, of
/// which something is frozen, was killed, and another has gone on once `meanwhile` has happened.
async fn after_a_crash(freeze: impl Fn(&Weather, bool), meanwhile: impl Fn(&Exchange)) -> u64 {
    let weathered = WeatheredRelay::that_publishes().await;
    let settled = async {
        for number in 1..=3 {
            weathered.add_and_await(number).await;
        }
        until(async || weathered.lag().await == 0).await;
        freeze(&weathered.weather, true);
        for number in 4..=8 {
            weathered.add_and_await(number).await;
        }
    };
    weathered.run_and_die(settled).await;
    freeze(&weathered.weather, false);
    meanwhile(&weathered.exchange);
    let goes_on = async {
        until(async || weathered.lag().await == 0).await;
        // What was missed goes out after that.
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    weathered.run(goes_on).await;
    weathered.exchange.length(PRIMARY).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn after_a_crash_only_what_was_not_settled_goes_out_again() {
    for freeze in [Weather::freeze_notes, Weather::freeze_cursors] {
        assert_eq!(after_a_crash(freeze, |_| {}).await, 8 + 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn after_a_crash_a_broker_that_lost_settled_messages_gets_all_again() {
    let restored = |number: u64| {
        move |exchange: &Exchange| {
            let mut mark: serde_json::Value = serde_json::from_str(&exchange.mark()).unwrap();
            assert!(mark["number"].as_u64().unwrap() >= 8, "{mark}");
            mark["number"] = number.into();
            exchange.set_mark(&mark.to_string());
        }
    };
    // As an earlier state has it, and as another broker may.
    for number in [1, 1000] {
        let found = after_a_crash(Weather::freeze_cursors, restored(number)).await;
        assert_eq!(found, 8 + 8, "{number}");
    }
}
