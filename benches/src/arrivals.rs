//! Customers who arrive on a fixed schedule, however slowly earlier ones are served.
//!
//! ```text
//! schedule ─▶ process(MakeDeposit) ─▶ … server … ─▶ DepositMade in the log
//!    └───────────────────── latency ──────────────────────┘
//! ```

use std::time::{Duration, Instant};

use protean::{Domain, Id};
use protean_cli::Result;
use tokio::task::JoinSet;

use crate::bank;
use crate::latency::Latencies;
use crate::watch::{Watcher, deposit_of};

/// The arrivals: one deposit each, at a fixed rate.
pub(crate) struct Schedule {
    pub(crate) accounts: Vec<Id>,
    pub(crate) count: u64,
    pub(crate) per_second: f64,
}

impl Schedule {
    fn due(&self, start: Instant, number: u64) -> Instant {
        start + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    /// Sends all deposits and waits until each is handled. Returns the latency of
    /// each from its due time, in milliseconds.
    ///
    /// # Errors
    /// When a deposit is not accepted, or nothing is handled for a minute.
    pub(crate) async fn run(self, domain: &Domain, watcher: &mut Watcher) -> Result<Latencies> {
        let start = Instant::now() + Duration::from_millis(10);
        let count = usize::try_from(self.count)?;
        let mut waiting: Vec<_> = (0..self.count).map(|n| Some(self.due(start, n))).collect();
        let sending = tokio::spawn(self.send(domain.clone(), start));
        let mut latencies = Latencies::default();
        while latencies.count() < count {
            let page = watcher.next().await?;
            let now = Instant::now();
            for (number, _) in page.iter().filter_map(deposit_of) {
                let due = waiting.get_mut(usize::try_from(number)?).and_then(Option::take);
                let late = due.map(|due| now.saturating_duration_since(due));
                late.iter().for_each(|late| latencies.add(late.as_secs_f64() * 1000.0));
            }
        }
        sending.await??;
        Ok(latencies)
    }

    /// Sends all deposits and waits until each is accepted.
    ///
    /// # Errors
    /// When a deposit is not accepted.
    pub(crate) async fn send_all(self, domain: &Domain) -> Result<()> {
        self.send(domain.clone(), Instant::now()).await
    }

    async fn send(self, domain: Domain, start: Instant) -> Result<()> {
        let mut pending = JoinSet::new();
        for (number, account) in (0..self.count).zip(self.accounts.iter().cycle()) {
            tokio::time::sleep_until(self.due(start, number).into()).await;
            let deposit = bank::deposit(account, Some(number.to_string()));
            pending.spawn(domain.process(deposit).asynchronous());
        }
        while let Some(sent) = pending.join_next().await {
            sent??;
        }
        Ok(())
    }
}
