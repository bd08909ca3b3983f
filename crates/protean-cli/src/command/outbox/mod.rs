//! `outbox`: messages on their way to brokers.

mod retry;
mod status;
#[cfg(test)]
mod tests;

use clap::Subcommand;

use crate::{App, Result};

/// What to tell of messages on their way to brokers, or to do about them.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Where each broker's relay stands, and what the broker has refused
    #[command(after_help = status::AFTER_HELP)]
    Status(status::Options),
    /// Lets messages go out again that were given up, with all their tries before them
    Retry(retry::Options),
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::Status(options) => status::run(options, app).await,
        Command::Retry(options) => retry::run(options, app).await,
    }
}
