//! A clock that does not go back, for what is due.

use protean_core::message::Timestamp;
use protean_core::port::Clock;
use tokio::time::Instant;

/// Goes on at the pace of the machine when the clock on the wall is set back,
/// and along with it when that is set forward: nothing becomes due too late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steady {
    wall: Timestamp,
    since: Instant,
}

impl Steady {
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), since: Instant::now() }
    }

    /// Now: never before what was now earlier.
    pub(crate) fn now(&self, clock: &dyn Clock) -> Timestamp {
        clock.now().max(self.wall + self.since.elapsed())
    }
}
