//! Bulk work steps aside while production is under way.
//!
//! ```text
//! production   step, step ──── step │
//! bulk         may begin ───────────┴─ 1 ms ─▶ begins; after 8 ms at the latest
//! ```
//! It steps aside no longer than it has worked before, so that it keeps half of its time beside
//! production that never pauses. Work that nobody waits for, a rebuild, keeps a quarter, and takes
//! production for under way as long as a message takes from its command to its last row.
//!
//! On a machine that is busy each hop of a production message waits for a core, and there are a
//! dozen of them. So a bulk step that is due begins between two messages rather than beside one.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use protean_port::port::CommitWatch;
use tokio::time::Instant;

/// How bulk work steps aside.
#[derive(Clone, Copy, Debug)]
struct Manners {
    /// How long production counts as under way from the beginning of each of its steps.
    step_time: Duration,
    /// How long a step of bulk work steps aside at most: it goes on however much production there is.
    longest_pause: Duration,
    /// How long it may step aside for the time that it has worked.
    pause_per_work: u32,
    /// Whether it steps aside before it asks for a turn as well, so that other bulk work goes on.
    before_turn: bool,
}

/// Work that somebody waits for.
const WANTED: Manners = Manners {
    step_time: Duration::from_millis(1),
    longest_pause: Duration::from_millis(8),
    pause_per_work: 1,
    before_turn: false,
};
/// Work that nobody waits for.
const UNHURRIED: Manners = Manners {
    step_time: Duration::from_millis(5),
    longest_pause: Duration::from_millis(24),
    pause_per_work: 3,
    before_turn: true,
};

/// How long after its last step production may come again at any time.
const QUIET_AFTER: Duration = Duration::from_secs(1);

/// The steps of production that this process knows of.
#[derive(Debug)]
pub(super) struct ProductionSteps {
    last: Arc<Mutex<Option<Instant>>>,
    patience: Arc<Patience>,
    /// The commits that bring messages of production, of this process and of others.
    arrivals: OnceLock<CommitWatch>,
}

/// How long bulk work may step aside, by how long it has worked since it did so last.
#[derive(Debug)]
struct Patience {
    manners: Manners,
    left: Mutex<Duration>,
}

/// A step of bulk work, from its beginning until it is dropped.
#[derive(Debug)]
pub(super) struct BulkStep {
    began: Instant,
    patience: Arc<Patience>,
}

impl ProductionSteps {
    /// The same steps for work that nobody waits for, beside these arrivals.
    pub(super) fn unhurried(&self, arrivals: CommitWatch) -> Self {
        let steps = Self { last: Arc::clone(&self.last), ..Self::of(UNHURRIED) };
        steps.watch(arrivals);
        steps
    }

    fn of(manners: Manners) -> Self {
        let patience = Patience { manners, left: Mutex::new(manners.longest_pause) };
        let (last, arrivals) = (Arc::default(), OnceLock::new());
        Self { last, patience: Arc::new(patience), arrivals }
    }

    /// A step of production begins: a message is committed or published, has come, or is handled.
    pub(super) fn begin(&self) {
        *self.last() = Some(Instant::now());
    }

    /// From now on each change of this watch begins a step as well. The first watch counts.
    pub(super) fn watch(&self, arrivals: CommitWatch) {
        self.arrivals.set(arrivals).unwrap_or_default();
    }

    /// True when production has begun no step for long.
    pub(super) fn is_quiet(&self) -> bool {
        self.last_step().is_none_or(|last| last.elapsed() >= QUIET_AFTER)
    }

    /// What work does before it asks for a turn: if nobody waits for it, it steps aside. Cancel safe.
    pub(super) async fn before_turn(&self) {
        if self.patience.manners.before_turn {
            self.step_aside().await;
        }
    }

    /// Waits while production is under way, though not for long, and begins a step of bulk work.
    /// Cancel safe.
    pub(super) async fn pass(&self) -> BulkStep {
        self.step_aside().await;
        BulkStep { began: Instant::now(), patience: Arc::clone(&self.patience) }
    }

