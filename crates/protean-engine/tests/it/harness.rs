//! The domain of tallies on each store and broker, served by one process or several.

use std::time::Duration;

use protean::message::{Lane, Priority};
use protean::port::{Counter, GroupStatus};
use protean::{Domain, DomainBuilder};
use protean_core::domain::Group;
use protean_engine::{DeadLetters, Server};
use protean_test_servers::{Database, Postgres, RedisServer};

use crate::tallies::{
    Add, Faults, Numbers, NumbersProjector, Sum, SumProjector, Tally, TallyCommandHandler,
};

/// What takes longer hangs, however busy the machine is.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(180);

/// A domain on a store of its own, and what its handlers do wrong.
pub(crate) struct Harness {
    pub(crate) domain: Domain,
    pub(crate) faults: Faults,
    config: String,
    stack: Stack,
}

/// What a domain runs on, for as long as it is needed.
#[derive(Default)]
struct Stack {
    folder: Option<tempfile::TempDir>,
    database: Option<Database>,
    redis: Option<RedisServer>,
}

impl Stack {
    fn start(on: On) -> Self {
        let file = matches!(on, On::Sqlite | On::Streams).then(|| tempfile::tempdir().unwrap());
        let database =
            matches!(on, On::Postgres | On::Production).then(|| Postgres::shared().database());
        let streams = matches!(on, On::Streams | On::Production);
        Self { folder: file, database, redis: streams.then(|| RedisServer::start("")) }
    }
}

/// A domain in memory that needs no server.
pub(crate) const SYNCHRONOUS: &str = "command_processing = \"sync\"
event_processing = \"sync\"
[databases.default]
provider = \"memory\"
[server.priority_lanes]
enabled = true
";

/// Where a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Memory,
    Sqlite,
    /// SQLite, and Redis in between.
    Streams,
    Postgres,
    /// PostgreSQL, and Redis in between.
    Production,
}

impl Harness {
    pub(crate) fn new(on: On) -> Self {
        Self::with(on, |builder| builder)
    }

    pub(crate) fn with(on: On, more: impl FnOnce(DomainBuilder) -> DomainBuilder) -> Self {
        Self::configured(on, "", more)
    }

    /// With more in its `domain.toml`.
    pub(crate) fn configured(
        on: On,
        config: &str,
        more: impl FnOnce(DomainBuilder) -> DomainBuilder,
    ) -> Self {
        Self::rewritten(on, |base| base + config, more)
    }

    /// With another `domain.toml` made of the usual one.
    pub(crate) fn rewritten(
        on: On,
        rewrite: impl FnOnce(String) -> String,
        more: impl FnOnce(DomainBuilder) -> DomainBuilder,
    ) -> Self {
        let stack = Stack::start(on);
        Self::of(rewrite(config(&stack)), stack, more)
    }

    /// The same domain again, as another process has it.
    pub(crate) fn sibling(&self) -> Self {
        self.sibling_with(|config| config)
    }

    /// The same with another `domain.toml` made of its own, as after a change of settings.
    pub(crate) fn sibling_with(&self, rewrite: impl FnOnce(String) -> String) -> Self {
        Self::of(rewrite(self.config.clone()), Stack::default(), |builder| builder)
    }

    /// The same with other handlers beside those of every harness, as after a change of the code.
    pub(crate) fn sibling_of(&self, more: impl FnOnce(DomainBuilder) -> DomainBuilder) -> Self {
        Self::of(self.config.clone(), Stack::default(), more)
    }

    /// The same with another handler in the place of the projector of numbers.
    pub(crate) fn sibling_instead(
        &self,
        projector: impl FnOnce(DomainBuilder, Faults) -> DomainBuilder,
    ) -> Self {
        Self::built(self.config.clone(), Stack::default(), projector)
    }

    /// The same domain once more, where a second process cannot be had.
    pub(crate) fn same(&self) -> Self {
        let (domain, faults) = (self.domain.clone(), self.faults.clone());
        Self { domain, faults, config: self.config.clone(), stack: Stack::default() }
    }

    /// Its `domain.toml`, for another domain on the same servers.
    pub(crate) fn settings(&self) -> &str {
        &self.config
    }

