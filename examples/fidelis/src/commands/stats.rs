//! `fidelis stats`: what the bank holds.

use fidelis::account::{Account, AccountOpened};
use protean::{Decimal, Domain, Result};
use serde::Serialize;
use workbench::history::{EVERY_LANE, History, event};

use crate::commands::trial::summaries::Summaries;

/// What the bank holds, counted in its tables.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Stats {
    /// Accounts opened, by the log.
    pub(crate) accounts: u64,
    /// Rows for the counter.
    pub(crate) summaries: u64,
    /// The balances of all rows, exactly.
    pub(crate) total_balance: Decimal,
}

impl Stats {
    /// Counts. An account that was opened a moment ago may not have its
    /// summary yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn of(domain: &Domain) -> Result<Self> {
        let mut stats = Self::default();
        let mut history = History::of::<Account>(domain, EVERY_LANE).await?;
        loop {
            let page = history.next_page().await?;
            if page.is_empty() {
                break;
            }
            for recorded in &page {
                stats.accounts += u64::from(event::<AccountOpened>(recorded)?.is_some());
            }
        }
        let mut summaries = Summaries::of(domain).await?;
        loop {
            let page = summaries.next_page().await?;
            if page.is_empty() {
                return Ok(stats);
            }
            stats.summaries += page.len() as u64;
            stats.total_balance += page.iter().map(|summary| summary.balance).sum();
        }
    }
}

impl std::fmt::Display for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "Accounts       {}", self.accounts)?;
        writeln!(f, "Summaries      {}", self.summaries)?;
        write!(f, "Total balance  {}", self.total_balance)
    }
}
