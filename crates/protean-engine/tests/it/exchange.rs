//! A domain, and a broker beside it that its relay publishes to.

use std::sync::Arc;
use std::time::Duration;

use protean::message::{Envelope, Positions};
use protean::port::{Broker, BrokerGroup, BrokerLocation, BrokerProvider, BrokerRead, Entry};
use protean_engine::{Relay, RelayPlan};
use protean_redis::Redis;
use protean_test_servers::RedisServer;
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, On, WAIT_LIMIT};

pub(crate) const COMMANDS: &str = "harness.TallyCommands";
pub(crate) const MARK: &str = "protean:mark:harness.relay:default";
pub(crate) const PRIMARY: &str = "harness::tally:command";
pub(crate) const BACKFILL: &str = "harness::tally:command:backfill";

/// A domain, and a broker beside it.
pub(crate) struct Exchange {
    pub(crate) harness: Harness,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) server: RedisServer,
    pub(crate) plan: RelayPlan,
}

impl Exchange {
    pub(crate) async fn new() -> Self {
        Self::on("").await
    }

    /// With more in the configuration of its Redis.
    pub(crate) async fn on(settings: &str) -> Self {
        let harness = Harness::new(On::Streams);
        let mut plan = RelayPlan::of(&harness.domain, "default");
        plan.outbox.tick_interval = Duration::from_millis(50);
        let server = RedisServer::start(settings);
        let broker = open(&server).await;
        Self { harness, broker, server, plan }
    }

    pub(crate) async fn relay(&self) -> Relay {
        let store = Arc::clone(self.harness.domain.store().await.unwrap());
        Relay::new(self.harness.domain.clone(), store, Arc::clone(&self.broker), self.plan.clone())
    }

    /// Publishes until `done` says so.
    pub(crate) async fn publish_until(&self, done: impl AsyncFn() -> bool) {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let relay = self.relay().await;
        let play = async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stop.cancel();
        };
        let both = async { tokio::join!(relay.run(stopped), play) };
        tokio::time::timeout(WAIT_LIMIT, both).await.expect("done in time");
    }

    pub(crate) async fn backlog(&self) -> u64 {
        let store = self.harness.domain.store().await.unwrap();
        let mut lag = 0;
        for category in ["harness::tally:command", "harness::tally"] {
            let category = protean::message::Category::named(category);
            lag += store.group_status("harness.relay:default", &category).await.unwrap().lag();
        }
        lag
    }

    /// What a new consumer of the command handlers finds, stream by stream.
    pub(crate) async fn found(&self, stream: &'static str, limit: usize) -> Vec<Entry> {
        let read = BrokerRead {
            group: COMMANDS.into(),
            consumer: "a".into(),
            streams: Arc::from([Arc::from(stream)]),
            limit,
            wait: None,
        };
        self.broker.read(read).await.unwrap_or_default()
    }

    /// How many messages the entries of a stream stand for.
    pub(crate) fn messages(&self, stream: &str) -> usize {
        let found = self.server.command(&["XRANGE", stream, "-", "+"]);
        let entries = found.lines().filter(|line| line.starts_with('{'));
        entries.map(|entry| positions_of(entry.as_bytes()).len()).sum()
    }

    /// The mark of the last batch of production.
    pub(crate) fn mark(&self) -> String {
        self.server.command(&["GET", MARK])
    }

    /// As if the broker were in another state.
    pub(crate) fn set_mark(&self, mark: &str) {
        self.server.command(&["SET", MARK, mark]);
    }

    pub(crate) async fn length(&self, stream: &'static str) -> u64 {
        let group = BrokerGroup { stream: stream.into(), group: COMMANDS.into() };
        let standing = self.broker.group_status(&[group]).await.unwrap_or_default();
        standing.into_iter().flatten().map(|standing| standing.length).sum()
    }
}

pub(crate) async fn open(server: &RedisServer) -> Arc<dyn Broker> {
    open_at(server.uri()).await
}

pub(crate) async fn open_at(uri: String) -> Arc<dyn Broker> {
    let location = BrokerLocation { uri: Some(uri), ..BrokerLocation::default() };
    Redis.open(&location).await.unwrap()
}

/// Where the messages of these entries lie in the log.
pub(crate) fn positions(entries: &[Entry]) -> Vec<u64> {
    entries.iter().flat_map(|entry| positions_of(entry.data.as_deref().unwrap())).collect()
}

fn positions_of(entry: &[u8]) -> Vec<u64> {
    match Positions::read(entry) {
        Some(several) => several.unwrap().positions,
        None => vec![Envelope::read(entry).unwrap().position.unwrap()],
    }
}

pub(crate) async fn until(done: impl AsyncFn() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT_LIMIT, waiting).await.expect("in time");
}
