//! `fidelis migrate`: the accounts of another bank come in at BULK while the
//! customers of this one pay in as ever.
//!
//! ```text
//! folder ─▶ export ─▶ server ─▶ customers ─▶ counter opens ─▶ 5 s of calm
//!                                                 │
//!               report ◀─ verdict ◀─ drained ◀─ import at BULK
//! ```
//!
//! Whatever happens, the server is stopped and the folder deleted.

mod export;
mod import;
mod legacy;
mod register;
mod rejections;
mod report;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use protean_cli::{App, Error, Reply, Result};
use workbench::child::Child;
use workbench::folder::Folder;
use workbench::interrupt::unless_interrupted;
use workbench::observer::Observer;
use workbench::place::Place;
use workbench::progress::Progress;
use workbench::visitors::{Schedule, Visitors};

use crate::commands::trial::deposits::{Deposits, PaidIn, rate};
use crate::commands::trial::{BANK, WORDS, customers};
use import::SharedRegister;
use legacy::Legacy;
use report::{Findings, Report};
use verdict::{Before, Verdict};

/// How long deposits are measured before the import begins.
const CALM: Duration = Duration::from_secs(5);

/// How large the migration is.
#[derive(Args)]
pub(crate) struct Options {
    /// Rows of the export that is made up
    #[arg(long, value_name = "N", default_value_t = 20_000,
          value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    accounts: u64,
    /// How many customers pay in each second, before the import and during it
    #[arg(long, value_name = "R", default_value_t = 100.0, value_parser = rate)]
    deposits_per_second: f64,
    /// How many processes the server consists of
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=64))]
    workers: u64,
    /// Slows the server's backfill while deposits take longer than this, in milliseconds
    #[arg(long, value_name = "MS", value_parser = target)]
    production_latency_target_ms: Option<f64>,
    /// Takes this CSV file (number,name,balance) in place of a made-up export
    #[arg(long, value_name = "FILE", conflicts_with = "accounts")]
    export: Option<PathBuf>,
}

/// Migrates and reports the outcome: exit code 0 when the verdict holds, 1
/// when it does not, 130 when it was interrupted.
///
/// # Errors
/// When the migration could not be carried out.
pub(crate) async fn run(options: Options, app: &App) -> Result {
    let folder = Folder::new("fidelis-")?;
    let mut place = Place::of(BANK, app, &folder)?;
    if let Some(target_ms) = options.production_latency_target_ms {
        place = place.paced(target_ms, &folder)?;
    }
    let report = match unless_interrupted(migrate(&options, &place, &folder)).await? {
        Ok(report) => report,
        Err(interrupted) => return Ok(interrupted),
    };
    drop(folder);
    let reply = Reply::plain(&report, &report);
    app.reply(if report.passed() { reply } else { reply.failed("the verdict does not hold") })
}

async fn migrate(options: &Options, place: &Place, folder: &Folder) -> Result<Report> {
    let progress = Progress::new(WORDS);
    let legacy = Legacy::open(&export(options, folder)?)?;
    let domain = place.domain()?;
    domain.store().await?;
    progress.step("starting the server");
    let mut server = place.serve(options.workers)?;
    let rows = if options.export.is_some() { 0 } else { options.accounts };
    let mut observer = Observer::of(&domain, progress, rows).await?;
    observer.await_rest(&mut server).await?;
    let before = Before::of(&domain).await?;

    observer.step(&format!("opening accounts for {} customers", customers::CUSTOMERS));
    let customers = customers::open(&domain, &mut server).await?;
    observer.await_rest(&mut server).await?;
    let per_second = options.deposits_per_second;
    let schedule = Schedule { domain: place.domain()?, per_second, calm: None };
    let (deposits, gauge) = (Deposits(customers.accounts), Arc::clone(&observer.gauge));
    let visitors = Visitors::come(schedule, deposits, Arc::clone(&gauge)).await?;

    if per_second > 0.0 {
        observer.step(&format!("measuring {per_second} deposits a second for {CALM:?}"));
        calm(&visitors, &mut server).await?;
    }
    observer.step("importing the export at BULK while they go on");
    visitors.busy();
    let register = SharedRegister::default();
    let taking_in = import::take_in(domain.clone(), legacy, register.clone(), gauge);
    let imported = observer.import(taking_in, &visitors, &mut server).await?;
    let paid_in = PaidIn::at_the_end(visitors).await?;
    let waiting = observer.await_rest(&mut server).await?;

    observer.step("counting what is there");
    let server_peak_rss_mib = server.peak_memory();
    server.stop()?;
    let mut register = std::mem::take(&mut *register.open());
    let beside = customers.total + paid_in.total;
    let verdict = Verdict::reach(&domain, &mut register, before, beside).await?;
    let findings = Findings { register, verdict, paid_in, waiting, imported, server_peak_rss_mib };
    Ok(Report::draw(findings))
}

/// More than no milliseconds.
fn target(text: &str) -> std::result::Result<f64, String> {
    let target = text.parse::<f64>().ok().filter(|target| *target > 0.0 && target.is_finite());
    target.ok_or_else(|| "expected a number of milliseconds above 0".to_owned())
}

/// The export to take in: the user's, or one that is made up.
fn export(options: &Options, folder: &Folder) -> Result<PathBuf> {
    if let Some(given) = &options.export {
        return Ok(given.clone());
    }
    let path = folder.file("legacy.csv");
    export::write(&path, options.accounts).map_err(|error| {
        Error::failed(format!("{}: cannot be written: {error}", path.display()))
            .advice("make room there, or set TMPDIR to another folder")
    })?;
    Ok(path)
}

/// Nothing but deposits, for a while.
async fn calm(visitors: &Visitors, server: &mut Child) -> Result<()> {
    let end = tokio::time::Instant::now() + CALM;
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(100)).await;
        visitors.check()?;
        server.check()?;
    }
    Ok(())
}
