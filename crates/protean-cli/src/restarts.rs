//! When to replace a worker that has ended. Pure: the caller measures the time.
//!
//! ```text
//! ended ─┬─ after a healthy lifetime ─▶ restart after the shortest wait
//!        └─ early ────────────────────▶ restart after twice the last wait
//! ```

use std::time::Duration;

/// The wait after a worker with a healthy lifetime.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The lifetime from which on a worker's end is not blamed on its start.
const HEALTHY_LIFETIME: Duration = Duration::from_secs(10);

/// The restarts of one worker slot.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    wait: Duration,
}

impl Restarts {
    /// How long to wait before replacing a worker that ended after this lifetime.
    pub(crate) fn next_wait(&mut self, lifetime: Duration) -> Duration {
        let wait = if lifetime < HEALTHY_LIFETIME { self.wait * 2 } else { MIN_WAIT };
        self.wait = wait.clamp(MIN_WAIT, MAX_WAIT);
        self.wait
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{HEALTHY_LIFETIME, MAX_WAIT, MIN_WAIT, Restarts};

    const IMMEDIATE: Duration = Duration::ZERO;

    #[test]
    fn the_wait_doubles_up_to_a_bound_while_workers_die_early() {
        let mut restarts = Restarts::default();
        let waits: Vec<_> = (0..4).map(|_| restarts.next_wait(IMMEDIATE)).collect();
        assert_eq!(waits, [MIN_WAIT, MIN_WAIT * 2, MIN_WAIT * 4, MIN_WAIT * 8]);
        let waits: Vec<_> = (0..1000).map(|_| restarts.next_wait(IMMEDIATE)).collect();
        assert!(waits.is_sorted() && waits.last() == Some(&MAX_WAIT), "{waits:?}");
    }

    #[test]
    fn a_healthy_lifetime_resets_the_wait() {
        let mut restarts = Restarts::default();
        assert!((0..20).all(|_| restarts.next_wait(IMMEDIATE) >= MIN_WAIT));
        assert_eq!(restarts.next_wait(HEALTHY_LIFETIME), MIN_WAIT);
        assert_eq!(restarts.next_wait(HEALTHY_LIFETIME - Duration::from_nanos(1)), MIN_WAIT * 2);
    }
}
