//! `projection`: rebuilds a projection from the log while servers run.

use std::time::Instant;

use clap::{Args, Subcommand};
use protean::config::hint;
use protean_engine::{Rebuild, RebuildEnd, RebuildProgress, RebuildStatus, projections, rebuilds};
use serde::Serialize;
use serde_json::json;

use super::recorded::record;
use crate::{App, Error, Reply, Result, Table, grouped, stop_signal};

/// Rebuilds projections.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Rebuilds a projection from the log while servers run
    #[command(after_help = AFTER_HELP)]
    Rebuild(Options),
    /// Shows each projection: how often it was built, and the progress of a rebuild
    Status,
}

/// The projection to rebuild.
#[derive(Args)]
pub(crate) struct Options {
    /// The projection, by the name of its type: 'AccountSummary'
    name: String,
    /// Abandons an interrupted rebuild and deletes its table
    #[arg(long)]
    cancel: bool,
}

const AFTER_HELP: &str = "\
The projectors of this program fill a second table from the log, in the backfill lane, so production
goes first. Readers see the old rows until the new table has caught up; it then replaces the old one
in one transaction, and the servers switch to it. Indexes and grants added by hand are kept. Views,
triggers, foreign keys, publications and the like would be lost, so the command names them and refuses.

Ctrl-C stops the rebuild; the next call resumes it, as after a crash. A message that a projector
cannot handle ends the rebuild and leaves the table as it was. Projectors that raise events, send
commands or run SQL of their own cannot be rebuilt.";

pub(super) async fn run(command: &Command, app: &App) -> Result {
    match command {
        Command::Rebuild(options) => rebuild(options, app).await,
        Command::Status => status(app).await,
    }
}

async fn rebuild(options: &Options, app: &App) -> Result {
    let domain = app.existing_domain().await?;
    if domain.config().database.uri.is_none() {
        return Err(Error::usage("a database in memory belongs to its program alone")
            .advice("configure a database to rebuild a projection of"));
    }
    let name = &options.name;
    let names = Vec::from_iter(projections(&domain));
    if !names.contains(&name.as_str()) {
        let message = format!("no projector keeps a projection '{name}'{}", hint(name, &names));
        return Err(Error::usage(message).advice("'projection status' shows them"));
    }
    let rebuild = Rebuild::of(&domain, name).await?;
    if options.cancel {
        rebuild.abandon().await?;
        record(&domain, "projection rebuild --cancel", [("projection", name.clone())], 0).await?;
        let text = format!("What a rebuild of {name} had filled is deleted.");
        return app.reply(Reply::new(json!({"projection": name}), text).about(&domain));
    }
    let stop = stop_signal()?;
    let began = Instant::now();
    let mut told = None;
    let stopped = async {
        stop.await;
    };
    let end = rebuild.run(stopped, |progress| {
        if told.is_none_or(|at: Instant| at.elapsed().as_secs() >= 1) {
            told = Some(Instant::now());
            // A closed stdout does not stop the work.
            let _ = app.say(line(name, progress));
        }
    });
    let end = end.await?;
    let RebuildProgress { settled, missing } = rebuild.progress().await?;
    let seconds = began.elapsed().as_secs_f64();
    if end == RebuildEnd::Swapped {
        record(&domain, "projection rebuild", [("projection", name.clone())], settled).await?;
    }
    let text = match end {
        RebuildEnd::Swapped => format!(
            "{name} is rebuilt: {} messages in {seconds:.1} s. It is read from its new table.",
            grouped(settled)
        ),
        RebuildEnd::Stopped => format!(
            "Stopped with {} messages to go. The same command goes on from there.",
            grouped(missing)
        ),
    };
    let data = json!({
        "projection": name, "rebuilt": end == RebuildEnd::Swapped, "settled": settled,
        "missing": missing, "seconds": seconds,
    });
    let reply = Reply::new(data, text).about(&domain);
    app.reply(match end {
        RebuildEnd::Swapped => reply,
        RebuildEnd::Stopped => reply.failed(format!("{name} is not rebuilt yet")),
    })
}

fn line(name: &str, RebuildProgress { settled, missing }: RebuildProgress) -> String {
    format!("{name}: {} of {} messages", grouped(settled), grouped(settled + missing))
}

/// The JSON of one projection.
#[derive(Debug, Serialize)]
struct Row {
    projection: &'static str,
    table: String,
    generation: u64,
    rebuild: Option<Progress>,
}

/// The JSON of a rebuild that has begun.
#[derive(Debug, Serialize)]
struct Progress {
    settled: u64,
    missing: u64,
}

impl From<RebuildStatus> for Row {
    fn from(status: RebuildStatus) -> Self {
        let RebuildStatus { projection, table, generation, rebuild } = status;
        let rebuild =
            rebuild.map(|RebuildProgress { settled, missing }| Progress { settled, missing });
        Self { projection, table, generation, rebuild }
    }
}

async fn status(app: &App) -> Result {
    let domain = app.existing_domain().await?;
    let rows: Vec<Row> = rebuilds(&domain).await?.into_iter().map(Row::from).collect();
    let mut table = Table::new().text("Projection").text("Table").number("Built").text("Rebuild");
    for row in &rows {
        let rebuild = row.rebuild.as_ref().map_or_else(
            || "-".to_owned(),
            |of| format!("{} of {}", grouped(of.settled), grouped(of.settled + of.missing)),
        );
        table.row([
            row.projection.to_owned(),
            row.table.clone(),
            row.generation.to_string(),
            rebuild,
        ]);
    }
    let text = table.to_string();
    app.reply(Reply::new(rows, text).about(&domain))
}
