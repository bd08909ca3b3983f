//! A server and its customers, on a place of their own.

use protean::{Domain, Id};
use protean_cli::Result;
use workbench::child::Child;
use workbench::latency::Latencies;

use crate::arrivals::Schedule;
use crate::backlog;
use crate::place::{Place, Settings};
use crate::stack::Stack;
use crate::watch::Watcher;

/// The customers: how many there are, and how many come in a second.
#[derive(Clone, Copy)]
pub(crate) struct Crowd {
    pub(crate) customers: u64,
    pub(crate) per_second: f64,
}

/// A running server, and customers who have opened their accounts.
pub(crate) struct Site {
    pub(crate) domain: Domain,
    pub(crate) watcher: Watcher,
    pub(crate) accounts: Vec<Id>,
    per_second: f64,
    pub(crate) server: Child,
    pub(crate) place: Place,
}

impl Site {
    /// Starts the server and opens the accounts.
    ///
    /// # Errors
    /// When the server does not start or handle them.
    pub(crate) async fn open(stack: &Stack, settings: Settings, crowd: Crowd) -> Result<Self> {
        let place = Place::new(stack, settings)?;
        let domain = place.domain()?;
        let server = place.server().await?;
        let mut watcher = Watcher::of(&domain).await?;
        // One account per customer, so that no customer waits for another's conflict.
        let accounts = watcher.open_accounts(&domain, crowd.customers).await?;
        backlog::drained(&domain).await?;
        Ok(Self { domain, watcher, accounts, per_second: crowd.per_second, server, place })
    }

    /// One deposit of each customer.
    ///
    /// # Errors
    /// When a deposit is not accepted, or nothing is handled for a minute.
    pub(crate) async fn serve(&mut self) -> Result<Latencies> {
        let schedule = self.schedule(self.accounts.len() as u64);
        schedule.run(&self.domain, &mut self.watcher).await
    }

    /// Deposits of any number, each customer in turn.
    pub(crate) fn schedule(&self, count: u64) -> Schedule {
        Schedule { accounts: self.accounts.clone(), count, per_second: self.per_second }
    }
}
