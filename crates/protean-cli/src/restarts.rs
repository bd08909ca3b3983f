//! When a worker that has ended is started again. Pure: the caller brings the time.
//!
//! ```text
//! ended ─┬─ it had lived for a while ──────▶ again, soon
//!        └─ it died early, as those before ─▶ again, after twice the wait
//! ```

use std::time::Duration;

/// The wait after a worker that lived for a while.
const SOON: Duration = Duration::from_millis(100);

/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// A worker that lived so long did not die of how it was started.
const A_WHILE: Duration = Duration::from_secs(10);

/// The ends of the workers in one place.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    wait: Duration,
}

impl Restarts {
    /// A worker has ended that lived so long: how long to wait before the next
    /// one is started in its place.
    pub(crate) fn ended(&mut self, lived: Duration) -> Duration {
        let longer = if lived < A_WHILE { self.wait * 2 } else { SOON };
        self.wait = longer.clamp(SOON, LONGEST);
        self.wait
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{A_WHILE, LONGEST, Restarts, SOON};

    const AT_ONCE: Duration = Duration::ZERO;

    #[test]
    fn the_wait_doubles_while_workers_die_at_once_and_is_bounded() {
        let mut restarts = Restarts::default();
        let waits: Vec<_> = (0..4).map(|_| restarts.ended(AT_ONCE)).collect();
        assert_eq!(waits, [SOON, SOON * 2, SOON * 4, SOON * 8]);
        let waits: Vec<_> = (0..1000).map(|_| restarts.ended(AT_ONCE)).collect();
        assert!(waits.is_sorted() && waits.last() == Some(&LONGEST), "{waits:?}");
    }

    #[test]
    fn a_worker_that_lived_for_a_while_begins_the_count_anew() {
        let mut restarts = Restarts::default();
        assert!((0..20).all(|_| restarts.ended(AT_ONCE) >= SOON));
        assert_eq!(restarts.ended(A_WHILE), SOON);
        assert_eq!(restarts.ended(A_WHILE - Duration::from_nanos(1)), SOON * 2);
    }
}
