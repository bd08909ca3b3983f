//! `outbox`: messages waiting for brokers.

mod adopt;
mod retry;
mod status;
#[cfg(test)]
mod tests;

use clap::Subcommand;

use super::confirm::Consent;
use crate::{App, Result};

/// Shows messages waiting for brokers, retries refused ones, and adopts brokers.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows the relay of each broker, and the messages that the broker refused
    #[command(after_help = status::AFTER_HELP)]
    Status(status::Options),
    /// Publishes abandoned messages again, with a fresh set of attempts
    Retry(retry::Options),
    /// Attaches the brokers to a restored or copied database
    #[command(after_help = adopt::AFTER_HELP)]
    Adopt(Consent),
}

pub(super) async fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::Status(options) => status::run(options, app).await,
        Command::Retry(options) => retry::run(options, app).await,
        Command::Adopt(consent) => adopt::run(consent, app).await,
    }
}
