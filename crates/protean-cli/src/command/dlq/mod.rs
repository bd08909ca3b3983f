//! `dlq`: messages that were given up.

mod choice;
mod inspect;
mod letter;
mod list;
mod purge;
mod replay;
#[cfg(test)]
mod tests;

use clap::Subcommand;

use crate::{App, Result};

/// What to do about dead letters.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Messages that were given up, the oldest first
    #[command(after_help = list::AFTER_HELP)]
    List(list::Options),
    /// Everything about one of them, with its data
    Inspect(inspect::Options),
    /// Lets one run again, with all its tries before it
    Replay(replay::Options),
    /// Lets all of a subscription run again, in order
    ReplayAll(replay::All),
    /// Drops one, or all of a subscription, for good; what waits behind it runs
    Purge(purge::Options),
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::List(options) => list::run(options, app).await,
        Command::Inspect(options) => inspect::run(options, app).await,
        Command::Replay(options) => replay::run(options, app).await,
        Command::ReplayAll(options) => replay::run_all(options, app).await,
        Command::Purge(options) => purge::run(options, app).await,
    }
}
