//! The same bank in Protean for Python, measured on the same servers.
//!
//! ```text
//! Peer ─▶ figures.py ─▶ bank.py, `protean server` ─▶ PostgreSQL, Redis
//! ```
//!
//! Each figure is one run of `figures.py`, which removes what an earlier run left and
//! prints one line of JSON. Events are in PostgreSQL too: `message_store.sql` replaces the
//! server side of Message DB.

mod group;

use std::process::Command;
use std::time::Duration;

use protean_cli::{Error, Result};
use protean_test_servers::Python;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::home::Home;
use crate::timeline::{Served, Timeline};
use group::Group;

/// Explains its figures in a report.
pub(crate) const PEER_NOTE: &str = "Python is Protean 0.18.0 at its fastest settings, on the same \
                                servers, with a database and a number of Redis of its own.";
/// The programs, by their file names.
const FILES: [(&str, &str); 3] = [
    ("bank.py", include_str!("bank.py")),
    ("figures.py", include_str!("figures.py")),
    ("message_store.sql", include_str!("message_store.sql")),
];
/// Lines of output shown after a failure.
const SHOWN_LINES: usize = 10;

/// The bank in Protean for Python 0.18, with a home.
pub(crate) struct Peer {
    python: Python,
    programs: tempfile::TempDir,
    home: Home,
}

/// Commands per second, by kind.
#[derive(Debug, Deserialize)]
pub(crate) struct Commands {
    pub(crate) open: f64,
    pub(crate) deposit: f64,
}

/// Microseconds until the handler of an idle server begins.
#[derive(Debug, Deserialize)]
pub(crate) struct HopSpreads {
    pub(crate) from_sending: Spread,
    pub(crate) after_return: Spread,
}

/// Two percentiles.
#[derive(Debug, Deserialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// The cost of an idle server.
#[derive(Debug, Deserialize)]
pub(crate) struct Idle {
    /// From the start of the process until it reports that it has started.
    pub(crate) ready_ms: f64,
    /// Of one core.
    pub(crate) processor_percent: f64,
    pub(crate) memory_mib: f64,
    /// Commands to Redis per second.
    pub(crate) redis_commands: f64,
}

#[derive(Deserialize)]
struct Rate {
    rate: f64,
}

/// The deposits beside a migration, and when it began and ended.
#[derive(Deserialize)]
struct Migration {
    deposits: Vec<Served>,
    begin_s: f64,
    end_s: f64,
}

impl Peer {
    /// Uses a home of its own.
    ///
    /// # Errors
    /// When Protean for Python is not set up, or temporary files cannot be created.
    pub(crate) fn new(home: Home) -> Result<Self> {
        let programs = tempfile::Builder::new().prefix("protean-peer-").tempdir()?;
        for (name, text) in FILES {
            std::fs::write(programs.path().join(name), text)?;
        }
        let python = Python::with_protean().map_err(Error::failed)?;
        Ok(Self { python, programs, home })
    }

    /// Synchronous commands, `count` of each kind: accounts opened, then deposits.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn commands(&self, count: u64, at_once: u64) -> Result<Commands> {
        self.figure("commands", &[count, at_once]).await
    }

    /// From the outbox to the stream: messages per second.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn relay(&self, count: u64) -> Result<f64> {
        Ok(self.figure::<Rate>("relay", &[count]).await?.rate)
    }

    /// From the stream to rows: events per second.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn project(&self, count: u64) -> Result<f64> {
        Ok(self.figure::<Rate>("project", &[count]).await?.rate)
    }

    /// From a command to the handler of an idle server, `count` times.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn hops(&self, count: u64) -> Result<HopSpreads> {
        self.figure("hops", &[count]).await
    }

    /// From the first command sent to the last row written: commands per second.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn pipeline(&self, count: u64) -> Result<f64> {
        Ok(self.figure::<Rate>("pipeline", &[count]).await?.rate)
    }

    /// One migration beside deposits on their schedule, which begin and end `margin` before and
    /// after it.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn migration(
        &self,
        accounts: u64,
        per_second: u64,
        margin: Duration,
    ) -> Result<Timeline> {
        let numbers = [accounts, per_second, margin.as_millis() as u64];
        let found: Migration = self.figure("migration", &numbers).await?;
        Ok(Timeline { deposits: found.deposits, migration: found.begin_s..found.end_s })
    }

    /// Starts a server and leaves it idle for `span`.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn idle(&self, span: Duration) -> Result<Idle> {
        self.figure("idle", &[span.as_millis() as u64]).await
    }

    /// Tries twice: its servers occasionally miss a message, which should not end a long run.
    async fn figure<T: DeserializeOwned>(&self, name: &str, numbers: &[u64]) -> Result<T> {
        match self.attempt(name, numbers).await {
            Err(error) => {
                eprintln!("{error}\nretrying once");
                self.attempt(name, numbers).await
            }
            taken => taken,
        }
    }

    /// Runs the program once. Dropping the future kills it and its children.
    async fn attempt<T: DeserializeOwned>(&self, name: &str, numbers: &[u64]) -> Result<T> {
        let mut program = Group::start(self.command(name, numbers))?;
        let (stdout, stderr) = program.output().await?;
        serde_json::from_str(stdout.trim()).map_err(|_| failure(name, &stdout, &stderr))
    }

    fn command(&self, name: &str, numbers: &[u64]) -> Command {
        let mut command = self.python.command();
        command.arg(self.programs.path().join("figures.py")).arg(name);
        command.args(numbers.iter().map(u64::to_string));
        command.env("BANK_DATABASE", self.home.database.uri()).env("BANK_REDIS", &self.home.redis);
        command.env_remove("PROTEAN_ENV");
        command
    }
}

fn failure(name: &str, stdout: &str, stderr: &str) -> Error {
    let lines: Vec<&str> = stdout.lines().chain(stderr.lines()).collect();
    let last = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
    Error::failed(format!(
        "cannot measure '{name}' in Protean for Python; check that its database and Redis are \
         reachable and used by nothing else. Its last output:\n{last}"
    ))
}
