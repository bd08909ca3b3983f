//! Takes one snapshot a second for all viewers, and none while there are no viewers.
//!
//! ```text
//! viewer ─▶ watch ─┐
//! viewer ─▶ watch ─┼─▶ Feed ─▶ a task while there is a viewer ─▶ Camera ─▶ database, servers
//! viewer ─▶ watch ─┘
//! ```

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protean_core::domain::Domain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::snapshot::{Camera, Snapshot};

/// The time between two snapshots.
const PERIOD: Duration = Duration::from_secs(1);
/// A snapshot of this age is as good as a new one for a page that is opened.
const MAX_AGE: Duration = Duration::from_millis(1500);
/// How long a page waits for a snapshot.
const PATIENCE: Duration = Duration::from_secs(4);
/// How many viewers there may be: each holds a connection.
const MAX_VIEWERS: usize = 48;

/// The latest snapshot, and when it was taken.
pub(crate) type Latest = Option<(Arc<Snapshot>, Instant)>;

/// Hands out snapshots.
pub(crate) struct Feed {
    latest: watch::Sender<Latest>,
    camera: tokio::sync::Mutex<Camera>,
    /// True while the task runs.
    is_running: Mutex<bool>,
    viewers: Arc<Semaphore>,
}

/// A viewer of the live pages. While it is there, snapshots are taken.
pub(crate) struct Viewer {
    latest: watch::Receiver<Latest>,
    _seat: OwnedSemaphorePermit,
}

impl Viewer {
    /// The next snapshot, beginning with the present one. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Arc<Snapshot>> {
        loop {
            self.latest.changed().await.ok()?;
            if let Some((snapshot, _)) = &*self.latest.borrow_and_update() {
                return Some(Arc::clone(snapshot));
            }
        }
    }
}

impl Feed {
    pub(crate) fn of(domain: Domain) -> Self {
        Self {
            latest: watch::Sender::new(None),
            camera: tokio::sync::Mutex::new(Camera::new(domain)),
            is_running: Mutex::new(false),
            viewers: Arc::new(Semaphore::new(MAX_VIEWERS)),
        }
    }

    /// Reserves a seat for a viewer; `None` when all seats are taken.
    pub(crate) fn view(self: &Arc<Self>) -> Option<Viewer> {
        let seat = Arc::clone(&self.viewers).try_acquire_owned().ok()?;
        let mut latest = self.watch();
        // A snapshot that is there already is the first one.
        if self.recent().is_some() {
            latest.mark_changed();
        }
        Some(Viewer { latest, _seat: seat })
    }

    /// The snapshot for a page that is opened: one that is recent enough, or a new one. `None`
    /// when it takes too long.
    pub(crate) async fn current(self: &Arc<Self>) -> Option<Arc<Snapshot>> {
        if let Some(recent) = self.recent() {
            return Some(recent);
        }
        let mut latest = self.watch();
        timeout(PATIENCE, latest.changed()).await.ok()?.ok()?;
        latest.borrow().as_ref().map(|(snapshot, _)| Arc::clone(snapshot))
    }

    fn recent(&self) -> Option<Arc<Snapshot>> {
        let latest = self.latest.borrow();
        let (snapshot, taken) = latest.as_ref()?;
        (taken.elapsed() < MAX_AGE).then(|| Arc::clone(snapshot))
    }

    /// Watches from now on, and sees to it that snapshots are taken.
    fn watch(self: &Arc<Self>) -> watch::Receiver<Latest> {
        let mut is_running = self.lock();
        let latest = self.latest.subscribe();
        if !std::mem::replace(&mut *is_running, true) {
            tokio::spawn(Arc::clone(self).run());
        }
        latest
    }

    async fn run(self: Arc<Self>) {
        let mut running = Running { feed: &self, has_ended: false };
        let mut camera = self.camera.lock().await;
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.is_over() {
                running.has_ended = true;
                return;
            }
            let snapshot = Arc::new(camera.take().await);
            self.latest.send_replace(Some((snapshot, Instant::now())));
        }
    }

    /// True when there are no viewers left; the next one starts a new task.
    fn is_over(&self) -> bool {
        let mut is_running = self.lock();
        *is_running = self.latest.receiver_count() > 0;
        !*is_running
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, bool> {
        self.is_running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the next viewer start a new task after this one was dropped or panicked.
struct Running<'a> {
    feed: &'a Feed,
    has_ended: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            *self.feed.lock() = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{Feed, MAX_VIEWERS};
    use crate::sample;

    #[tokio::test(start_paused = true)]
    async fn many_viewers_share_each_snapshot_and_nobody_needs_none() {
        let feed = Arc::new(Feed::of(sample::domain()));
        let mut viewers: Vec<_> = (0..20).map(|_| feed.view().unwrap()).collect();
        let began = Instant::now();
        for round in 1..=5 {
            for viewer in &mut viewers {
                assert_eq!(viewer.next().await.unwrap().number, round);
            }
        }
        assert_eq!(began.elapsed().as_secs(), 4, "one a second");
        drop(viewers);
        sleep(Duration::from_secs(3600)).await;
        assert!(!*feed.lock(), "the task has ended");
        assert_eq!(feed.current().await.unwrap().number, 6, "nobody looked for an hour");
        assert_eq!(feed.current().await.unwrap().number, 6, "it is recent enough");
    }

    #[tokio::test]
    async fn there_are_so_many_seats_and_no_more() {
        let feed = Arc::new(Feed::of(sample::domain()));
        let seats: Vec<_> = (0..MAX_VIEWERS).map(|_| feed.view().unwrap()).collect();
        assert!(feed.view().is_none());
        drop(seats);
        assert!(feed.view().is_some());
    }
}
