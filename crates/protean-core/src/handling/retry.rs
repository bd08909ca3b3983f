//! How long to wait before another try. Pure: the caller brings the randomness.

use std::time::Duration;

use protean_port::{Error, Result};

use crate::config::VersionRetry;
use crate::unit::ReadMode;

/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(60);

/// The wait after the `failures`-th failure: `base` doubled each time, at most
/// a minute, and then up to a quarter longer by `jitter` (0 to 1), so that
/// what failed together does not come back together.
pub fn backoff(base: Duration, failures: u32, jitter: f64) -> Duration {
    let doubled = base.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let wait = doubled.min(LONGEST.max(base));
    wait + wait.mul_f64(0.25 * jitter.clamp(0.0, 1.0))
}

/// The longest wait that [`backoff`] gives.
pub fn longest_backoff(base: Duration) -> Duration {
    backoff(base, u32::MAX, 1.0)
}

/// A number between 0 and 1 that differs from message to message and from try
/// to try, and is the same each time it is asked for.
pub(super) fn jitter(position: u64, failures: u32) -> f64 {
    let mixed = (position ^ (u64::from(failures) << 56)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let high = u32::try_from(mixed >> 32).unwrap_or(0);
    f64::from(high) / f64::from(u32::MAX)
}

/// Counts tries after conflicts.
pub(crate) struct Tries {
    made: u32,
    most: u32,
    delay: (Duration, Duration),
}

impl Tries {
    pub(crate) fn new(retry: &VersionRetry) -> Self {
        let most = if retry.enabled { retry.max_retries } else { 0 };
        Self { made: 0, most, delay: (retry.base_delay, retry.max_delay) }
    }

    /// How the unit of this try reads.
    pub(crate) fn mode(&self) -> ReadMode {
        if self.made > 0 { ReadMode::Verify } else { ReadMode::Assume }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// `error`, when there have been enough.
    pub(crate) async fn wait(&mut self, error: Error) -> Result {
        if self.made == self.most {
            return Err(error);
        }
        let (base, longest) = self.delay;
        // The first try on fresh state is made at once: most conflicts are over by then.
        let wait = base.saturating_mul(self.made).min(longest);
        self.made += 1;
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{backoff, jitter};

    #[test]
    fn doubles_up_to_a_minute() {
        let second = Duration::from_secs(1);
        let waits: Vec<_> = (1..=8).map(|n| backoff(second, n, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(Duration::from_secs(90), 3, 0.0).as_secs(), 90);
        assert_eq!(backoff(second, u32::MAX, 0.0).as_secs(), 60);
    }

    #[test]
    fn jitter_adds_at_most_a_quarter() {
        for position in 0..1000 {
            let chance = jitter(position, 2);
            assert!((0.0..=1.0).contains(&chance));
            let wait = backoff(Duration::from_secs(4), 1, chance).as_secs_f64();
            assert!((4.0..=5.0).contains(&wait));
        }
    }
}