    async fn step_aside(&self) {
        let asked = Instant::now();
        let latest = asked + self.patience.left();
        while let Some(until) = self.until()
            && Instant::now() < until.min(latest)
        {
            tokio::time::sleep_until(until.min(latest)).await;
        }
        self.patience.change(|left| left.saturating_sub(asked.elapsed()));
    }

    fn until(&self) -> Option<Instant> {
        self.last_step().map(|last| last + self.patience.manners.step_time)
    }

    fn last_step(&self) -> Option<Instant> {
        let arrived = self.arrivals.get().and_then(CommitWatch::last_change);
        self.last().max(arrived)
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Patience {
    fn left(&self) -> Duration {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(Duration) -> Duration) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = change(*left).min(self.manners.longest_pause);
    }
}

impl Default for ProductionSteps {
    fn default() -> Self {
        Self::of(WANTED)
    }
}

impl Drop for BulkStep {
    fn drop(&mut self) {
        let pause = self.began.elapsed() * self.patience.manners.pause_per_work;
        self.patience.change(|left| left + pause);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{Manners, ProductionSteps, QUIET_AFTER, UNHURRIED, WANTED};

    /// Longer than the timer's grain of a millisecond.
    const STEP_TIME: Duration = Duration::from_millis(3);
    const LONGEST_PAUSE: Duration = WANTED.longest_pause;

    fn steps() -> ProductionSteps {
        ProductionSteps::of(Manners { step_time: STEP_TIME, ..WANTED })
    }

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
            let step = steps.pass().await;
            let waited = asked.elapsed();
            // Long enough to have all its patience again.
            sleep(LONGEST_PAUSE).await;
            drop(step);
            waited
        };
        tokio::join!(production, pause).1
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_begins_between_two_messages() {
        let (steps, ms) = (steps(), Duration::from_millis(1));
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
        let steps = steps();
        assert_eq!(pause(&steps, Duration::from_millis(1), 100).await, LONGEST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn production_is_quiet_before_its_first_step_and_long_after_its_last() {
        let steps = steps();
        assert!(steps.is_quiet());
        for _ in 0..3 {
            steps.begin();
            sleep(QUIET_AFTER - Duration::from_millis(1)).await;
            assert!(!steps.is_quiet());
        }
        sleep(Duration::from_millis(1)).await;
        assert!(steps.is_quiet());
    }

    /// How long steps of bulk work have taken, with their pauses, beside production that never
    /// pauses.
    async fn beside_production(manners: Manners, work: [u64; 11]) -> Duration {
        let steps = Arc::new(ProductionSteps::of(manners));
        let busy = Arc::clone(&steps);
        let production = tokio::spawn(async move {
            loop {
                busy.begin();
                sleep(Duration::from_millis(1)).await;
            }
        });
        tokio::task::yield_now().await;
        let (began, mut worked) = (Instant::now(), Duration::ZERO);
        for step in work.map(Duration::from_millis) {
            let turn = steps.pass().await;
            sleep(step).await;
            worked += step;
            drop(turn);
            let longest = worked * (1 + manners.pause_per_work) + manners.longest_pause;
            assert!(began.elapsed() <= longest, "{:?}", began.elapsed());
        }
        production.abort();
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_work_keeps_half_of_its_time_beside_production_that_never_pauses() {
        let work = [1, 5, 2, 7, 1, 1, 20, 3, 2, 2, 9];
        let took = beside_production(Manners { step_time: STEP_TIME, ..WANTED }, work).await;
        assert!(took >= Duration::from_millis(53 + 30), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_nobody_waits_for_keeps_a_quarter() {
        // Eleven steps of 4 ms: each but the first may step aside for 12.
        let took = beside_production(UNHURRIED, [4; 11]).await;
        assert!(took >= Duration::from_millis(44 + 120), "{took:?}");
    }
}
