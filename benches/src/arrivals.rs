//! Customers who arrive on a fixed schedule, however slowly earlier ones are served.
//!
//! ```text
//! schedule ─▶ process(MakeDeposit) ─▶ … server … ─▶ DepositMade in the log
//!    └───────────────────── latency ──────────────────────┘
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protean::{Domain, Id};
use protean_cli::Result;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use workbench::latency::Latencies;

use crate::bank;
use crate::timeline::Served;
use crate::watch::{Watcher, deposit_of};

/// From the start of a schedule until its first deposit is due.
const START_DELAY: Duration = Duration::from_millis(10);

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
    /// each from its due time.
    ///
    /// # Errors
    /// When a deposit is not accepted, or nothing is handled for a minute.
    pub(crate) async fn run(self, domain: &Domain, watcher: &mut Watcher) -> Result<Latencies> {
        let (start, never) = (Instant::now(), CancellationToken::new());
        let mut latencies = Latencies::default();
        let served = self.run_until(domain, watcher, start, never).await?;
        served.iter().for_each(|served| latencies.add(served.latency()));
        Ok(latencies)
    }

    /// Sends deposits until all are sent or `stop` is cancelled, the first one 10 ms after
    /// `start`, and waits until each is handled. Returns when each was due, and its latency
    /// from then on.
    ///
    /// # Errors
    /// When a deposit is not accepted, or nothing is handled for a minute.
    pub(crate) async fn run_until(
        self,
        domain: &Domain,
        watcher: &mut Watcher,
        start: Instant,
        stop: CancellationToken,
    ) -> Result<Vec<Served>> {
        let start = start + START_DELAY;
        let per_second = self.per_second;
        let mut sending = tokio::spawn(self.send(domain.clone(), start, stop));
        let (mut sent, mut served) = (None, BTreeMap::new());
        while sent.is_none_or(|sent| (served.len() as u64) < sent) {
            let page = tokio::select! {
                ended = &mut sending, if sent.is_none() => {
                    sent = Some(ended??);
                    continue;
                }
                page = watcher.next() => page?,
            };
            let now = Instant::now();
            for (number, _) in page.iter().filter_map(deposit_of) {
                let due_s = number as f64 / per_second;
                let late = now.saturating_duration_since(start).as_secs_f64() - due_s;
                let latency_ms = late.max(0.0) * 1000.0;
                served.entry(number).or_insert(Served { due_s, latency_ms });
            }
        }
        Ok(served.into_values().collect())
    }

    /// Sends all deposits and waits until each is accepted.
    ///
    /// # Errors
    /// When a deposit is not accepted.
    pub(crate) async fn send_all(self, domain: &Domain) -> Result<()> {
        self.send(domain.clone(), Instant::now(), CancellationToken::new()).await?;
        Ok(())
    }

    /// Returns how many it has sent.
    async fn send(self, domain: Domain, start: Instant, stop: CancellationToken) -> Result<u64> {
        let (mut pending, mut count) = (JoinSet::new(), 0);
        for (number, account) in (0..self.count).zip(self.accounts.iter().cycle()) {
            let due = tokio::time::sleep_until(self.due(start, number).into());
            if stop.run_until_cancelled(due).await.is_none() {
                break;
            }
            let deposit = bank::deposit(account, Some(number.to_string()));
            pending.spawn(domain.process(deposit).asynchronous());
            count += 1;
            while let Some(sent) = pending.try_join_next() {
                sent??;
            }
        }
        while let Some(sent) = pending.join_next().await {
            sent??;
        }
        Ok(count)
    }
}
