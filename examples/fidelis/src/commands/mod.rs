//! What the bank's program does beside the commands of every domain.

mod demo;
mod endure;
mod migrate;
mod stats;
mod trial;

use protean_cli::{App, Reply, Result};

/// What the bank has beside the commands of every domain.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Plays a short scene in memory: an account, deposits, a little migration
    Demo,
    /// Kills the server time after time amid its work, and judges what is left
    ///
    /// Works in a temporary folder and leaves nothing behind.
    Endure(endure::Options),
    /// Migrates the accounts of another bank while customers go on paying in
    ///
    /// Works in a temporary folder with a server of its own and leaves nothing
    /// behind; with DATABASE_URI set, or with --config, on the database that is
    /// named there, which stays.
    Migrate(migrate::Options),
    /// Counts accounts and money
    Stats,
}

/// Runs one of them.
pub(crate) async fn run(command: Command, app: App) -> Result {
    match command {
        Command::Demo => demo::run(&app).await,
        Command::Endure(options) => endure::run(options, &app).await,
        Command::Migrate(options) => migrate::run(options, &app).await,
        Command::Stats => {
            let stats = stats::Stats::of(&app.existing_domain().await?).await?;
            app.reply(Reply::plain(&stats, &stats))
        }
    }
}
