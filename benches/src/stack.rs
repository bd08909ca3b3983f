//! What the product runs on: a file, or servers that begin and end with a measure.

use std::sync::atomic::{AtomicU32, Ordering};

use protean_cli::{Error, Result};
use protean_test_servers::{Postgres, RedisServer};

use crate::home::Home;
use crate::peer::Peer;
use crate::processor;

/// Nothing is said to be written that a crash could take; memory as on a small machine of its own.
const POSTGRES: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on \
                        -c shared_buffers=512MB -c max_wal_size=4GB";
/// A place has one of the databases.
const REDIS: &str = "appendonly yes\nappendfsync everysec\ndatabases 1000\n";

/// What to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum On {
    /// An SQLite file
    File,
    /// PostgreSQL and Redis, started for this alone
    Servers,
}

/// What places are made on.
pub(crate) enum Stack {
    File,
    Servers(Box<Servers>),
}

/// A PostgreSQL and a Redis of one's own, as durable as in production. They end with this value.
pub(crate) struct Servers {
    /// Goes before what it is connected to.
    peer: Option<Peer>,
    postgres: Postgres,
    redis: RedisServer,
    homes: AtomicU32,
}

/// Processes by their numbers.
pub(crate) struct Processes {
    pub(crate) redis: Vec<u32>,
    pub(crate) postgres: Vec<u32>,
}

impl Stack {
    /// Makes it. Python is asked on servers alone.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    ///
    /// # Panics
    /// When servers or Python cannot be started, with what to install.
    pub(crate) fn start(on: On, with_python: bool) -> Result<Self> {
        if on == On::File {
            return Ok(Self::File);
        }
        let mut servers = Servers::start();
        if with_python {
            servers.peer = Some(Peer::new(servers.home())?);
        }
        Ok(Self::Servers(Box::new(servers)))
    }

    /// The servers.
    ///
    /// # Errors
    /// When this is a file.
    pub(crate) fn servers(&self) -> Result<&Servers> {
        match self {
            Self::Servers(servers) => Ok(servers),
            Self::File => Err(Error::failed("a file has no servers")),
        }
    }

    /// Protean for Python, when it is to be asked.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        self.servers().ok()?.peer.as_ref()
    }
}

impl Servers {
    fn start() -> Self {
        let (postgres, redis) = (Postgres::start(POSTGRES), RedisServer::start(REDIS));
        Self { peer: None, postgres, redis, homes: AtomicU32::new(0) }
    }

    /// A new home.
    pub(crate) fn home(&self) -> Home {
        let (port, number) = (self.redis.port(), self.homes.fetch_add(1, Ordering::Relaxed));
        let redis = format!("redis://127.0.0.1:{port}/{number}");
        Home { database: self.postgres.own_database(), redis }
    }

    /// Which they are and how durable, as they tell it themselves.
    pub(crate) fn versions(&self) -> String {
        let postgres = self.postgres.own_database();
        let shown = |name: &str| postgres.run(&format!("SHOW {name}"));
        let set = |name: &str| {
            let told = self.redis.command(&["CONFIG", "GET", name]);
            told.lines().nth(1).unwrap_or("unknown").to_owned()
        };
        format!(
            "PostgreSQL {}: fsync {}, synchronous_commit {}, shared_buffers {}. Redis {}: \
             appendonly {}, appendfsync {}.",
            shown("server_version"),
            shown("fsync"),
            shown("synchronous_commit"),
            shown("shared_buffers"),
            self.redis_info("server", "redis_version"),
            set("appendonly"),
            set("appendfsync"),
        )
    }

    /// The port of Redis.
    pub(crate) fn redis_port(&self) -> u16 {
        self.redis.port()
    }

    /// Those that serve now.
    ///
    /// # Errors
    /// When they do not tell.
    pub(crate) fn processes(&self) -> Result<Processes> {
        let number = |told: &str| told.trim().parse::<u32>();
        let redis = number(&self.redis_info("server", "process_id"))?;
        let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
        let first = processor::parent_of(number(&self.postgres.own_database().run(sql))?)?;
        let mut postgres = processor::children_of(first)?;
        postgres.push(first);
        Ok(Processes { redis: vec![redis], postgres })
    }

    fn redis_info(&self, section: &str, name: &str) -> String {
        let told = self.redis.command(&["INFO", section]);
        let found = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or("unknown").trim().to_owned()
    }
}
