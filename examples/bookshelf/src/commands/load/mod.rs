//! `bookshelf load`: orders at a steady rate, before ten thousand books come in
//! and while they do.
//!
//! ```text
//! Orders ─▶ HTTP ─▶ Shop (bookshelf serve) ─▶ log ─▶ Report
//! books ─▶ process_all, BULK ───────────────▶ log ─▶ at rest
//! ```

mod books;
mod orders;
mod report;
mod shop;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use bookshelf::book::Book;
use bookshelf::catalog::BookCatalog;
use bookshelf::order::Order;
use clap::Args;
use protean::message::Lane;
use protean::{Domain, Priority};
use protean_cli::{App, Error, Reply, Result, Stop, stop_signal};
use workbench::folder::Folder;
use workbench::visitors::{Schedule, Visitors};

use orders::Orders;
use report::{Drain, Findings, Report};
use shop::Shop;

/// Books in stock before the first order.
const STOCK: u32 = 100;

/// How much there is to do.
#[derive(Args)]
pub(crate) struct Options {
    /// How many orders come each second, whatever became of the ones before
    #[arg(long, value_name = "R", default_value_t = 100.0, value_parser = rate)]
    rate: f64,
    /// How many orders come before the books
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    orders: u64,
    /// How many books come in with priority BULK
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(..=100_000_000))]
    books: u32,
}

/// Measures, in a folder of its own that is gone afterwards: exit code 0 when
/// every order was placed once, else 1.
///
/// # Errors
/// When it could not be carried out.
pub(crate) async fn run(options: &Options, app: &App) -> Result {
    if app.config_file().is_some() {
        let message = "'load' starts its own shop: leave out --config";
        return Err(Error::usage(message));
    }
    let folder = Folder::new("bookshelf-")?;
    let database_uri = folder.database_uri("load.db");
    let stop = stop_signal()?;
    let report = tokio::select! {
        report = measure(options, &database_uri) => report?,
        signal = stop => {
            eprintln!("{}: the shop is stopped, nothing is left behind", signal.name());
            return Ok(ExitCode::from(if signal == Stop::Terminated { 143 } else { 130 }));
        }
    };
    drop(folder);
    let reply = Reply::plain(&report, &report);
    app.reply(match &report.first_error {
        Some(first) => reply.failed(format!("{} orders failed, the first: {first}", report.errors)),
        None if !report.passes() => reply.failed("there are not as many orders and books as sent"),
        None => reply,
    })
}

async fn measure(options: &Options, database_uri: &str) -> Result<Report> {
    let domain = bookshelf::domain_on(database_uri).build()?;
    let mut shop = Shop::start(database_uri).await?;
    let stock: Vec<_> = (0..STOCK).map(books::book).collect();
    let books = stock.iter().map(|book| book.book_id.clone()).collect();
    domain.process_all(stock).await?;
    shop.at_rest(&domain, Lane::Primary).await?;

    let Options { rate: per_second, orders: idle, .. } = *options;
    let of_customers = bookshelf::domain_on(database_uri).build()?;
    let schedule = Schedule { domain: of_customers, per_second, calm: Some(idle) };
    let orders = Orders::to(shop.addr, books);
    let mut customers = Visitors::come(schedule, orders, Arc::default()).await?;
    customers.calm_is_over().await?;
    let drain = drain(&domain, options.books, &mut shop).await?;
    let takings = customers.close().await?;
    shop.at_rest(&domain, Lane::Primary).await?;
    shop.stop()?;
    let orders = takings.calm.visits + takings.busy.visits;
    let adds_up = adds_up(&domain, orders, u64::from(STOCK) + drain.books).await?;
    Ok(Report::draw(Findings { per_second, takings, drain, adds_up }))
}

/// Queues the books and waits until nothing of them is left to handle.
async fn drain(domain: &Domain, books: u32, shop: &mut Shop) -> Result<Drain> {
    let began = Instant::now();
    let books = (STOCK..STOCK.saturating_add(books)).map(books::book);
    let intake = domain.process_all(books).priority(Priority::BULK).await?;
    let taken_in = began.elapsed();
    shop.at_rest(domain, Lane::Backfill).await?;
    Ok(Drain { books: intake.accepted, intake: taken_in, whole: began.elapsed() })
}

/// True when there are so many orders and books, no more and no fewer.
async fn adds_up(domain: &Domain, orders: u64, books: u64) -> Result<bool> {
    let placed = domain.repository::<Order>().await?.query().count().await?;
    let shelf = domain.repository::<Book>().await?.query().count().await?;
    let catalog = domain.repository::<BookCatalog>().await?.query().count().await?;
    Ok((placed, shelf, catalog) == (orders, books, books))
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.1..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0.1 to 10000".into()),
    }
}
