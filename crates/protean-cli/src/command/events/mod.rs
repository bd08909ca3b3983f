//! `events`: what is in the log.

mod category;
mod history;
pub(super) mod message;
mod read;
mod search;
mod stats;
mod trace;
#[cfg(test)]
mod trace_tests;
mod tree;

use clap::Subcommand;

use crate::{App, Result};

/// The most messages that one call shows: they are held in memory.
const MOST: i64 = 10_000;

/// What to read of the log.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// The messages of one stream, in order
    Read(read::Options),
    /// Messages of any stream, the oldest first; what is asked must all hold
    Search(search::Options),
    /// The life of one instance: each event with its version, time and changes
    History(history::Options),
    /// How many messages there are of each type; reads the whole log
    Stats,
    /// What caused what: everything with one correlation id, as a tree
    #[command(after_help = trace::AFTER_HELP)]
    Trace(trace::Options),
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::Read(options) => read::run(options, app).await,
        Command::Search(options) => search::run(options, app).await,
        Command::History(options) => history::run(options, app).await,
        Command::Stats => stats::run(app).await,
        Command::Trace(options) => trace::run(options, app).await,
    }
}
