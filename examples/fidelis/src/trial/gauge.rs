//! Figures that change while the migration runs, for the observer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Figures that one task sets and another one shows.
#[derive(Default)]
pub(crate) struct Gauge {
    taken_in: AtomicU64,
    slowest_micros: AtomicU64,
}

impl Gauge {
    /// So many accounts are kept as commands.
    pub(crate) fn taken_in(&self, accounts: u64) {
        self.taken_in.store(accounts, Ordering::Relaxed);
    }

    /// The accounts kept as commands so far.
    pub(crate) fn accounts(&self) -> u64 {
        self.taken_in.load(Ordering::Relaxed)
    }

    /// A deposit took this long.
    pub(crate) fn deposit_took(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.slowest_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// The slowest deposit since this was asked the last time.
    pub(crate) fn slowest_deposit(&self) -> Duration {
        Duration::from_micros(self.slowest_micros.swap(0, Ordering::Relaxed))
    }
}
