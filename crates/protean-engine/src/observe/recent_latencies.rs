//! How long production messages took lately.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many messages are kept at most, the latest ones.
const MAX_MESSAGES: usize = 1000;
/// So many are kept for good: fewer, so that a crowd long ago is forgotten.
const MAX_LASTING_MESSAGES: usize = 200;
/// What was handled longer ago says nothing about the present.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The latencies of the latest messages.
pub(crate) struct RecentLatencies {
    handled: Mutex<VecDeque<Handled>>,
    max_messages: usize,
    max_age: Duration,
}

impl Default for RecentLatencies {
    fn default() -> Self {
        Self { handled: Mutex::default(), max_messages: MAX_MESSAGES, max_age: MAX_AGE }
    }
}

struct Handled {
    at: Instant,
    latency: Duration,
}

/// Two percentiles of the latest messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percentiles {
    /// How many messages there were; not 0.
    pub(crate) messages: usize,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl RecentLatencies {
    /// Latencies that are kept until newer ones take their place.
    pub(crate) fn lasting() -> Self {
        let (max_messages, max_age) = (MAX_LASTING_MESSAGES, Duration::MAX);
        Self { max_messages, max_age, ..Self::default() }
    }

    /// Takes in a message that is handled now.
    pub(crate) fn record(&self, latency: Duration) {
        let mut handled = self.handled.lock().unwrap_or_else(PoisonError::into_inner);
        if handled.len() == self.max_messages {
            handled.pop_front();
        }
        handled.push_back(Handled { at: Instant::now(), latency });
    }

    /// `None` when no message was handled, or none recently.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let handled = self.handled.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = handled.iter().filter(|handled| handled.at.elapsed() <= self.max_age);
        let mut latencies: Vec<_> = recent.map(|handled| handled.latency).collect();
        drop(handled);
        latencies.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (latencies.len() * percent).div_ceil(100);
            latencies.get(rank.checked_sub(1)?).copied()
        };
        Some(Percentiles { messages: latencies.len(), p50: percentile(50)?, p99: percentile(99)? })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::{Percentiles, RecentLatencies};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn percentiles_are_those_of_the_last_thousand_messages() {
        let recent = RecentLatencies::default();
        assert_eq!(recent.percentiles(), None);
        recent.record(ms(7));
        let one = Percentiles { messages: 1, p50: ms(7), p99: ms(7) };
        assert_eq!(recent.percentiles(), Some(one));
        (0..500).for_each(|_| recent.record(ms(60_000)));
        (1..=1000).rev().for_each(|latency| recent.record(ms(latency)));
        let all = Percentiles { messages: 1000, p50: ms(500), p99: ms(990) };
        assert_eq!(recent.percentiles(), Some(all));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_handled_more_than_a_minute_ago_is_forgotten() {
        let recent = RecentLatencies::default();
        recent.record(ms(90));
        advance(Duration::from_secs(40)).await;
        recent.record(ms(3));
        let both = Percentiles { messages: 2, p50: ms(3), p99: ms(90) };
        assert_eq!(recent.percentiles(), Some(both));
        advance(Duration::from_secs(30)).await;
        let later = Percentiles { messages: 1, p50: ms(3), p99: ms(3) };
        assert_eq!(recent.percentiles(), Some(later));
        advance(Duration::from_secs(31)).await;
        assert_eq!(recent.percentiles(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_is_kept_however_old_it_is() {
        let lasting = RecentLatencies::lasting();
        (0..500).for_each(|_| lasting.record(ms(900)));
        (0..200).for_each(|_| lasting.record(ms(3)));
        advance(Duration::from_secs(86_400)).await;
        let found = Percentiles { messages: 200, p50: ms(3), p99: ms(3) };
        assert_eq!(lasting.percentiles(), Some(found));
    }
}
