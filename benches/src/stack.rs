//! What a measure runs on: a file, or servers started and stopped with it.

use std::sync::atomic::{AtomicU32, Ordering};

use protean_cli::{Error, Result};
use protean_test_servers::{Postgres, RedisServer};
use workbench::child::children_of;

use crate::home::Home;
use crate::peer::Peer;
use crate::processor;

/// No acknowledged write is lost in a crash; memory as on a small dedicated machine.
const POSTGRES_OPTIONS: &str = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on \
                        -c shared_buffers=512MB -c max_wal_size=4GB";
/// Each place uses one of the databases.
const REDIS_CONFIG: &str = "appendonly yes\nappendfsync everysec\ndatabases 1000\n";

/// Where to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum On {
    /// An SQLite file
    File,
    /// PostgreSQL and Redis, started for this run
    Servers,
}

/// Where places are created.
pub(crate) enum Stack {
    File,
    Servers(Box<Servers>),
}

/// A private PostgreSQL and Redis, as durable as in production. Both stop on drop.
pub(crate) struct Servers {
    /// Dropped before the servers that it is connected to.
    peer: Option<Peer>,
    postgres: Postgres,
    redis: RedisServer,
    homes: AtomicU32,
}

/// Process ids of the servers.
pub(crate) struct Processes {
    pub(crate) redis: Vec<u32>,
    pub(crate) postgres: Vec<u32>,
}

impl Stack {
    /// Starts the servers, if any, PostgreSQL with further options. Python is measured only
    /// on servers.
    ///
    /// # Errors
    /// When Python is not set up, or temporary files cannot be created.
    ///
    /// # Panics
    /// When a server cannot be started; the message says what to install.
    pub(crate) fn start(on: On, with_python: bool, options: &str) -> Result<Self> {
        if on == On::File {
            return Ok(Self::File);
        }
        let mut servers = Servers::start(options);
        if with_python {
            servers.peer = Some(Peer::new(servers.home())?);
        }
        Ok(Self::Servers(Box::new(servers)))
    }

    pub(crate) fn on(&self) -> On {
        match self {
            Self::File => On::File,
            Self::Servers(_) => On::Servers,
        }
    }

    /// The servers.
    ///
    /// # Errors
    /// When this is a file.
    pub(crate) fn servers(&self) -> Result<&Servers> {
        match self {
            Self::Servers(servers) => Ok(servers),
            Self::File => Err(Error::failed("this measure needs servers: use --on servers")),
        }
    }

    /// Protean for Python, if it is measured too.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        self.servers().ok()?.peer.as_ref()
    }
}

impl Servers {
    fn start(options: &str) -> Self {
        let postgres = Postgres::start(&format!("{POSTGRES_OPTIONS} {options}"));
        let redis = RedisServer::start(REDIS_CONFIG);
        Self { peer: None, postgres, redis, homes: AtomicU32::new(0) }
    }

    /// Creates a home.
    pub(crate) fn home(&self) -> Home {
        let (port, number) = (self.redis.port(), self.homes.fetch_add(1, Ordering::Relaxed));
        let redis = format!("redis://127.0.0.1:{port}/{number}");
        Home { database: self.postgres.own_database(), redis }
    }

    /// Versions and durability settings, as the servers report them.
    pub(crate) fn versions(&self) -> String {
        let postgres = self.postgres.own_database();
        let shown = |name: &str| postgres.run(&format!("SHOW {name}"));
        let set = |name: &str| {
            let answer = self.redis.command(&["CONFIG", "GET", name]);
            answer.lines().nth(1).unwrap_or("unknown").to_owned()
        };
        format!(
            "PostgreSQL {}: fsync {}, synchronous_commit {}, full_page_writes {}, \
             shared_buffers {}, min_wal_size {}, max_wal_size {}. Redis {}: appendonly {}, \
             appendfsync {}.",
            shown("server_version"),
            shown("fsync"),
            shown("synchronous_commit"),
            shown("full_page_writes"),
            shown("shared_buffers"),
            shown("min_wal_size"),
            shown("max_wal_size"),
            self.redis_info("server", "redis_version"),
            set("appendonly"),
            set("appendfsync"),
        )
    }

    /// Redis's port.
    pub(crate) fn redis_port(&self) -> u16 {
        self.redis.port()
    }

    /// The processes of both servers now.
    ///
    /// # Errors
    /// When a process id cannot be read.
    pub(crate) fn processes(&self) -> Result<Processes> {
        let number = |text: &str| text.trim().parse::<u32>();
        let redis = number(&self.redis_info("server", "process_id"))?;
        let first = self.postmaster()?;
        let mut postgres = children_of(first);
        postgres.push(first);
        Ok(Processes { redis: vec![redis], postgres })
    }

    /// The first process of PostgreSQL, the parent of all others.
    ///
    /// # Errors
    /// When a process id cannot be read.
    pub(crate) fn postmaster(&self) -> Result<u32> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
        processor::parent_of(self.postgres.own_database().run(sql).trim().parse()?)
    }

    /// A figure of Redis's INFO.
    ///
    /// # Errors
    /// When Redis does not report it.
    pub(crate) fn redis_figure(&self, section: &str, name: &str) -> Result<f64> {
        Ok(self.redis_info(section, name).parse()?)
    }

    fn redis_info(&self, section: &str, name: &str) -> String {
        let info = self.redis.command(&["INFO", section]);
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .unwrap_or("unknown")
            .trim()
            .to_owned()
    }
}
