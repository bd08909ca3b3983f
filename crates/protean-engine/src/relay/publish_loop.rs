//! The relay's loop for one lane: one page after another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use protean_core::domain::Domain;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{
    BatchSizer, Broker, BrokerGroup, Changes, LaneRead, Outcome, Park, ParkedRead, Published, Store,
};
use protean_port::{Error, Result};
use tracing::{error, info};

use super::batch_notes::BatchNotes;
use super::broker_publisher::{BrokerPublisher, unavailable};
use super::gaps::{Gap, Gaps, GroupBehind};
use super::page::{Page, RouteLane};
use super::plan::RelayPlan;
use super::settling::{Policy, settle};
use super::window::Window;
use crate::failpoint;

/// The most messages in a page. A page of each category is in memory twice.
const PAGE_MESSAGES: usize = 512;
/// How long publishing a page of bulk work should take.
const BULK_PAGE_TARGET: Duration = Duration::from_millis(15);
/// Smaller pages would hardly be quicker: most of their time is round trips.
const MIN_BULK_PAGE_MESSAGES: usize = 128;

/// One lane of the relay at work.
pub(super) struct PublishLoop {
    domain: Domain,
    store: Arc<dyn Store>,
    plan: RelayPlan,
    lane: Lane,
    publisher: BrokerPublisher,
    gaps: Gaps,
    /// Groups that missed something, not yet turned into gaps.
    missing: Vec<BrokerGroup>,
    /// How full the stream of each route is.
    windows: Vec<Window>,
    bulk_page: BatchSizer,
    /// When to look for refused messages that are due again.
    refused_at: Timestamp,
    progress: bool,
}

impl PublishLoop {
    pub(super) fn new(
        domain: Domain,
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        plan: RelayPlan,
        lane: Lane,
        notes: Arc<BatchNotes>,
    ) -> Self {
        let lanes = &plan.priority_lanes;
        let window = Window::new(lanes.backfill_high_water, lanes.backfill_low_water);
        let bulk_messages = MIN_BULK_PAGE_MESSAGES..=PAGE_MESSAGES;
        Self {
            domain,
            store,
            publisher: BrokerPublisher::new(broker, plan.clone(), lane, notes),
            gaps: Gaps::default(),
            missing: Vec::new(),
            windows: vec![window; plan.routes.len()],
            plan,
            lane,
            bulk_page: BatchSizer::new(BULK_PAGE_TARGET, bulk_messages),
            refused_at: Timestamp::default(),
            progress: false,
        }
    }

    /// True when something was published since the last call.
    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Checks that the broker still holds what was published, and recreates missing groups.
    pub(super) async fn maintain(&mut self) -> Result {
        let missing = self.publisher.maintain().await?;
        self.open_gaps(missing).await?;
        self.note().await
    }

    /// Begins to publish again what these groups missed. Where the gaps end is fixed
    /// before anything new is published.
    async fn open_gaps(&mut self, missing: Vec<BrokerGroup>) -> Result {
        self.missing.extend(missing);
        if self.missing.is_empty() {
            return Ok(());
        }
        self.publisher.unsettled().await?;
        let plan = &self.plan;
        info!(relay = %plan.name, lane = %self.lane, groups = self.missing.len(), "broker groups missed messages, publishing again");
        for (route, of) in plan.routes.iter().enumerate() {
            let relay = self.store.group_status(&plan.name, &of.category).await?;
            let (of_lane, mut groups) = (RouteLane { route, lane: self.lane }, Vec::new());
            for name in self.gaps.behind(plan, of_lane, &self.missing) {
                let status = self.store.group_status(&name, &of.category).await?;
                groups.push(GroupBehind { name, status });
            }
            self.gaps.add(Gap::between(plan.lanes, of_lane, groups, &relay));
        }
        self.missing.clear();
        Ok(())
    }

    /// Publishes what was refused before and is due again, a page of each category, and a
    /// page of what was missed. False when there was nothing to publish.
    pub(super) async fn publish(&mut self) -> Result<bool> {
        let refused = self.publish_refused().await?;
        let begun = Instant::now();
        let pages = self.pages().await?;
        let published = self.send(&pages).await?;
        self.bulk_page.took(begun.elapsed());
        Ok(self.fill_gap().await? || published || refused)
    }

    /// The next page of each category, all read at once.
    async fn pages(&mut self) -> Result<Vec<Page>> {
        let mut wanted = Vec::new();
        for route in 0..self.plan.routes.len() {
            let of = RouteLane { route, lane: self.lane };
            let limit = match self.lane {
                Lane::Primary => PAGE_MESSAGES,
                Lane::Backfill => self.room(of).await?.min(self.bulk_page.units()),
            };
            if limit > 0 {
                wanted.push((of, limit));
            }
        }
        let plan = &self.plan;
        let reads = wanted.into_iter().map(async |(of, limit)| {
            let read = LaneRead {
                group: plan.name.to_string(),
                category: plan.routes[of.route].category.clone(),
                range: plan.lanes.range(of.lane),
                after: Vec::new(),
                limit,
            };
            Ok::<_, Error>(Page { of, deliveries: self.store.lane(read).await? })
        });
        let mut pages = try_join_all(reads).await?;
        pages.retain(|page| !page.deliveries.is_empty());
        Ok(pages)
    }

