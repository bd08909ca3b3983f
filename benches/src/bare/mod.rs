//! The limit that ours is compared to: the same work with SQLite, PostgreSQL and
//! Redis used directly.

mod chain;
mod connection;
mod hop;
mod journal;
mod lanes;
mod pipeline;
mod postgres;
mod relay;
mod rows;
mod table;
mod tape;

use std::path::PathBuf;

use clap::Subcommand;
use protean_cli::Result;

pub(crate) use chain::through_servers;
pub(crate) use connection::open;
pub(crate) use hop::{Hops, MESSAGE_PAUSE, between_processes, between_threads};
pub(crate) use journal::Journal;
pub(crate) use lanes::{Delivery, Lanes};
pub(crate) use pipeline::produce;
pub(crate) use postgres::connect;
pub(crate) use relay::{Streamed, Streams};
pub(crate) use tape::Tape;

/// The other process of a bare client, started by this program.
#[derive(Subcommand)]
pub(crate) enum Process {
    /// Waits for rows and prints when it has read each
    #[command(name = "bare-wait", hide = true)]
    Wait { database: PathBuf },
    /// Writes the rows of the server and the projector, batch by batch
    #[command(name = "bare-consume", hide = true)]
    Consume { source: PathBuf, database: PathBuf, synchronous: String },
    /// Opens a database, reads a row and ends
    #[command(name = "bare-open", hide = true)]
    Open { database: PathBuf },
    /// Moves rows from a database to a stream and prints when it has read each from there
    #[command(name = "bare-chain", hide = true)]
    Chain { database: String, redis: String },
    /// Connects to both servers, queries each and ends
    #[command(name = "bare-connect", hide = true)]
    Connect { database: String, redis: String },
}

impl Process {
    /// Runs it until it ends or is killed.
    ///
    /// # Errors
    /// When the database or Redis cannot be used.
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Wait { database } => hop::wait(&database),
            Self::Consume { source, database, synchronous } => {
                pipeline::consume(&source, &database, &synchronous)
            }
            Self::Open { database } => {
                let tables = "SELECT count(*) FROM sqlite_master";
                open(&database, "full")?.query_row(tables, [], |_| Ok(()))?;
                ready()
            }
            Self::Chain { database, redis } => chain::serve(&database, &redis).await,
            Self::Connect { database, redis } => {
                connect(&database).await?.query_one("SELECT count(*) FROM pg_class", &[]).await?;
                let mut redis = relay::redis(&redis).await?;
                redis::cmd("PING").exec_async(&mut redis).await?;
                ready()
            }
        }
    }
}

fn ready() -> Result<()> {
    eprintln!("bare: ready ");
    Ok(())
}