    /// The folder of its database file.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.stack.folder.as_ref().unwrap().path()
    }

    pub(crate) fn redis(&self) -> &RedisServer {
        self.stack.redis.as_ref().unwrap()
    }

    pub(crate) fn database(&self) -> &Database {
        self.stack.database.as_ref().unwrap()
    }

    /// Runs a statement in its database, as another program does.
    pub(crate) fn run_sql(&self, sql: &str) {
        match &self.stack.database {
            Some(database) => drop(database.run(sql)),
            None => {
                let file = rusqlite::Connection::open(self.folder().join("harness.db")).unwrap();
                file.execute(sql, []).unwrap();
            }
        }
    }

    /// Takes every claim of this domain away from the process that holds it, as an
    /// outage does.
    pub(crate) fn lose_claims(&self) {
        if let Some(database) = &self.stack.database {
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            database.run(sql);
        } else {
            let folder = self.stack.folder.as_ref().unwrap().path();
            std::fs::remove_dir_all(folder.join("harness.db-claims")).unwrap();
        }
    }

    fn of(config: String, stack: Stack, more: impl FnOnce(DomainBuilder) -> DomainBuilder) -> Self {
        Self::built(config, stack, |builder, faults| {
            more(builder.register(NumbersProjector(faults)))
        })
    }

    fn built(
        config: String,
        stack: Stack,
        more: impl FnOnce(DomainBuilder, Faults) -> DomainBuilder,
    ) -> Self {
        let faults = Faults::default();
        let builder = protean::domain("harness").config(&config).aggregate::<Tally>();
        let builder = builder.register(TallyCommandHandler).register(SumProjector);
        let domain = more(builder, faults.clone()).build().unwrap();
        Self { domain, faults, config, stack }
    }

    pub(crate) async fn add(&self, tally: &str, number: i64, priority: Priority) {
        let command = Add { tally: tally.into(), number };
        self.domain.process(command).priority(priority).asynchronous().await.unwrap();
    }

    /// Why a server does not start; a supervisor finds out the same.
    pub(crate) async fn refusal(&self) -> String {
        let server = Server::new(self.domain.clone());
        let checked = server.preflight().await.expect_err("a supervisor finds it out");
        let serving = server.run(std::future::pending());
        let ended = tokio::time::timeout(WAIT_LIMIT, serving).await;
        let refused = ended.expect("it does not start").expect_err("it does not end well");
        assert_eq!(refused.to_string(), checked.to_string());
        refused.to_string()
    }

    /// Serves until `done` says so.
    pub(crate) async fn serve_until(&self, done: impl AsyncFn() -> bool) {
        let serving = Server::new(self.domain.clone()).run(async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let served = tokio::time::timeout(WAIT_LIMIT, serving).await;
        if let Ok(ended) = &served {
            assert!(ended.is_ok(), "{ended:?}");
        }
        if served.is_err() {
            let mut text = Vec::new();
            for group in self.domain.groups() {
                let letters = DeadLetters::of(&self.domain, group).await.unwrap();
                let letters = letters.page(0, 9).await.unwrap();
                text.push((group.name.to_string(), self.group_status(&group.name).await, letters));
            }
            panic!("not done in time: {text:#?}");
        }
    }

    /// Serves until `done` says so, and then ends as a process does that is killed.
    pub(crate) async fn serve_and_die(&self, done: impl AsyncFn() -> bool) {
        let dying = async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let server = Server::new(self.domain.clone()).run(std::future::pending());
        tokio::select! {
            ended = server => panic!("nobody stops it: {ended:?}"),
            died = tokio::time::timeout(WAIT_LIMIT, dying) => {
                assert!(died.is_ok(), "not done in time: {:?}", self.faults.calls());
            }
        }
    }

    /// Serves until nothing is on the way or parked.
    pub(crate) async fn drain(&self) {
        self.drain_but(0).await;
    }

    /// Serves until nothing is on the way and this many messages are parked.
    pub(crate) async fn drain_but(&self, parked: u64) {
        // Twice: what one group does between two looks may be work for another.
        let at_rest = async || self.open().await == (0, parked);
        self.serve_until(async || at_rest().await && at_rest().await).await;
    }

    async fn open(&self) -> (u64, u64) {
        let (mut lag, mut parked) = (0, 0);
        for group in self.domain.groups() {
            let standing = self.status_of(group).await;
            lag += standing.lag();
            parked += standing.parked();
        }
        (lag, parked)
    }

    pub(crate) async fn group_status(&self, group: &str) -> GroupStatus {
        let groups = self.domain.groups();
        self.status_of(groups.iter().find(|known| *known.name == *group).unwrap()).await
    }

    async fn status_of(&self, group: &Group) -> GroupStatus {
        let store = self.domain.store().await.unwrap();
        store.group_status(&group.name, &group.category).await.unwrap()
    }

    pub(crate) async fn numbers(&self) -> GroupStatus {
        self.group_status("harness.NumbersProjector").await
    }

    pub(crate) async fn seen(&self, tally: &str) -> Vec<i64> {
        let rows = self.domain.repository::<Numbers>().await.unwrap();
        rows.find(&tally.into()).await.unwrap().map(|row| row.seen).unwrap_or_default()
    }

    pub(crate) async fn sum(&self) -> i64 {
        let rows = self.domain.repository::<Sum>().await.unwrap();
        rows.find(&"all".into()).await.unwrap().map_or(0, |row| row.sum)
    }

    /// Everything committed is in exactly one term of every group's account.
    pub(crate) async fn assert_closes(&self) {
        for group in self.domain.groups() {
            let standing = self.group_status(&group.name).await;
            assert!(standing.closes(), "{}: {standing:?}", group.name);
        }
    }
}

