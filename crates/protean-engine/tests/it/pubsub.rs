//! What goes over publish and subscribe: nothing is kept there, and what was heard is as
//! safe as anything in the log.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protean::Domain;
use protean::message::{Category, Priority};
use protean::port::{BrokerLocation, BrokerProvider, BrokerRead, Counter};
use protean::{Context, DomainBuilder, Error, Handled, Payload, subscriber};
use protean_engine::Server;
use protean_redis::RedisPubsub;
use protean_test_servers::{Postgres, RedisServer};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::child::configured;
use crate::harness::{Harness, On, WAIT_LIMIT};
use crate::tallies::{Add, Faults, Numbers, NumbersProjector};
use crate::tallies::{Tally, TallyCommandHandler};

const CHANNEL: &str = "prices";

/// Sends each number on as a command, every fifth after it has failed with it once.
struct Prices(Arc<Mutex<Vec<i64>>>);

#[subscriber(stream = "prices", broker = "live")]
impl Prices {
    #[handle]
    async fn said(&self, payload: Payload, context: &Context) -> Handled {
        let number: i64 = payload.json()?;
        let is_first = !self.0.lock().unwrap().contains(&number);
        self.0.lock().unwrap().push(number);
        if is_first && number % 5 == 0 {
            return Err(Error::failed("not yet").into());
        }
        context.process(Add { tally: "t".into(), number })?;
        Ok(())
    }
}

/// Hears the same, and keeps it.
struct Charts(Arc<Mutex<Vec<i64>>>);

#[subscriber(stream = "prices", broker = "live")]
impl Charts {
    #[handle]
    async fn said(&self, payload: Payload) -> Handled {
        self.0.lock().unwrap().push(payload.json()?);
        Ok(())
    }
}

struct Running {
    drawn: Arc<Mutex<Vec<i64>>>,
    domain: Domain,
    stop: oneshot::Sender<()>,
    server: JoinHandle<protean::Result>,
}

/// A server as another process has it.
fn start(file: &Path, uri: &str) -> Running {
    run(configured(file, &Faults::default(), &live(uri)))
}

fn live(uri: &str) -> String {
    format!(
        "[server.broker_subscription]\nmax_retries = 3\nretry_delay_seconds = 0.01\n\
         [brokers.live]\nprovider = \"redis_pubsub\"\nURI = '{uri}'\n"
    )
}

fn run(builder: DomainBuilder) -> Running {
    let drawn = Arc::default();
    let builder = builder.register(Prices(Arc::default())).register(Charts(Arc::clone(&drawn)));
    let domain = builder.build().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::new(domain.clone());
    let server = tokio::spawn(server.run(async { stopped.await.unwrap_or_default() }));
    Running { drawn, domain, stop, server }
}

impl Running {
    /// Stops it; whose domain it was lives on.
    async fn stop(self) -> Domain {
        self.stop.send(()).unwrap();
        self.server.await.unwrap().unwrap();
        self.domain
    }

    async fn seen(&self) -> Vec<i64> {
        let rows = self.domain.repository::<Numbers>().await.unwrap();
        let mut seen =
            rows.find(&"t".into()).await.unwrap().map(|row| row.seen).unwrap_or_default();
        seen.sort_unstable();
        seen
    }
}

