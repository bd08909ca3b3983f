//! What Protean does in a second, beside what the machine could do.
//!
//! ```text
//! cargo run --release -p protean-benches -- NAME [--rounds N] [--quick] [--json]
//!
//! measure ─▶ place   folder, database, settings
//!         ├▶ child   this program again: server, bulk sender, bare client
//!         ├▶ bare    the same with rusqlite alone
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
mod report;
mod sheet;
mod watch;

use std::process::ExitCode;

use protean_cli::{App, Reply, Result};

use measure::Measure;
use plan::Plan;
use report::{Machine, Report};

/// What a shell calls a process that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

/// What there is beside the commands of every domain.
#[derive(clap::Subcommand)]
enum Command {
    /// A synchronous command in memory
    T0(Plan),
    /// How long a customer waits while bulk work goes on
    T7(Plan),
    /// From `process` to the handler of an idle server
    T9(Plan),
    /// An aggregate with a long history
    T10(Plan),
    /// The memory of a server with a backlog
    T11(Plan),
    /// The whole pipeline in two processes
    T13(Plan),
    /// From the start to 'ready', and the cost of an idle server
    T14(Plan),
    /// All of them, the longest at the end
    All(Plan),
    /// What Protean for Python comes to, on PostgreSQL and Redis
    Peer(Plan),
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
        Command::T7(plan) => (vec![Measure::T7], plan),
        Command::T9(plan) => (vec![Measure::T9], plan),
        Command::T10(plan) => (vec![Measure::T10], plan),
        Command::T11(plan) => (vec![Measure::T11], plan),
        Command::T13(plan) => (vec![Measure::T13], plan),
        Command::T14(plan) => (vec![Measure::T14], plan),
        Command::All(plan) => (Measure::ALL.to_vec(), plan),
        Command::Peer(plan) => {
            let figures = peer::run(&plan).await?;
            return app.reply(Reply::plain(&figures, &figures));
        }
        Command::Flood { poisoned } => return done(backlog::flood(&app, poisoned).await),
        Command::Bare(process) => return done(process.run()),
    };
    let report = tokio::select! {
        report = carry_out(&measures, &plan) => report?,
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            eprintln!("interrupted: its processes are stopped, nothing is left behind");
            return Ok(ExitCode::from(INTERRUPTED));
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
        eprintln!("measuring {measure:?}");
        sheets.push(measure.run(plan).await?);
    }
    machine.look_again();
    Ok(Report { machine, measures: sheets })
}