fn config(stack: &Stack) -> String {
    let file = stack.folder.as_ref().map(|folder| folder.path().join("harness.db"));
    let database = match (&file, &stack.database) {
        (Some(file), _) => {
            format!("provider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'", file.display())
        }
        (_, Some(database)) => {
            format!("provider = \"postgresql\"\ndatabase_uri = '{}'", database.uri())
        }
        _ => "provider = \"memory\"".to_owned(),
    };
    let broker = stack
        .redis
        .as_ref()
        .map(|redis| format!("[brokers.default]\nprovider = \"redis\"\nURI = '{}'\n", redis.uri()));
    let broker = broker.unwrap_or_default();
    format!(
        "{broker}[databases.default]\n{database}\n\
         [server]\nmessages_per_tick = 50\ndrain_timeout = 5\nlease_seconds = 2\n\
         [server.priority_lanes]\nenabled = true\n\
         [server.event_store_subscription]\nmax_retries = 2\nretry_delay_seconds = 0.02\n\
         [server.stream_subscription]\nmax_retries = 2\nretry_delay_seconds = 0.02\n\
         [server.version_retry]\nbase_delay_seconds = 0.001\nmax_delay_seconds = 0.005\n"
    )
}

/// Handled and duplicate counts of a standing.
pub(crate) fn counts(standing: &GroupStatus) -> (u64, u64) {
    (standing.count(Counter::Handled), standing.count(Counter::Duplicate))
}

/// The lag of a lane.
pub(crate) fn lane_lag(domain: &Domain, standing: &GroupStatus, lane: Lane) -> u64 {
    let of_lane = standing.lanes.iter().filter(|row| domain.lanes().lane(row.priority) == lane);
    of_lane.map(|row| row.lag).sum()
}

/// Each test on these stacks, in a module for each; what needs servers says so.
#[macro_export]
macro_rules! on {
    ($($on:ident in $module:ident),*: $names:tt) => {
        $(mod $module { $crate::on! { @each $on $names } })*
    };
    (@each $on:ident { $($name:ident)* }) => { $($crate::on! { @test $on $name })* };
    (@test Streams $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "needs Redis: cargo xtask test"]
        async fn $name() { super::$name($crate::harness::On::Streams).await; }
    };
    (@test Production $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "needs PostgreSQL and Redis: cargo xtask test"]
        async fn $name() { super::$name($crate::harness::On::Production).await; }
    };
    (@test $on:ident $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() { super::$name($crate::harness::On::$on).await; }
    };
}

/// Each test where the log itself is read.
#[macro_export]
macro_rules! on_every_store {
    ($($name:ident)*) => {
        $crate::on! { Memory in memory_alone, Sqlite in sqlite_alone: { $($name)* } }
    };
}

/// Each test on every store, with and without a broker.
#[macro_export]
macro_rules! on_every_stack {
    ($($name:ident)*) => {
        $crate::on! {
            Memory in memory, Sqlite in sqlite, Streams in streams, Production in production:
            { $($name)* }
        }
    };
}
