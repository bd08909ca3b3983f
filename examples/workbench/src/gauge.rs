//! Figures that change while an import runs, for the observer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Figures that one task sets and another one shows.
#[derive(Default)]
pub struct Gauge {
    taken_in: AtomicU64,
    slowest_micros: AtomicU64,
}

impl Gauge {
    /// So many rows are kept as commands.
    pub fn take_in(&self, rows: u64) {
        self.taken_in.store(rows, Ordering::Relaxed);
    }

    /// The rows kept as commands so far.
    pub fn taken_in(&self) -> u64 {
        self.taken_in.load(Ordering::Relaxed)
    }

    /// A visit took this long.
    pub fn visit_took(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.slowest_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// The slowest visit since this was asked the last time.
    pub fn slowest_visit(&self) -> Duration {
        Duration::from_micros(self.slowest_micros.swap(0, Ordering::Relaxed))
    }
}
