//! What a program does that uses SQLite directly: the limit that ours is held against.

mod connection;
mod hop;
mod journal;
mod pipeline;
mod rows;

use std::path::PathBuf;

use clap::Subcommand;
use protean_cli::Result;

pub(crate) use connection::open;
pub(crate) use hop::{Hops, REST, between_processes, between_threads};
pub(crate) use journal::{Journal, bounded_commit};
pub(crate) use pipeline::produce;

/// The other process of a bare client; this program starts it.
#[derive(Subcommand)]
pub(crate) enum Process {
    /// Waits for rows and tells when it has read each
    #[command(name = "bare-wait", hide = true)]
    Wait { database: PathBuf },
    /// Writes what the server and the projector have written, a batch at a time
    #[command(name = "bare-consume", hide = true)]
    Consume { source: PathBuf, database: PathBuf, synchronous: String },
    /// Opens a database, reads a row and ends
    #[command(name = "bare-open", hide = true)]
    Open { database: PathBuf },
}

impl Process {
    /// # Errors
    /// When the database cannot be used.
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Wait { database } => hop::wait(&database),
            Self::Consume { source, database, synchronous } => {
                pipeline::consume(&source, &database, &synchronous)
            }
            Self::Open { database } => {
                let tables = "SELECT count(*) FROM sqlite_master";
                open(&database, "full")?.query_row(tables, [], |_| Ok(()))?;
                eprintln!("bare: ready ");
                Ok(())
            }
        }
    }
}
