//! A clock that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use protean_port::message::Timestamp;
use protean_port::port::Clock;

/// 2026-01-01T00:00:00 UTC, in microseconds.
const BEGINNING: i64 = 1_767_225_600_000_000;

/// A clock that stands still until it is moved. It begins at 2026-01-01T00:00
/// UTC; clones show the same time.
///
/// ```
/// # use std::time::Duration;
/// # use protean_port::port::Clock;
/// # use protean_testing::TestClock;
/// let clock = TestClock::default();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-01-01T00:01:30.000000+00:00");
/// ```
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Shows this time from now on, earlier or later.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.as_micros(), Ordering::SeqCst);
    }

    /// Moves on by this much.
    pub fn advance(&self, time: Duration) {
        self.set(self.now() + time);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(BEGINNING)))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
