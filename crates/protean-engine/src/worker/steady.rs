//! A clock that never goes back, for deciding what is due.

use std::time::Duration;

use protean_port::message::Timestamp;
use protean_port::port::Clock;
use tokio::time::Instant;

/// Keeps the pace of the machine when the wall clock is set back, and follows it when it is
/// set forward: nothing becomes due too late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steady {
    wall: Timestamp,
    since: Instant,
}

impl Steady {
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), since: Instant::now() }
    }

    /// Remembers the present, so that the clock does not go back before it.
    pub(crate) fn tick(&mut self, clock: &dyn Clock) {
        *self = Self { wall: self.now(clock), since: Instant::now() };
    }

    /// The present, never before the last [`tick`](Self::tick).
    pub(crate) fn now(&self, clock: &dyn Clock) -> Timestamp {
        clock.now().max(self.wall + self.since.elapsed())
    }

    /// Something waits until `due`, and nothing waits longer than `longest`:
    /// when it seems to, the clock was set back since, and goes on from there.
    pub(crate) fn learn(&mut self, clock: &dyn Clock, due: Timestamp, longest: Duration) {
        let ahead = due.since(self.now(clock)).saturating_sub(longest);
        self.wall += ahead;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use protean_port::message::Timestamp;
    use protean_port::port::Clock;

    use super::Steady;

    struct Wall(AtomicI64);

    impl Wall {
        fn set(&self, seconds: i64) {
            self.0.store(seconds, Ordering::Relaxed);
        }
    }

    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::Relaxed) * 1_000_000)
        }
    }

    fn seconds(timestamp: Timestamp) -> i64 {
        timestamp.as_micros() / 1_000_000
    }

    #[tokio::test(start_paused = true)]
    async fn goes_on_when_the_wall_is_set_back_and_along_when_it_is_set_forward() {
        let wall = Wall(AtomicI64::new(10_000));
        let mut steady = Steady::new(&wall);
        wall.set(6_400);
        assert_eq!(seconds(steady.now(&wall)), 10_000);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(seconds(steady.now(&wall)), 10_005);
        wall.set(13_600);
        assert_eq!(seconds(steady.now(&wall)), 13_600);
        steady.tick(&wall);
        wall.set(10_000);
        assert_eq!(seconds(steady.now(&wall)), 13_600, "it was that late once");
    }

    #[tokio::test(start_paused = true)]
    async fn learns_of_a_clock_that_was_set_back_before_it_began() {
        let (wall, longest) = (Wall(AtomicI64::new(10_000)), Duration::from_secs(75));
        let mut steady = Steady::new(&wall);
        steady.learn(&wall, Timestamp::from_micros(10_060 * 1_000_000), longest);
        assert_eq!(seconds(steady.now(&wall)), 10_000, "that may be waited for");
        steady.learn(&wall, Timestamp::from_micros(13_600 * 1_000_000), longest);
        assert_eq!(seconds(steady.now(&wall)), 13_525);
    }
}