async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WAIT_LIMIT, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Waits for a new subscriber of the channel; gives its name.
async fn listens(server: &RedisServer, before: &str) -> String {
    let who = || {
        let text = server.command(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        let ids = text.lines().filter(|line| line.contains(" sub=1 "));
        Vec::from_iter(ids.filter_map(|line| line.split(' ').next().map(str::to_owned)))
    };
    until("another listens", async || matches!(&who()[..], [one] if one != before)).await;
    who().concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn what_is_said_is_heard_once_by_one_server_and_then_by_the_next() {
    let (folder, server) = (tempfile::tempdir().unwrap(), RedisServer::start(""));
    let file = folder.path().join("harness.db");
    let say = |number: i64| server.command(&["PUBLISH", CHANNEL, &number.to_string()]);
    assert_eq!(say(-1), "0", "nobody listens yet");
    let first = start(&file, &server.uri());
    let listener = listens(&server, "").await;
    let second = start(&file, &server.uri());
    for number in 0..20 {
        assert_eq!(say(number), "1");
    }
    until("all is handled", async || first.seen().await.len() == 20).await;
    let mut drawn = first.drawn.lock().unwrap().clone();
    let _first = first.stop().await;
    listens(&server, &listener).await;
    for number in 20..40 {
        say(number);
    }
    until("the other goes on", async || second.seen().await.len() == 40).await;
    assert_eq!(second.seen().await, Vec::from_iter(0..40));
    let all_drawn = || drawn.len() + second.drawn.lock().unwrap().len() == 40;
    until("it is drawn as well", async || all_drawn()).await;
    drawn.extend_from_slice(&second.drawn.lock().unwrap());
    drawn.sort_unstable();
    assert_eq!(drawn, Vec::from_iter(0..40), "it was taken in once for both");
    let store = second.domain.store().await.unwrap();
    let groups = second.domain.groups().iter();
    let group = groups.clone().find(|group| group.name.ends_with("Prices")).unwrap();
    let standing = store.group_status(&group.name, &group.category).await.unwrap();
    assert_eq!(
        (standing.committed, standing.count(Counter::Handled), standing.dead()),
        (40, 40, 0)
    );
    let _second = second.stop().await;
    until("nobody listens any more", async || say(-2) == "0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
async fn once_the_database_is_back_one_listens_again() {
    let (database, server) = (Postgres::shared().database(), RedisServer::start(""));
    let builder = || {
        let config = format!(
            "[databases.default]\nprovider = \"postgresql\"\ndatabase_uri = '{}'\n{}",
            database.uri(),
            live(&server.uri())
        );
        let builder = protean::domain("harness").config(&config).aggregate::<Tally>();
        let builder = builder.register(TallyCommandHandler);
        builder.register(NumbersProjector(Faults::default()))
    };
    let say = |number: i64| server.command(&["PUBLISH", CHANNEL, &number.to_string()]);
    let first = run(builder());
    listens(&server, "").await;
    let second = run(builder());
    // What is cut off while it starts has not started.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for round in 0..3 {
        // Whoever holds the claim loses it, and the other may be the first to ask.
        database.run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        tokio::time::sleep(Duration::from_secs(6)).await;
        for number in 10 * round..10 * (round + 1) {
            assert_eq!(say(number), "1");
        }
    }
    until("all is handled", async || first.seen().await.len() >= 30).await;
    assert_eq!(first.seen().await, Vec::from_iter(0..30));
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask test"]
async fn events_are_announced_to_all_listeners() {
    let partner = RedisServer::start("");
    let config = format!(
        "[outbox]\ntick_interval = 0.05\nexternal_brokers = ['partner']\n\
         [brokers.partner]\nprovider = 'redis_pubsub'\nURI = '{}'\n",
        partner.uri()
    );
    let harness = Harness::configured(On::Sqlite, &config, |builder| builder);
    harness.add("t", 0, Priority::NORMAL).await;
    harness.drain().await;
    let (store, events) =
        (harness.domain.store().await.unwrap(), Category::named("harness::tally"));
    let unpublished =
        async || store.group_status("harness.relay:partner", &events).await.unwrap().lag();
    harness.serve_until(async || unpublished().await == 0).await;
    let location = BrokerLocation { uri: Some(partner.uri()), ..BrokerLocation::default() };
    let ear = RedisPubsub.open(&location).await.unwrap();
    let wait = Some(Duration::from_millis(1));
    let streams = Arc::from([Arc::from("harness::tally")]);
    let read = BrokerRead { group: "x".into(), consumer: "x".into(), streams, limit: 99, wait };
    assert!(ear.read(read.clone()).await.unwrap().is_empty(), "it was not there before");
    for number in 1..6 {
        harness.add("t", number, Priority::NORMAL).await;
    }
    let heard = Mutex::new(Vec::new());
    let all_heard = async || {
        let entries = ear.read(read.clone()).await.unwrap();
        let data = entries.into_iter().map(|entry| entry.data.unwrap());
        heard
            .lock()
            .unwrap()
            .extend(data.map(|data| serde_json::from_slice::<Value>(&data).unwrap()));
        heard.lock().unwrap().len() >= 5
    };
    harness.serve_until(all_heard).await;
    harness.drain().await;
    assert!(ear.read(read.clone()).await.unwrap().is_empty());
    let heard = heard.into_inner().unwrap();
    let numbers: Vec<_> = heard.iter().map(|event| event["data"]["number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5].map(|number| json!(number)));
    assert_eq!(heard[0]["metadata"]["envelope"], json!({"specversion": "1.0"}));
    assert_eq!(partner.command(&["DBSIZE"]), "0");
    harness.assert_closes().await;
}
