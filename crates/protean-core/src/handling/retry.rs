//! Trying again: how long to wait, and running again what came too late.

use std::future::Future;
use std::time::Duration;

use protean_port::Result;

use crate::config::VersionRetry;
use crate::unit::ReadMode;

/// The longest wait between two tries of a handler.
const MAX_RETRY_WAIT: Duration = Duration::from_secs(60);

/// How long to wait before another try: longer after each failure. Pure, since
/// the caller brings the randomness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub base: Duration,
    /// How many times longer each further wait is.
    pub factor: f64,
    /// The longest wait, before it is spread.
    pub longest: Duration,
    /// By which share at most a wait is made longer, so that what failed
    /// together does not come back together.
    pub jitter: f64,
}

impl Backoff {
    /// Between the tries of a handler: doubled up to a minute, then spread over
    /// a quarter.
    pub fn of_handler(retry_delay: Duration) -> Self {
        let longest = MAX_RETRY_WAIT.max(retry_delay);
        Self { base: retry_delay, factor: 2.0, longest, jitter: 0.25 }
    }

    /// Between the tries of a unit that came too late: doubled up to `max_delay`.
    pub fn of_conflicts(retry: &VersionRetry) -> Self {
        Self { base: retry.base_delay, factor: 2.0, longest: retry.max_delay, jitter: 0.0 }
    }

    /// The wait after this many failures in a row, spread by `chance` (0 to 1).
    pub fn wait(&self, failures: u32, chance: f64) -> Duration {
        let times = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = Duration::try_from_secs_f64(self.base.as_secs_f64() * self.factor.powi(times));
        let wait = wait.map_or(self.longest, |wait| wait.min(self.longest));
        wait + wait.mul_f64(self.jitter * chance.clamp(0.0, 1.0))
    }

    /// The longest wait there is.
    pub fn longest_wait(&self) -> Duration {
        self.longest + self.longest.mul_f64(self.jitter)
    }
}

/// A number between 0 and 1 that differs from message to message and from try
/// to try, and is the same each time it is asked for.
pub(super) fn jitter(position: u64, failures: u32) -> f64 {
    let mixed = (position ^ (u64::from(failures) << 56)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let high = u32::try_from(mixed >> 32).unwrap_or(0);
    f64::from(high) / f64::from(u32::MAX)
}

/// Runs and commits a unit again as long as it comes too late, at most as often
/// as `version_retry` allows.
///
/// # Errors
/// What `attempt` gives; the last conflict, when there have been enough.
pub(crate) async fn retry_on_conflict<T, F>(
    retry: &VersionRetry,
    mut attempt: impl FnMut(ReadMode) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let retries = if retry.enabled { retry.max_retries } else { 0 };
    let backoff = Backoff::of_conflicts(retry);
    let mut conflicts = 0;
    loop {
        let mode = if conflicts == 0 { ReadMode::Assume } else { ReadMode::Verify };
        match attempt(mode).await {
            Err(error) if error.is_conflict() && conflicts < retries => {}
            ended => return ended,
        }
        // The first try on fresh state is made at once: most conflicts are over by then.
        if conflicts > 0 {
            tokio::time::sleep(backoff.wait(conflicts, 0.0)).await;
        }
        conflicts += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::time::Duration;

    use super::{Backoff, jitter, retry_on_conflict};
    use crate::config::VersionRetry;
    use crate::unit::ReadMode;
    use protean_port::Error;

    #[test]
    fn doubles_up_to_a_minute() {
        let second = Duration::from_secs(1);
        let backoff = Backoff::of_handler(second);
        let waits: Vec<_> = (1..=8).map(|n| backoff.wait(n, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.wait(u32::MAX, 0.0).as_secs(), 60);
        assert_eq!(backoff.longest_wait().as_secs(), 75);
        assert_eq!(Backoff::of_handler(90 * second).wait(3, 0.0).as_secs(), 90);
    }

    #[test]
    fn jitter_adds_at_most_a_quarter() {
        let backoff = Backoff::of_handler(Duration::from_secs(4));
        for position in 0..1000 {
            let chance = jitter(position, 2);
            assert!((0.0..=1.0).contains(&chance));
            let wait = backoff.wait(1, chance).as_secs_f64();
            assert!((4.0..=5.0).contains(&wait));
        }
    }

    fn retry() -> VersionRetry {
        VersionRetry {
            enabled: true,
            max_retries: 3,
            base_delay: Duration::from_millis(50),
            max_delay: Duration::from_secs(1),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_is_tried_again_on_fresh_state_and_given_up_in_the_end() {
        let began = tokio::time::Instant::now();
        let mut tries = Vec::new();
        let retry = retry();
        let ended = retry_on_conflict(&retry, |mode| {
            tries.push((mode, began.elapsed().as_millis()));
            ready(Err::<(), _>(Error::conflict("late")))
        });
        assert!(ended.await.unwrap_err().is_conflict());
        let verify = ReadMode::Verify;
        assert_eq!(tries, [(ReadMode::Assume, 0), (verify, 0), (verify, 50), (verify, 150)]);
    }

    #[tokio::test]
    async fn another_failure_is_not_tried_again() {
        let mut tries = 0;
        let retry = retry();
        let ended = retry_on_conflict(&retry, |_| {
            tries += 1;
            ready(Err::<(), _>(Error::failed("wrong")))
        });
        assert!(!ended.await.unwrap_err().is_conflict());
        assert_eq!(tries, 1);
    }
}
