//! The commands that every domain has, one file each.

mod backlog;
mod check;
mod confirm;
mod contracts;
mod database;
mod db;
mod dlq;
mod events;
mod forget;
mod intake;
#[cfg(test)]
mod intake_tests;
mod limit;
mod measured;
mod migrate;
mod observatory;
mod outbox;
mod pace;
mod processes;
#[cfg(test)]
mod processes_tests;
mod projection;
mod promote;
mod recorded;
mod rename;
mod schedule;
#[cfg(test)]
mod schedule_tests;
mod server;
#[cfg(test)]
mod server_pages;
mod snapshot;
mod subscriptions;
mod verify;

use clap::Subcommand;

use crate::{App, Result};

/// A command that every domain has.
#[derive(Subcommand)]
pub(crate) enum BuiltIn {
    /// Runs the server: handles messages until SIGTERM or Ctrl-C
    Server(server::Options),
    /// Serves pages that show the running system, until SIGTERM or Ctrl-C
    #[command(after_help = observatory::AFTER_HELP)]
    Observatory(observatory::Options),
    /// Shows, renames or forgets subscriptions
    #[command(subcommand)]
    Subscriptions(subscriptions::Command),
    /// Reads events and commands from the log, and traces cause and effect
    #[command(subcommand)]
    Events(events::Command),
    /// Lists, inspects, replays or purges dead letters
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// Shows messages waiting for brokers; retries refused ones
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Accounts for every committed message; exit code 1 if one is lost or counted twice
    #[command(after_help = verify::AFTER_HELP)]
    Verify,
    /// Checks the wiring, the configuration and the database servers; exit code 2 on a fault
    Check(check::Options),
    /// Exports the contracts other systems rely on, and compares them
    #[command(subcommand)]
    Contracts(contracts::Command),
    /// Rebuilds projections from the log while servers run
    #[command(subcommand, alias = "projections")]
    Projection(projection::Command),
    /// Shows the processes of process managers and the events of each
    #[command(subcommand)]
    Processes(processes::Command),
    /// Lists scheduled commands and timers, or cancels a command
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// Shows rows inserted by plain programs; retries or deletes rejected ones
    #[command(subcommand)]
    Intake(intake::Command),
    /// Takes snapshots, so that aggregates with long streams load fast
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    /// Creates, compares, migrates or drops the tables of the domain
    #[command(subcommand)]
    Db(db::Command),
}

pub(crate) async fn run(command: BuiltIn, app: &App) -> Result {
    match command {
        BuiltIn::Server(options) => server::run(&options, app).await,
        BuiltIn::Observatory(options) => observatory::run(&options, app).await,
        BuiltIn::Subscriptions(command) => subscriptions::run(&command, app).await,
        BuiltIn::Events(command) => events::run(&command, app).await,
        BuiltIn::Dlq(command) => dlq::run(&command, app).await,
        BuiltIn::Outbox(command) => outbox::run(&command, app).await,
        BuiltIn::Verify => verify::run(app).await,
        BuiltIn::Check(options) => check::run(&options, app).await,
        BuiltIn::Contracts(command) => contracts::run(&command, app),
        BuiltIn::Projection(command) => projection::run(&command, app).await,
        BuiltIn::Processes(command) => processes::run(&command, app).await,
        BuiltIn::Schedule(command) => schedule::run(&command, app).await,
        BuiltIn::Intake(command) => intake::run(&command, app).await,
        BuiltIn::Snapshot(command) => snapshot::run(&command, app).await,
        BuiltIn::Db(command) => db::run(&command, app).await,
    }
}
