//! An import waits while handlers are behind with the backfill lane.

use std::sync::Arc;
use std::time::Duration;

use protean_port::Result;
use protean_port::message::{Lane, Priority, Recorded};
use protean_port::port::{Find, LaneRead, Store};
use tokio::time::Instant;
use tracing::info;

use super::domain::Domain;
use crate::handling::Group;
use crate::unit::is_handling;

/// How old an estimate may be, and how often a waiting import makes one.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// How long an import waits before the log says so.
const LOG_DELAY: Duration = Duration::from_secs(5);

/// What an import knows of the backlog of the backfill lane.
pub(super) struct BackPressure {
    domain: Domain,
    store: Arc<dyn Store>,
    high_water: u64,
    /// The last estimate, and what this import has added since.
    backlog: u64,
    added: u64,
    checked: Option<Instant>,
}

impl BackPressure {
    /// For an import of this priority; none when it need not wait for anybody. One inside a
    /// handler never waits: it would wait for itself.
    pub(super) fn on(domain: &Domain, store: &Arc<dyn Store>, priority: Priority) -> Option<Self> {
        let high_water = domain.config().server.priority_lanes.producer_high_water?;
        let is_bulk = domain.lanes().lane(priority) == Lane::Backfill;
        (is_bulk && !is_handling()).then(|| Self {
            domain: domain.clone(),
            store: Arc::clone(store),
            high_water: high_water as u64,
            backlog: 0,
            added: 0,
            checked: None,
        })
    }

    /// Waits until the backlog is no more than the high water, and calls `waits` with it
    /// each time that it is more.
    pub(super) async fn pass(&mut self, mut waits: impl FnMut(u64)) -> Result {
        let began = Instant::now();
        let mut is_logged = false;
        while self.must_check(Instant::now()) {
            self.backlog = self.estimate().await?;
            (self.added, self.checked) = (0, Some(Instant::now()));
            if self.backlog <= self.high_water {
                break;
            }
            waits(self.backlog);
            if !is_logged && began.elapsed() >= LOG_DELAY {
                is_logged = true;
                info!(
                    backlog = self.backlog,
                    high_water = self.high_water,
                    "an import waits for the handlers of the backfill lane; check that a server runs"
                );
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
        if is_logged {
            info!(backlog = self.backlog, waited = ?began.elapsed(), "the import goes on");
        }
        Ok(())
    }

    /// This import has committed more messages.
    pub(super) fn add(&mut self, count: usize) {
        self.added += count as u64;
    }

    fn must_check(&self, now: Instant) -> bool {
        let is_fresh = self.checked.is_some_and(|checked| now - checked < CHECK_INTERVAL);
        !is_fresh || self.backlog + self.added > self.high_water
    }

    /// How far the log reaches beyond the first backfill message that some handler has still
    /// to settle, in positions: at least as many as such messages. Nothing is counted.
    async fn estimate(&self) -> Result<u64> {
        let Some(first) = self.first_unsettled().await? else { return Ok(0) };
        let last = self.store.find(Find::last(1)).await?;
        let head = last.first().map_or(first, |recorded| recorded.position);
        Ok((head + 1).saturating_sub(first))
    }

    async fn first_unsettled(&self) -> Result<Option<u64>> {
        let mut first = None;
        for group in self.domain.groups() {
            let (lowest, mut highest) = self.domain.lanes().range(Lane::Backfill);
            // A read begins with the highest priority, and the oldest may have any.
            while let Some(next) = self.next(group, (lowest, highest)).await? {
                first = Some(first.map_or(next.position, |first| next.position.min(first)));
                if next.message.priority == lowest {
                    break;
                }
                highest = Priority::new(next.message.priority.value() - 1);
            }
        }
        Ok(first)
    }

    async fn next(&self, group: &Group, range: (Priority, Priority)) -> Result<Option<Recorded>> {
        let (group, category) = (group.name.to_string(), group.category.clone());
        let read = LaneRead { group, category, range, after: Vec::new(), limit: 1 };
        Ok(self.store.lane(read).await?.pop().map(|delivery| delivery.recorded))
    }
}
