//! Pages of the relay that do not wait for each other: of two lanes, and of one.

use std::sync::Arc;
use std::time::Instant;

use protean::message::Priority;
use protean_engine::Relay;
use tokio_util::sync::CancellationToken;

use crate::relay::{BACKFILL, Exchange, PRIMARY, until};
use crate::tallies::{Harness, On};
use crate::unreliable::{Unreliable, Weather};

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
        let (exchange, weather) = (Exchange::new().await, Weather::new(1));
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
    let (plan, store) = (&weathered.exchange.plan, weathered.harness.domain.store().await.unwrap());
    let route = plan.routes.iter().find(|route| route.category.as_str() == PRIMARY).unwrap();
    let lag = async || store.group_status(&plan.name, &route.category).await.unwrap().lag();
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
