//! Benchmarks: what Protean achieves, next to what the machine allows.
//!
//! ```text
//! cargo run --release -p protean-benches -- NAME [--on servers] [--with-python] [--rounds N]
//!     [--backlog N] [--quick] [--json]
//! … -- bulk-latency --plot FILE [--on servers] [--backlog N]
//!
//! measure ─▶ stack   a file, or PostgreSQL and Redis started for this run
//!         ├▶ place   one database on it, and its settings
//!         ├▶ child   this program as a server, bulk sender or bare client
//!         ├▶ bare    the limit: the same work with plain SQL and Redis commands
//!         ├▶ peer    the same bank in Protean for Python
//!         ├▶ sheet   rounds, medians, targets ─▶ report
//!         └▶ plot    one run over time, as an SVG
//! ```
//!
//! The program is also the domain's own binary, so the measured server is the
//! one that users run.

mod arrivals;
mod backlog;
mod bank;
mod bare;
mod clock;
mod counters;
mod home;
mod intervals;
mod measure;
mod monitor;
mod peer;
mod place;
mod plan;
mod plot;
mod processor;
mod report;
mod rest;
mod sheet;
mod site;
mod stack;
mod timeline;
mod watch;

use std::process::ExitCode;

use protean_cli::{App, Reply, Result};

use measure::Measure;
use plan::Plan;
use report::{Machine, Report};

/// The commands added to those of every domain binary.
#[derive(clap::Subcommand)]
enum Task {
    /// One synchronous command in memory (formerly T0)
    #[command(alias = "t0")]
    SyncCommand(Plan),
    /// One command at a time, until it is committed (formerly T3)
    #[command(alias = "t3")]
    CommitOne(Plan),
    /// 32 commands at once, until they are committed (formerly T4)
    #[command(alias = "t4")]
    CommitMany(Plan),
    /// From the log to the broker's streams (formerly T5)
    #[command(alias = "t5")]
    Relay(Plan),
    /// A projector that writes one row per event (formerly T6)
    #[command(alias = "t6")]
    Projector(Plan),
    /// How long a customer waits while bulk work runs (formerly T7)
    #[command(alias = "t7")]
    BulkLatency(Plan),
    /// From `process` to the handler of an idle server (formerly T9)
    #[command(alias = "t9")]
    WakeUp(Plan),
    /// One deposit, on idle servers and beside bulk work: how long each hop takes
    HopBudget(Plan),
    /// What one deposit more costs: syncs, transactions, Redis commands, bytes
    MessageCounts(Plan),
    /// An aggregate with a long history (formerly T10)
    #[command(alias = "t10")]
    LongStream(Plan),
    /// Memory of a server with a backlog (formerly T11)
    #[command(alias = "t11")]
    BacklogMemory(Plan),
    /// The whole pipeline, with few commands and with many (formerly T12)
    #[command(alias = "t12")]
    Pipeline(Plan),
    /// The whole pipeline on one SQLite file, in two processes (formerly T13)
    #[command(alias = "t13")]
    EmbeddedPipeline(Plan),
    /// From process start to 'ready', and the cost of an idle server (formerly T14)
    #[command(alias = "t14")]
    Startup(Plan),
    /// What a customer waits while a projection is rebuilt
    Rebuild(Plan),
    /// What a customer waits while 20 people look at the observatory
    Viewers(Plan),
    /// All measures, the longest last
    All(Plan),
    /// Sends bulk messages until killed
    #[command(hide = true)]
    Flood(backlog::Flood),
    #[command(flatten)]
    Bare(bare::Process),
}

fn main() -> ExitCode {
    protean_cli::run_with(bank::of_environment(), run)
}

async fn run(task: Task, app: App) -> Result {
    let (measures, plan) = match task {
        Task::SyncCommand(plan) => (vec![Measure::SyncCommand], plan),
        Task::CommitOne(plan) => (vec![Measure::CommitOne], plan),
        Task::CommitMany(plan) => (vec![Measure::CommitMany], plan),
        Task::Relay(plan) => (vec![Measure::Relay], plan),
        Task::Projector(plan) => (vec![Measure::Projector], plan),
        Task::BulkLatency(plan) => (vec![Measure::BulkLatency], plan),
        Task::WakeUp(plan) => (vec![Measure::WakeUp], plan),
        Task::HopBudget(plan) => (vec![Measure::HopBudget], plan),
        Task::MessageCounts(plan) => (vec![Measure::MessageCounts], plan),
        Task::LongStream(plan) => (vec![Measure::LongStream], plan),
        Task::BacklogMemory(plan) => (vec![Measure::BacklogMemory], plan),
        Task::Pipeline(plan) => (vec![Measure::Pipeline], plan),
        Task::EmbeddedPipeline(plan) => (vec![Measure::EmbeddedPipeline], plan),
        Task::Startup(plan) => (vec![Measure::Startup], plan),
        Task::Rebuild(plan) => (vec![Measure::Rebuild], plan),
        Task::Viewers(plan) => (vec![Measure::Viewers], plan),
        Task::All(plan) => (Measure::ALL.to_vec(), plan),
        Task::Flood(flood) => return done(flood.run(&app).await),
        Task::Bare(process) => return done(process.run().await),
    };
    let stopped = protean_cli::stop_signal()?;
    let report = tokio::select! {
        report = carry_out(&measures, &plan) => report?,
        stop = stopped => {
            eprintln!("{}: stopped all processes and removed their files", stop.name());
            return Ok(ExitCode::FAILURE);
        }
    };
    app.reply(Reply::plain(&report, &report))
}

fn done(done: Result<()>) -> Result {
    done.map(|()| ExitCode::SUCCESS)
}

async fn carry_out(measures: &[Measure], plan: &Plan) -> Result<Report> {
    let mut machine = Machine::describe();
    let mut sheets = Vec::new();
    for measure in measures {
        let on = measure.on(plan)?;
        eprintln!("measuring {measure}");
        sheets.push(measure.run(plan, on).await?);
    }
    machine.update_load();
    Ok(Report { machine, measures: sheets })
}
