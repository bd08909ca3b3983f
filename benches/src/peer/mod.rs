//! The bank in Protean for Python, asked to do the same on the same servers.
//!
//! ```text
//! Peer ─▶ figures.py ─▶ bank.py, `protean server` ─▶ PostgreSQL, Redis
//! ```
//!
//! Each figure is one call of `figures.py`, which empties what an earlier one left and
//! answers in a line of JSON. Events are in PostgreSQL too: `message_store.sql` is there what
//! the server side of Message DB would be.

mod group;

use std::process::Command;
use std::time::Duration;

use protean_cli::{Error, Result};
use protean_test_servers::Python;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::home::Home;
use group::Group;

/// What its figures are.
pub(crate) const ABOUT: &str = "Python is Protean 0.18.0 at its fastest settings, on the same \
                                servers, with a database and a number of Redis of its own.";
/// The programs, by the names that they know each other by.
const FILES: [(&str, &str); 3] = [
    ("bank.py", include_str!("bank.py")),
    ("figures.py", include_str!("figures.py")),
    ("message_store.sql", include_str!("message_store.sql")),
];
/// How many lines are shown of what it said before it failed.
const SHOWN: usize = 10;

/// The bank in Protean for Python 0.18, with a home.
pub(crate) struct Peer {
    python: Python,
    programs: tempfile::TempDir,
    home: Home,
}

/// Commands a second, by kind.
#[derive(Debug, Deserialize)]
pub(crate) struct Commands {
    pub(crate) open: f64,
    pub(crate) deposit: f64,
}

/// Microseconds until the handler of an idle server begins.
#[derive(Debug, Deserialize)]
pub(crate) struct Hops {
    pub(crate) from_sending: Spread,
    pub(crate) after_return: Spread,
}

/// The middle of a measure, and what one in a hundred exceeds.
#[derive(Debug, Deserialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// A server with nothing to do.
#[derive(Debug, Deserialize)]
pub(crate) struct Idle {
    /// From the start of the process until it says that it has started.
    pub(crate) ready_ms: f64,
    /// Of one core.
    pub(crate) processor_percent: f64,
    pub(crate) memory_mib: f64,
    /// What it asks of Redis in a second.
    pub(crate) redis_commands: f64,
}

#[derive(Deserialize)]
struct Rate {
    rate: f64,
}

impl Peer {
    /// In a home that is there for it alone.
    ///
    /// # Errors
    /// When Protean for Python is not set up, or there is no room for temporary files.
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

    /// From the outbox to the stream: messages a second.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn relay(&self, count: u64) -> Result<f64> {
        Ok(self.figure::<Rate>("relay", &[count]).await?.rate)
    }

    /// From the stream to rows: events a second.
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
    pub(crate) async fn hops(&self, count: u64) -> Result<Hops> {
        self.figure("hops", &[count]).await
    }

    /// From the first command sent to the last row written: commands a second.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn pipeline(&self, count: u64) -> Result<f64> {
        Ok(self.figure::<Rate>("pipeline", &[count]).await?.rate)
    }

    /// A server that starts, and has nothing to do for so long.
    ///
    /// # Errors
    /// When Python fails.
    pub(crate) async fn idle(&self, span: Duration) -> Result<Idle> {
        self.figure("idle", &[span.as_millis() as u64]).await
    }

    /// Asks a second time when the first failed: its servers now and then leave a message lying,
    /// and a long run should not end for that.
    async fn figure<T: DeserializeOwned>(&self, name: &str, numbers: &[u64]) -> Result<T> {
        match self.attempt(name, numbers).await {
            Err(error) => {
                eprintln!("{error}\nIt is asked once more.");
                self.attempt(name, numbers).await
            }
            taken => taken,
        }
    }

    /// Runs the program; dropping this ends it and all that it has begun.
    async fn attempt<T: DeserializeOwned>(&self, name: &str, numbers: &[u64]) -> Result<T> {
        let mut program = Group::start(self.command(name, numbers))?;
        let (told, wrong) = program.output().await?;
        serde_json::from_str(told.trim()).map_err(|_| failure(name, &told, &wrong))
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

fn failure(name: &str, told: &str, wrong: &str) -> Error {
    let lines: Vec<&str> = told.lines().chain(wrong.lines()).collect();
    let last = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
    Error::failed(format!(
        "the figure '{name}' of Protean for Python could not be taken. Its database and its \
         broker must be reachable and its own: see what it said last\n{last}"
    ))
}
