//! The commands that every domain has, one file each.

mod check;
mod consent;
mod database;
mod db;
mod dlq;
mod events;
mod forget;
mod outbox;
mod server;
mod snapshot;
mod subscriptions;
mod verify;

use clap::Subcommand;

use crate::{App, Result};

/// A command that every domain has.
#[derive(Subcommand)]
pub(crate) enum BuiltIn {
    /// Handles what comes in, until SIGTERM or Ctrl-C
    Server(server::Options),
    /// Where the subscriptions stand
    #[command(subcommand)]
    Subscriptions(subscriptions::Command),
    /// Reads what is in the log: events and commands, and what caused what
    #[command(subcommand)]
    Events(events::Command),
    /// Messages that were given up: to look at, to run again, to drop
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// Messages on their way to brokers: where they stand, and what was refused
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Accounts for every committed message; exit code 1 when the account does not close
    #[command(after_help = verify::AFTER_HELP)]
    Verify,
    /// Checks wiring and configuration without connecting to anything; exit code 2 for a fault
    Check,
    /// Keeps the state of long streams, so that loading them is short
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    /// Creates or removes what the domain keeps in its database
    #[command(subcommand)]
    Db(db::Command),
}

pub(crate) async fn run(command: BuiltIn, app: &App) -> Result {
    match command {
        BuiltIn::Server(options) => server::run(&options, app).await,
        BuiltIn::Subscriptions(command) => subscriptions::run(&command, app).await,
        BuiltIn::Events(command) => events::run(&command, app).await,
        BuiltIn::Dlq(command) => dlq::run(&command, app).await,
        BuiltIn::Outbox(command) => outbox::run(&command, app).await,
        BuiltIn::Verify => verify::run(app).await,
        BuiltIn::Check => check::run(app),
        BuiltIn::Snapshot(command) => snapshot::run(&command, app).await,
        BuiltIn::Db(command) => db::run(&command, app).await,
    }
}
