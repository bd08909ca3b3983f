//! `dlq`: dead letters, the messages that were given up.

mod dead_letter;
mod inspect;
mod list;
mod purge;
mod reasons;
mod replay;
mod target;
#[cfg(test)]
mod tests;

use clap::Subcommand;

use crate::{App, Result};

/// Lists, inspects, replays or purges dead letters.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists dead letters, oldest first
    #[command(after_help = list::AFTER_HELP)]
    List(list::Options),
    /// Counts dead letters by reason, most frequent first
    #[command(after_help = reasons::AFTER_HELP)]
    Reasons(reasons::Options),
    /// Shows one dead letter and its data
    Inspect(inspect::Options),
    /// Retries one dead letter, with a fresh set of attempts
    Replay(replay::Options),
    /// Retries all dead letters of a subscription, in order
    ReplayAll(replay::All),
    /// Drops one dead letter, or all of a subscription, for good; messages waiting behind them run
    Purge(purge::Options),
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::List(options) => list::run(options, app).await,
        Command::Reasons(options) => reasons::run(options, app).await,
        Command::Inspect(options) => inspect::run(options, app).await,
        Command::Replay(options) => replay::run(options, app).await,
        Command::ReplayAll(options) => replay::run_all(options, app).await,
        Command::Purge(options) => purge::run(options, app).await,
    }
}
