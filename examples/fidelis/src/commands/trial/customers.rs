//! Customers with accounts before the trial begins.

use std::time::Duration;

use fidelis::account::{Account, AccountOpened, OpenAccount};
use protean::message::Lane;
use protean::{Decimal, Domain, Id, Priority};
use protean_cli::Error;
use workbench::child::Child;
use workbench::history::{History, event};
use workbench::names::name;
use workbench::random::Random;

/// The number of customers.
pub(crate) const CUSTOMERS: u32 = 1000;
/// The opening deposit of each.
const OPENING: i64 = 100;
/// How long the server may open no account before the trial fails.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Customers with accounts.
pub(crate) struct Customers {
    pub(crate) accounts: Vec<Id>,
    /// What they have paid in so far.
    pub(crate) total: Decimal,
}

/// Opens accounts at NORMAL and waits until the server has opened them all.
///
/// # Errors
/// When the server ends or is silent, or the database cannot be used.
pub(crate) async fn open(domain: &Domain, server: &mut Child) -> Result<Customers, Error> {
    let mut history = History::of::<Account>(domain, domain.lanes().range(Lane::Primary)).await?;
    history.skip().await?;
    // Another run on the same database has customers of its own.
    let run = Id::new().as_str().replace('-', "");
    let run = &run[..12];
    let mut random = Random::new(1000);
    let commands: Vec<_> = (0..CUSTOMERS)
        .map(|number| OpenAccount {
            account_number: format!("C{run}-{number:04}"),
            holder_name: name(&mut random),
            opening_deposit: Decimal::from(OPENING),
        })
        .collect();
    domain.process_all(commands).priority(Priority::NORMAL).await?;
    let accounts = await_accounts(history, &format!("C{run}-"), server).await?;
    let total = Decimal::from(OPENING * i64::from(CUSTOMERS));
    Ok(Customers { accounts, total })
}

/// The identities that the accounts were given.
async fn await_accounts(
    mut history: History,
    prefix: &str,
    server: &mut Child,
) -> Result<Vec<Id>, Error> {
    let mut accounts = Vec::new();
    let mut silent_since = std::time::Instant::now();
    while accounts.len() < CUSTOMERS as usize {
        server.check()?;
        let page = history.next_page().await?;
        if page.is_empty() {
            if silent_since.elapsed() > STALL_TIMEOUT {
                return Err(silent(server));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        silent_since = std::time::Instant::now();
        for recorded in &page {
            if let Some(opened) = event::<AccountOpened>(recorded)?
                && opened.account_number.starts_with(prefix)
            {
                accounts.push(opened.account_id);
            }
        }
    }
    Ok(accounts)
}

fn silent(server: &Child) -> Error {
    let words = server.last_words();
    Error::failed(format!("the server has opened no account for {STALL_TIMEOUT:?}:\n{words}"))
}