    /// Publishes messages that the broker refused before and that are due again.
    async fn publish_refused(&mut self) -> Result<bool> {
        let now = self.domain.clock().now();
        if self.refused_at > now {
            return Ok(false);
        }
        let (plan, mut pages) = (&self.plan, Vec::new());
        // An operator may have asked for a retry meanwhile.
        let mut next = now + plan.outbox.tick_interval;
        for route in 0..plan.routes.len() {
            let read = ParkedRead {
                group: plan.name.to_string(),
                category: plan.routes[route].category.clone(),
                range: plan.lanes.range(self.lane),
                now,
                limit: PAGE_MESSAGES,
            };
            let page = self.store.parked(read).await?;
            next = page.next_due.map_or(next, |due| due.min(next));
            pages.push(Page { of: RouteLane { route, lane: self.lane }, deliveries: page.due });
        }
        pages.retain(|page| !page.deliveries.is_empty());
        let published = self.send(&pages).await?;
        self.refused_at = if published { now } else { next };
        Ok(published)
    }

    /// Publishes pages and settles them; false when there are none.
    async fn send(&mut self, pages: &[Page]) -> Result<bool> {
        if pages.is_empty() {
            return Ok(false);
        }
        failpoint::reached("before a page is published");
        let (published, lost) = self.publisher.publish(pages).await?;
        let settled = pages.iter().zip(&published);
        let settled = settled.map(|(page, published)| self.settled(page, published));
        failpoint::reached("before a page is settled");
        self.commit(settled.collect()).await?;
        failpoint::reached("after a page is settled");
        self.progress = true;
        if lost {
            self.open_gaps(self.plan.groups(self.lane)).await?;
        }
        self.note().await?;
        match published.iter().flatten().find_map(unavailable) {
            Some(reason) => Err(Error::unavailable(reason)),
            None => Ok(true),
        }
    }

    fn settled(&self, page: &Page, published: &[Published]) -> Changes {
        let plan = &self.plan;
        for (delivery, published) in page.deliveries.iter().zip(published) {
            if let Published::Refused(reason) = published {
                error!(
                    relay = %plan.name, message_id = %delivery.recorded.message.id, %reason,
                    "outbox.failed: the broker refused the message"
                );
            }
        }
        let now = self.domain.clock().now();
        let policy = Policy { relay: &plan.name, retry: &plan.outbox.retry, now };
        settle(&policy, page.of.lane, &page.deliveries, published)
    }

    async fn commit(&mut self, units: Vec<Changes>) -> Result {
        let parks = units.iter().flat_map(|unit| &unit.parks);
        let parked = parks.filter_map(|park| match park {
            Park::Keep { due, .. } => *due,
            _ => None,
        });
        self.refused_at = parked.fold(self.refused_at, Ord::min);
        for outcome in self.store.commit(units.into()).await {
            match outcome {
                Outcome::Committed(_) => {}
                Outcome::Unavailable(reason) => return Err(Error::unavailable(reason)),
                // An operator replayed or purged one of them; the others go out once more.
                other => {
                    return Err(Error::unavailable(format!(
                        "published messages cannot be marked as published: {other:?}"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Publishes one page of what groups missed; false when nothing is missing.
    async fn fill_gap(&mut self) -> Result<bool> {
        let Some(of) = self.gaps.first().map(|gap| gap.of) else { return Ok(false) };
        let limit = self.room(of).await?;
        let Some(gap) = self.gaps.first().filter(|_| limit > 0) else { return Ok(false) };
        let mut pages = Vec::new();
        for read in gap.reads(&self.plan.routes[of.route].category, limit) {
            pages.push(self.store.lane(read).await?);
        }
        let (deliveries, reached) = gap.next(pages, limit);
        if !deliveries.is_empty() {
            let page = [Page { of, deliveries }];
            let (published, lost) = self.publisher.publish(&page).await?;
            if lost {
                self.open_gaps(self.plan.groups(self.lane)).await?;
                return Ok(true);
            }
            if let Some(reason) = published.iter().flatten().find_map(unavailable) {
                return Err(Error::unavailable(reason));
            }
            let published = published.into_iter().next().unwrap_or_default();
            let mut changes = self.settled(&page[0], &published);
            // The relay's own cursor passed them long ago.
            changes.marks.clear();
            if !(changes.parks.is_empty() && changes.dead.is_empty()) {
                self.commit(vec![changes]).await?;
            }
        }
        self.gaps.reached(reached);
        self.note().await?;
        self.progress = true;
        Ok(true)
    }

    async fn note(&self) -> Result {
        if self.gaps.is_empty() && self.missing.is_empty() {
            self.publisher.settled().await
        } else {
            Ok(())
        }
    }

    /// How many messages a stream has room for.
    async fn room(&mut self, of: RouteLane) -> Result<usize> {
        let length = self.publisher.length(&self.plan.stream(of)).await?;
        Ok(self.windows[of.route].room(length).min(PAGE_MESSAGES))
    }
}
