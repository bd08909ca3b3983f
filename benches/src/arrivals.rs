//! Customers who come at fixed moments, however slowly those before them are served.
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

/// Who comes, and how often.
pub(crate) struct Schedule {
    pub(crate) accounts: Vec<Id>,
    pub(crate) count: u64,
    pub(crate) per_second: f64,
}

impl Schedule {
    fn due(&self, start: Instant, number: u64) -> Instant {
        start + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    /// Lets them all in and waits until each is served. Gives how long each
    /// took from the moment at which it was due, in milliseconds.
    ///
    /// # Errors
    /// When a deposit is not accepted, or not handled for a minute.
    pub(crate) async fn run(self, domain: &Domain, watcher: &mut Watcher) -> Result<Latencies> {
        let start = Instant::now() + Duration::from_millis(10);
        let count = usize::try_from(self.count)?;
        let mut waiting: Vec<_> = (0..self.count).map(|n| Some(self.due(start, n))).collect();
        let letting_in = tokio::spawn(self.let_in(domain.clone(), start));
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
        letting_in.await??;
        Ok(latencies)
    }

    async fn let_in(self, domain: Domain, start: Instant) -> Result<()> {
        let mut inside = JoinSet::new();
        for (number, account) in (0..self.count).zip(self.accounts.iter().cycle()) {
            tokio::time::sleep_until(self.due(start, number).into()).await;
            let deposit = bank::deposit(account, Some(number.to_string()));
            inside.spawn(domain.process(deposit).asynchronous());
        }
        while let Some(served) = inside.join_next().await {
            served??;
        }
        Ok(())
    }
}
