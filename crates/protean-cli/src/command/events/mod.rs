//! `events`: reads the log.

mod category;
pub(super) mod check;
mod explain;
#[cfg(test)]
mod explain_tests;
mod follow;
mod history;
pub(super) mod lock;
mod log_reader;
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

/// Reads the log.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows the messages of a stream, of a category or of the whole log, in order
    #[command(after_help = read::AFTER_HELP)]
    Read(read::Options),
    /// Finds messages that match all given criteria, oldest first
    Search(search::Options),
    /// Shows the events of one instance, each with its version, time and changes
    History(history::Options),
    /// Counts the messages of each type and of each aggregate; reads the whole log
    Stats,
    /// Checks that this program can read everything stored; exit code 1 if it cannot
    #[command(after_help = check::AFTER_HELP)]
    Check,
    /// Writes the schema of every event and command to a file that 'check' compares against
    #[command(after_help = lock::AFTER_HELP)]
    Lock(lock::Options),
    /// Shows all messages with one correlation id as a tree of cause and effect
    #[command(after_help = trace::AFTER_HELP)]
    Trace(trace::Options),
    /// Explains where one message stands with each handler, and why it waits
    #[command(after_help = explain::AFTER_HELP)]
    Explain(explain::Options),
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::Read(options) => read::run(options, app).await,
        Command::Search(options) => search::run(options, app).await,
        Command::History(options) => history::run(options, app).await,
        Command::Stats => stats::run(app).await,
        Command::Lock(options) => lock::run(options, app).await,
        Command::Check => check::run(app).await,
        Command::Trace(options) => trace::run(options, app).await,
        Command::Explain(options) => explain::run(options, app).await,
    }
}
