//! A domain, a broker, and another system that puts entries into a stream.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::Domain;
use protean::message::{Category, DeadLetterEntry, Priority};
use protean::port::{BrokerGroup, BrokerLocation, BrokerProvider, BrokerRead, GroupStatus};
use protean::{Context, DomainBuilder, Handled, Payload, subscriber};
use protean_engine::{Server, verify};
use protean_redis::Redis;
use protean_test_servers::RedisServer;
use serde::Deserialize;
use tempfile::TempDir;

use crate::child::configured;
use crate::tallies::{Add, Faults, Numbers};

pub(crate) const STREAM: &str = "external-orders";
pub(crate) const GROUP: &str = "harness.Partner";

/// A number for a tally, as a partner writes it.
#[derive(Deserialize)]
pub(crate) struct Order {
    pub(crate) tally: String,
    pub(crate) number: i64,
}

/// What a subscriber was called with.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) payload: String,
    pub(crate) position: u64,
    pub(crate) priority: Priority,
}

/// Sends each order on as a command; keeps what it was called with.
pub(crate) struct Partner(pub(crate) Faults, pub(crate) Arc<Mutex<Vec<Call>>>);

#[subscriber(stream = "external-orders")]
impl Partner {
    #[handle]
    async fn ordered(&self, payload: Payload, context: &Context) -> Handled {
        let (position, priority) = (context.message().unwrap().position, context.priority());
        let call = Call { payload: payload.as_str().to_owned(), position, priority };
        self.1.lock().unwrap().push(call);
        let Order { tally, number } = payload.json()?;
        self.0.meet(-number).await?;
        context.process(Add { tally: tally.into(), number })?;
        Ok(())
    }
}

/// A domain on a file, a broker, and who puts things into its streams.
pub(crate) struct Post {
    folder: TempDir,
    pub(crate) server: RedisServer,
    pub(crate) domain: Domain,
    pub(crate) faults: Faults,
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
}

pub(crate) fn builder(file: &Path, uri: &str, partner: Partner) -> DomainBuilder {
    let more = format!(
        "[server.broker_subscription]\nmax_retries = 1\nretry_delay_seconds = 0.02\n\
         [brokers.default]\nprovider = \"redis\"\nURI = '{uri}'\n"
    );
    configured(file, &Faults::default(), &more).register(partner)
}

impl Post {
    pub(crate) fn new() -> Self {
        let (folder, server) = (tempfile::tempdir().unwrap(), RedisServer::start("appendonly yes"));
        let (faults, calls) = (Faults::default(), Arc::default());
        let partner = Partner(faults.clone(), Arc::clone(&calls));
        let file = folder.path().join("harness.db");
        let domain = builder(&file, &server.uri(), partner).build().unwrap();
        Self { folder, server, domain, faults, calls }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("harness.db")
    }

    /// Puts an entry with these fields and values into the stream, by their bytes.
    pub(crate) fn post(&self, fields: &[&[u8]]) {
        let quoted = |bytes: &[u8]| {
            let escaped: String = bytes.iter().map(|byte| format!("\\{byte:03}")).collect();
            format!(",'{escaped}'")
        };
        let fields: String = fields.iter().map(|field| quoted(field)).collect();
        let script = format!("return redis.call('XADD','{STREAM}','*'{fields})");
        self.server.command(&["EVAL", &script, "0"]);
    }

    pub(crate) fn order(&self, number: i64) {
        self.post(&[b"data", format!(r#"{{"tally": "t", "number":{number}}}"#).as_bytes()]);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn length(&self) -> u64 {
        self.server.command(&["XLEN", STREAM]).parse().unwrap()
    }

    pub(crate) async fn serve_until(&self, done: impl AsyncFn() -> bool) {
        serve_until(&self.domain, done).await;
    }

    /// Nothing is in the stream, on the way or parked.
    pub(crate) async fn is_at_rest(&self) -> bool {
        let mut waiting = self.length();
        for group in self.domain.groups() {
            let store = self.domain.store().await.unwrap();
            let standing = store.group_status(&group.name, &group.category).await.unwrap();
            waiting += standing.lag() + standing.parked();
        }
        waiting == 0
    }

    pub(crate) async fn drain(&self) {
        // Twice: what one group does between two looks may be work for another.
        self.serve_until(async || self.is_at_rest().await && self.is_at_rest().await).await;
    }

    pub(crate) async fn group_status(&self) -> GroupStatus {
        let store = self.domain.store().await.unwrap();
        store.group_status(GROUP, &Category::named(STREAM)).await.unwrap()
    }

    /// What lies in the dead-letter stream.
    pub(crate) async fn letters(&self) -> Vec<DeadLetterEntry> {
        let location = BrokerLocation { uri: Some(self.server.uri()), ..BrokerLocation::default() };
        let broker = Redis.open(&location).await.unwrap();
        let stream: Arc<str> = format!("{STREAM}:dlq").into();
        let group = BrokerGroup { stream: Arc::clone(&stream), group: "operator".into() };
        broker.prepare(&[group]).await.unwrap();
        let (group, consumer) = ("operator".into(), "one".into());
        let read =
            BrokerRead { group, consumer, streams: Arc::from([stream]), limit: 100, wait: None };
        let entries = broker.read(read).await.unwrap();
        let letter = |data: Option<Vec<u8>>| DeadLetterEntry::read(&data.unwrap()).unwrap();
        entries.into_iter().map(|entry| letter(entry.data)).collect()
    }

    pub(crate) async fn seen(&self) -> Vec<i64> {
        let rows = self.domain.repository::<Numbers>().await.unwrap();
        let mut seen =
            rows.find(&"t".into()).await.unwrap().map(|row| row.seen).unwrap_or_default();
        seen.sort_unstable();
        seen
    }

    pub(crate) async fn assert_closes(&self) {
        let report = verify(&self.domain).await.unwrap();
        assert!(report.closes, "{report:?}");
    }
}

pub(crate) async fn serve_until(domain: &Domain, done: impl AsyncFn() -> bool) {
    let serving = Server::new(domain.clone()).run(async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let served = tokio::time::timeout(Duration::from_secs(40), serving).await;
    served.expect("done in time").unwrap();
}
