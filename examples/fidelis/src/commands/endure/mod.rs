//! `fidelis endure`: the server, or one worker of several, is killed time after
//! time while accounts come in at BULK and customers pay in; then everything is
//! counted.
//!
//! ```text
//!  accounts at BULK ─┐               ┌─ killed every few seconds
//!  customers ────────┴─▶ database ─▶ server ─▶ drained ─▶ evidence ─▶ verdict ─▶ report
//! ```
//!
//! Senders say again what they could not say, so that the database and the
//! broker may be killed as well. Whatever happens, the server is stopped and the
//! folder deleted.

mod accounts;
mod evidence;
mod report;
mod verdict;

use std::time::{Duration, Instant};

use clap::Args;
use fidelis::account::Account;
use protean::Domain;
use protean_cli::{App, Error, Reply, Result};
use workbench::child::Child;
use workbench::folder::Folder;
use workbench::history::{EVERY_LANE, History};
use workbench::interrupt::unless_interrupted;
use workbench::observer::Observer;
use workbench::place::Place;
use workbench::progress::Progress;
use workbench::restarts::Restarts;
use workbench::visitors::{Schedule, Visitors};

use crate::commands::trial::deposits::{Deposits, PaidIn, rate};
use crate::commands::trial::{BANK, WORDS, customers};
use accounts::AccountImport;
use evidence::Evidence;
use report::{Findings, Report};
use verdict::{Sent, Verdict};

/// Few enough that several deposits to one account wait when a server begins.
const REGULARS: usize = 25;

/// How much there is to endure.
#[derive(Args)]
pub(crate) struct Options {
    /// Accounts to be opened at BULK: half of them at once, the others evenly
    #[arg(long, value_name = "N", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    accounts: u64,
    /// For how many seconds the server is killed
    #[arg(long, value_name = "S", default_value_t = 60.0, value_parser = seconds)]
    seconds: f64,
    /// How many seconds pass between two kills; more when a server has handled nothing by then
    #[arg(long, value_name = "K", default_value_t = 2.0, value_parser = seconds)]
    kill_every: f64,
    /// How many customers pay in each second
    #[arg(long, value_name = "R", default_value_t = 50.0, value_parser = deposits)]
    deposits: f64,
    /// How many processes the server consists of; of several one is killed at a time
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=64))]
    workers: u64,
}

/// Kills, counts and reports what is left: exit code 0 when the verdict holds, 1
/// when it does not, 130 when it was interrupted.
///
/// # Errors
/// When it could not be carried out.
pub(crate) async fn run(options: Options, app: &App) -> Result {
    let folder = Folder::new("fidelis-")?;
    let place = Place::of(BANK, app, &folder)?;
    let report = match unless_interrupted(endure(&options, place)).await? {
        Ok(report) => report,
        Err(interrupted) => return Ok(interrupted),
    };
    drop(folder);
    let reply = Reply::plain(&report, &report);
    app.reply(if report.passed() { reply } else { reply.failed("the verdict does not hold") })
}

async fn endure(options: &Options, place: Place) -> Result<Report> {
    let domain = place.domain()?;
    refuse_if_used(&domain).await?;
    let mut server = place.serve(options.workers)?;
    let mut observer = Observer::of(&domain, Progress::new(WORDS), options.accounts).await?;
    observer.step(&format!("opening accounts for {} customers", customers::CUSTOMERS));
    let mut customers = customers::open(&domain, &mut server).await?;
    observer.await_rest(&mut server).await?;

    let lasting = Duration::from_secs_f64(options.seconds);
    observer.step(&format!(
        "killing {} every {} s for {lasting:?}, amid {} accounts",
        if options.workers == 1 { "the server" } else { "a worker" },
        options.kill_every,
        options.accounts
    ));
    customers.accounts.truncate(REGULARS);
    let schedule =
        Schedule { domain: place.domain()?, per_second: options.deposits, calm: Some(0) };
    let deposits = Deposits(customers.accounts);
    let visitors = Visitors::come(schedule, deposits, observer.gauge.clone()).await?;
    let import = AccountImport::begin(domain.clone(), options.accounts, lasting);
    let history = History::of::<Account>(&domain, EVERY_LANE).await?;
    let mut restarts = Restarts::of(&domain, place, history, options.workers).await?;
    let life = Duration::from_secs_f64(options.kill_every);
    let end = Instant::now() + lasting;
    while Instant::now() + life < end {
        calm(life, &visitors, &mut server).await?;
        server = restarts.kill(server).await?;
    }
    calm(end.saturating_duration_since(Instant::now()), &visitors, &mut server).await?;

    observer.step("letting the last server finish");
    let drained = Instant::now();
    let accounts = import.end().await?;
    let paid_in = PaidIn::at_the_end(visitors).await?;
    observer.await_rest(&mut server).await?;
    let drain = drained.elapsed();
    let server_peak_rss_mib = server.peak_memory();
    server.stop()?;
    observer.step("counting what is there");
    let (customers, workers) = (customers.total, options.workers);
    let sent = Sent { accounts, customers, paid_in: &paid_in, workers };
    let verdict = judge(&domain, &sent).await?;
    Ok(Report::draw(Findings { sent, verdict, restarts, drain, server_peak_rss_mib }))
}

/// Everything in the database is counted at the end, so nothing may be there before.
async fn refuse_if_used(domain: &Domain) -> Result<()> {
    if History::of::<Account>(domain, EVERY_LANE).await?.next_page().await?.is_empty() {
        return Ok(());
    }
    let message = "the database has accounts, and 'endure' kills its server: it needs an empty one";
    Err(Error::usage(message).advice("name an empty database, or unset DATABASE_URI"))
}

async fn judge(domain: &Domain, sent: &Sent<'_>) -> Result<Verdict> {
    let evidence = Evidence::gather(domain).await?;
    Ok(Verdict::reach(&evidence, sent))
}

/// Nothing but work, for a while.
async fn calm(wait: Duration, visitors: &Visitors, server: &mut Child) -> Result<()> {
    let end = tokio::time::Instant::now() + wait;
    loop {
        visitors.check()?;
        server.check()?;
        let now = tokio::time::Instant::now();
        if now >= end {
            return Ok(());
        }
        tokio::time::sleep((end - now).min(Duration::from_millis(50))).await;
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0.1 to 86400".into()),
    }
}

fn deposits(text: &str) -> Result<f64, String> {
    match rate(text) {
        Ok(rate) if rate >= 1.0 => Ok(rate),
        _ => {
            Err("expected a number from 1 to 10000: deposits show what a server handles first"
                .into())
        }
    }
}
