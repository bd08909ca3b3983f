//! A domain whose published events another domain takes, over Redis.

use std::sync::{Arc, Mutex};

use protean::message::{Category, Priority};
use protean::{Context, Domain, DomainBuilder, Handled, Id};
use protean::{external_event, subscriber};
use protean_engine::verify;
use protean_redis::Redis;
use protean_test_servers::RedisServer;
use tempfile::TempDir;

use crate::harness::{Harness, On};
use crate::post::serve_until;

const STREAM: &str = "harness::tally";

/// The event of the tallies, as far as the ledger needs it.
#[external_event(name = "Harness.Added", version = 2)]
struct Added {
    tally: Id,
    #[field(max_value = 999)]
    number: u32,
}

/// What a ledger has taken.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<u32>>>);

#[subscriber(stream = "harness::tally", start_from = "beginning")]
impl Ledger {
    #[on]
    async fn added(&self, event: Added, _: &Context) -> Handled {
        assert_eq!(event.tally, "t".into());
        self.0.lock().unwrap().push(event.number);
        Ok(())
    }
}

impl Ledger {
    fn sorted(&self) -> Vec<u32> {
        let mut taken = self.0.lock().unwrap().clone();
        taken.sort_unstable();
        taken
    }
}

/// The other domain, with a database of its own.
struct Other {
    _folder: TempDir,
    domain: Domain,
    ledger: Ledger,
}

impl Other {
    fn new(redis: &RedisServer) -> Self {
        let (folder, ledger) = (tempfile::tempdir().unwrap(), Ledger::default());
        let config = format!(
            "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'sqlite://{}'\n\
             [brokers.default]\nprovider = 'redis'\nURI = '{}'\n\
             [server.broker_subscription]\nmax_retries = 1\nretry_delay_seconds = 0.02\n",
            folder.path().join("ledger.db").display(),
            redis.uri()
        );
        let domain = protean::domain("ledger").config(&config).broker_provider(Redis);
        let domain: DomainBuilder = domain.register(ledger.clone());
        Self { _folder: folder, domain: domain.build().unwrap(), ledger }
    }

    /// How many messages it has handled, passed over and given up.
    async fn settled(&self) -> [u64; 3] {
        use protean::port::Counter;
        let store = self.domain.store().await.unwrap();
        let status = store.group_status("ledger.Ledger", &Category::named(STREAM)).await.unwrap();
        [status.count(Counter::Handled), status.count(Counter::Ignored), status.dead()]
    }

    async fn serve_until_settled(&self, expected: [u64; 3]) {
        serve_until(&self.domain, async || self.settled().await == expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn one_domain_publishes_and_another_takes_each_event_once() {
    let redis = RedisServer::start("");
    let config = format!(
        "[outbox]\ntick_interval = 0.05\nexternal_brokers = ['partner']\n\
         [brokers.partner]\nprovider = 'redis'\nURI = '{}'\n",
        redis.uri()
    );
    let harness = Harness::configured(On::Streams, &config, |builder| builder);
    let other = Other::new(&redis);
    // The reader has its group before the first event comes.
    serve_until(&other.domain, async || redis.command(&["EXISTS", STREAM]) == "1").await;
    for number in 1..6 {
        harness.add("t", number, Priority::NORMAL).await;
    }
    let published = || redis.command(&["XRANGE", STREAM, "-", "+"]);
    harness
        .serve_until(async || published().lines().filter(|line| line.starts_with('{')).count() == 5)
        .await;
    let entries: Vec<String> =
        published().lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect();
    other.serve_until_settled([5, 0, 0]).await;
    assert_eq!(other.ledger.sorted(), [1, 2, 3, 4, 5]);

    // A relay that does not know what it has sent sends it once more.
    for entry in &entries {
        redis.command(&["XADD", STREAM, "*", "data", entry]);
    }
    let length = || redis.command(&["XLEN", STREAM]);
    serve_until(&other.domain, async || length() == "0").await;
    assert_eq!(other.settled().await, [5, 0, 0]);
    assert_eq!(other.ledger.sorted(), [1, 2, 3, 4, 5], "each event takes effect once");
    assert!(verify(&other.domain).await.unwrap().closes);
}

/// An entry as another service writes it.
fn entry(id: &str, type_name: &str, data: &str) -> String {
    format!(
        r#"{{"data":{data},"metadata":{{"headers":{{"id":"{id}","type":"{type_name}","stream":"harness::tally-t"}},"domain":{{"kind":"EVENT"}}}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_cannot_be_read_is_a_dead_letter_and_in_nobodys_way() {
    let redis = RedisServer::start("");
    let other = Other::new(&redis);
    for entry in [
        entry("1", "Harness.Added.v2", r#"{"tally":"t","number":7}"#),
        entry("2", "Harness.Added.v3", r#"{"tally":"t","number":8}"#),
        entry("3", "Harness.Added.v2", r#"{"tally":"t"}"#),
        entry("4", "Harness.Added.v2", r#"{"tally":"t","number":1000}"#),
        entry("5", "Harness.Renamed.v1", "{}"),
        r#"{"tally":"t","number":9}"#.to_owned(),
        entry("6", "Harness.Added.v1", r#"{"tally":"t","number":10}"#),
    ] {
        redis.command(&["XADD", STREAM, "*", "data", &entry]);
    }
    other.serve_until_settled([2, 1, 4]).await;
    assert_eq!(other.ledger.sorted(), [7, 10]);
    let groups = other.domain.groups();
    let letters = protean_engine::DeadLetters::of(&other.domain, &groups[0]).await.unwrap();
    let reasons: Vec<String> =
        letters.page(0, 10).await.unwrap().into_iter().map(|dead| dead.reason).collect();
    for expected in [
        "Harness.Added is at version 3, this program reads up to version 2",
        "missing field `number`",
        "must be at most 999, is 1000",
        "the entry is not an event of a domain",
    ] {
        assert!(reasons.iter().any(|reason| reason.contains(expected)), "{expected}: {reasons:#?}");
    }
    assert!(verify(&other.domain).await.unwrap().closes);
}
