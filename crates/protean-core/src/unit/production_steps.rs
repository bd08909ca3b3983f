//! Bulk work steps aside while production is under way.
//!
//! ```text
//! production   step, step ──── step │
//! bulk         may begin ───────────┴─ 3 ms ─▶ begins; after 8 ms at the latest
//! ```
//! On a machine that is busy each hop of a production message waits for a core, and there are a
//! dozen of them. So a bulk step that is due begins between two messages rather than beside one.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use protean_port::port::CommitWatch;
use tokio::time::Instant;

/// How long production counts as under way from the beginning of each of its steps.
const STEP_TIME: Duration = Duration::from_millis(3);
/// How long a step of bulk work steps aside at most: it goes on however much production there is.
const LONGEST_PAUSE: Duration = Duration::from_millis(8);

/// The steps of production that this process knows of.
#[derive(Debug, Default)]
pub(super) struct ProductionSteps {
    last: Mutex<Option<Instant>>,
    /// The commits that bring messages of production, of this process and of others.
    arrivals: OnceLock<CommitWatch>,
}

impl ProductionSteps {
    /// A step of production begins: a message is committed or published, has come, or is handled.
    pub(super) fn begin(&self) {
        *self.last() = Some(Instant::now());
    }

    /// From now on each change of this watch begins a step as well. The first watch counts.
    pub(super) fn watch(&self, arrivals: CommitWatch) {
        self.arrivals.set(arrivals).unwrap_or_default();
    }

    /// Waits while production is under way, though not for long. Cancel safe.
    pub(super) async fn pass(&self) {
        let latest = Instant::now() + LONGEST_PAUSE;
        while let Some(until) = self.until()
            && Instant::now() < until.min(latest)
        {
            tokio::time::sleep_until(until.min(latest)).await;
        }
    }

    fn until(&self) -> Option<Instant> {
        let arrived = self.arrivals.get().and_then(CommitWatch::last_change);
        self.last().max(arrived).map(|last| last + STEP_TIME)
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{LONGEST_PAUSE, ProductionSteps, STEP_TIME};

    /// How long bulk work steps aside for production that begins a step so often.
    async fn pause(steps: &ProductionSteps, interval: Duration, count: u32) -> Duration {
        let asked = Instant::now();
        let production = async {
            for _ in 0..count {
                steps.begin();
                sleep(interval).await;
            }
        };
        let pause = async {
            tokio::task::yield_now().await;
            steps.pass().await;
            asked.elapsed()
        };
        tokio::join!(production, pause).1
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_begins_between_two_messages() {
        let (steps, ms) = (ProductionSteps::default(), Duration::from_millis(1));
        let asked = Instant::now();
        steps.pass().await;
        assert_eq!(asked.elapsed(), Duration::ZERO, "there is no production");
        assert_eq!(pause(&steps, ms, 1).await, STEP_TIME);
        assert_eq!(pause(&steps, 2 * ms, 3).await, 4 * ms + STEP_TIME, "the last step counts");
        sleep(STEP_TIME).await;
        assert_eq!(pause(&steps, 5 * ms, 2).await, STEP_TIME, "it does not wait for the next one");
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_goes_on_beside_production_that_never_pauses() {
        let steps = ProductionSteps::default();
        assert_eq!(pause(&steps, Duration::from_millis(1), 100).await, LONGEST_PAUSE);
    }
}
