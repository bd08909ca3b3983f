//! What Protean does in a second, beside what the machine could do.
//!
//! ```text
//! cargo run --release -p protean-benches -- NAME [--on servers] [--with-python] [--rounds N]
//!     [--backlog N] [--quick] [--json]
//!
//! measure ─▶ stack   a file, or PostgreSQL and Redis begun for this alone
//!         ├▶ place   a database on it, settings
//!         ├▶ child   this program again: server, bulk sender, bare client
//!         ├▶ bare    the same with SQL and Redis commands alone
//!         ├▶ peer    the same bank in Protean for Python
//!         └▶ sheet   rounds, medians, targets ─▶ report
//! ```
//!
//! The program is the domain's own binary, so that its server is the one that
//! users run.

mod arrivals;
mod backlog;
mod bank;
mod bare;
mod child;
mod clock;
mod latency;
mod measure;
mod peer;
mod place;
mod plan;
mod processor;
mod report;
mod rest;
mod sheet;
mod stack;
mod watch;

use std::process::ExitCode;

use protean_cli::{App, Reply, Result};

use measure::Measure;
use plan::Plan;
use report::{Machine, Report};

/// What there is beside the commands of every domain.
#[derive(clap::Subcommand)]
enum Command {
    /// A synchronous command in memory
    T0(Plan),
    /// A command until it is committed, one at a time
    T3(Plan),
    /// The same, 32 at once
    T4(Plan),
    /// From the log to the streams of the broker
    T5(Plan),
    /// A projector that writes a row an event
    T6(Plan),
    /// How long a customer waits while bulk work goes on
    T7(Plan),
    /// From `process` to the handler of an idle server
    T9(Plan),
    /// An aggregate with a long history
    T10(Plan),
    /// The memory of a server with a backlog
    T11(Plan),
    /// The whole pipeline, with few commands and with many
    T12(Plan),
    /// The whole pipeline in two processes
    T13(Plan),
    /// From the start to 'ready', and the cost of an idle server
    T14(Plan),
    /// All of them, the longest at the end
    All(Plan),
    /// Sends bulk commands until it is killed
    #[command(hide = true)]
    Flood {
        #[arg(long)]
        poisoned: bool,
    },
    #[command(flatten)]
    Bare(bare::Process),
}

fn main() -> ExitCode {
    protean_cli::run_with(bank::of_environment(), run)
}

async fn run(command: Command, app: App) -> Result {
    let (measures, plan) = match command {
        Command::T0(plan) => (vec![Measure::T0], plan),
        Command::T3(plan) => (vec![Measure::T3], plan),
        Command::T4(plan) => (vec![Measure::T4], plan),
        Command::T5(plan) => (vec![Measure::T5], plan),
        Command::T6(plan) => (vec![Measure::T6], plan),
        Command::T7(plan) => (vec![Measure::T7], plan),
        Command::T9(plan) => (vec![Measure::T9], plan),
        Command::T10(plan) => (vec![Measure::T10], plan),
        Command::T11(plan) => (vec![Measure::T11], plan),
        Command::T12(plan) => (vec![Measure::T12], plan),
        Command::T13(plan) => (vec![Measure::T13], plan),
        Command::T14(plan) => (vec![Measure::T14], plan),
        Command::All(plan) => (Measure::ALL.to_vec(), plan),
        Command::Flood { poisoned } => return done(backlog::flood(&app, poisoned).await),
        Command::Bare(process) => return done(process.run().await),
    };
    let stopped = protean_cli::stop_signal()?;
    let report = tokio::select! {
        report = carry_out(&measures, &plan) => report?,
        stop = stopped => {
            eprintln!("{}: its processes are stopped, nothing is left behind", stop.name());
            return Ok(ExitCode::FAILURE);
        }
    };
    app.reply(Reply::plain(&report, &report))
}

fn done(done: Result<()>) -> Result {
    done.map(|()| ExitCode::SUCCESS)
}

async fn carry_out(measures: &[Measure], plan: &Plan) -> Result<Report> {
    let mut machine = Machine::look();
    let mut sheets = Vec::new();
    for measure in measures {
        let on = measure.on(plan)?;
        eprintln!("measuring {measure:?}");
        sheets.push(measure.run(plan, on).await?);
    }
    machine.look_again();
    Ok(Report { machine, measures: sheets })
}
