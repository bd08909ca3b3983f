//! Page after page, production before bulk work.

use std::sync::Arc;
use std::time::Instant;

use protean_port::message::{Lane, Timestamp};
use protean_port::port::{
    BrokerGroup, Changes, Claim, Delivery, LaneRead, Outcome, Park, ParkedRead, Published,
};
use protean_port::{Error, Result};
use tracing::{error, info};

use super::Relay;
use super::batch_sizer::BatchSizer;
use super::broker_publisher::{BrokerPublisher, unavailable};
use super::gaps::{Gap, Gaps};
use super::settling::{Policy, settle};
use super::window::Window;
use crate::failpoint;

/// The most messages of one page; those of a lane of each category are in memory twice.
const PAGE: usize = 512;

/// Messages of one lane of a category.
pub(super) struct Page {
    pub(super) route: usize,
    pub(super) lane: Lane,
    pub(super) deliveries: Vec<Delivery>,
}

/// The relay at work.
pub(super) struct PublishLoop<'a> {
    relay: &'a Relay,
    publisher: BrokerPublisher,
    gaps: Gaps,
    /// Groups that have missed something nobody has looked for yet.
    missing: Vec<BrokerGroup>,
    /// How full the lanes of each route are.
    windows: Vec<[Window; Lane::ALL.len()]>,
    batch_sizer: BatchSizer,
    /// When to look at what was refused.
    look_at: Timestamp,
    progress: bool,
}

impl<'a> PublishLoop<'a> {
    pub(super) fn new(relay: &'a Relay, claim: Box<dyn Claim>) -> Self {
        let lanes = &relay.plan.priority_lanes;
        let window = Window::new(lanes.backfill_high_water, lanes.backfill_low_water);
        Self {
            relay,
            publisher: BrokerPublisher::new(Arc::clone(&relay.broker), relay.plan.clone(), claim),
            gaps: Gaps::default(),
            missing: Vec::new(),
            windows: vec![[window; Lane::ALL.len()]; relay.plan.routes.len()],
            batch_sizer: BatchSizer::new(),
            look_at: Timestamp::default(),
            progress: false,
        }
    }

    /// True when something was published since it was last asked.
    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Makes sure that the broker has what it should have.
    pub(super) async fn maintain(&mut self) -> Result {
        let missing = self.publisher.maintain().await?;
        self.lost(missing).await?;
        self.note()
    }

    /// Begins to publish again what these groups have missed. How far that goes
    /// is settled before anything new goes out.
    async fn lost(&mut self, missing: Vec<BrokerGroup>) -> Result {
        self.missing.extend(missing);
        if self.missing.is_empty() {
            return Ok(());
        }
        self.publisher.unsettled()?;
        let (store, plan) = (&self.relay.store, &self.relay.plan);
        info!(relay = %plan.name, groups = self.missing.len(), "groups have missed something");
        for (route, of) in plan.routes.iter().enumerate() {
            let relay = store.standing(&plan.name, &of.category).await?;
            for lane in plan.lanes.lanes() {
                let mut groups = Vec::new();
                for group in self.gaps.behind(plan, (route, *lane), &self.missing) {
                    let standing = store.standing(&group, &of.category).await?;
                    groups.push((group, standing));
                }
                self.gaps.add(Gap::between(plan.lanes, (route, *lane), &groups, &relay));
            }
        }
        self.missing.clear();
        Ok(())
    }

    /// Publishes a page of each category's production; once that is less than there
    /// is room for, a page of each one's bulk work, and of what has been missed.
    /// False when there was nothing.
    pub(super) async fn publish(&mut self) -> Result<bool> {
        let refused = self.refused_before().await?;
        let production = self.pages(Lane::Primary).await?;
        let is_full = production.iter().any(|page| page.deliveries.len() == PAGE);
        let mut some = self.send(&production).await? || refused;
        if is_full {
            return Ok(true);
        }
        if self.relay.plan.lanes.lanes().contains(&Lane::Backfill) {
            let begun = Instant::now();
            let bulk = self.pages(Lane::Backfill).await?;
            some |= self.send(&bulk).await?;
            self.batch_sizer.took(begun.elapsed());
        }
        Ok(self.fill_gap().await? || some)
    }

    /// The next page of a lane of each category.
    async fn pages(&mut self, lane: Lane) -> Result<Vec<Page>> {
        let mut pages = Vec::new();
        for route in 0..self.relay.plan.routes.len() {
            let limit = match lane {
                Lane::Primary => PAGE,
                Lane::Backfill => self.room(route, lane).await?.min(self.batch_sizer.length()),
            };
            if limit == 0 {
                continue;
            }
            let plan = &self.relay.plan;
            let read = LaneRead {
                group: plan.name.to_string(),
                category: plan.routes[route].category.clone(),
                range: plan.lanes.range(lane),
                after: Vec::new(),
                limit,
            };
            pages.push(Page { route, lane, deliveries: self.relay.store.lane(read).await? });
        }
        pages.retain(|page| !page.deliveries.is_empty());
        Ok(pages)
    }

    /// Publishes what was refused before and is due again.
    async fn refused_before(&mut self) -> Result<bool> {
        let now = self.relay.domain.clock().now();
        if self.look_at > now {
            return Ok(false);
        }
        let (plan, mut pages) = (&self.relay.plan, Vec::new());
        // A person may have told that one is to go out again.
        let mut next = now + plan.outbox.tick_interval;
        for lane in plan.lanes.lanes() {
            for route in 0..plan.routes.len() {
                let read = ParkedRead {
                    group: plan.name.to_string(),
                    category: plan.routes[route].category.clone(),
                    range: plan.lanes.range(*lane),
                    now,
                    limit: PAGE,
                };
                let page = self.relay.store.parked(read).await?;
                next = page.next_due.map_or(next, |due| due.min(next));
                pages.push(Page { route, lane: *lane, deliveries: page.due });
            }
        }
        pages.retain(|page| !page.deliveries.is_empty());
        let some = self.send(&pages).await?;
        self.look_at = if some { now } else { next };
        Ok(some)
    }

    /// Publishes messages and settles them; false when there are none.
    async fn send(&mut self, pages: &[Page]) -> Result<bool> {
        if pages.is_empty() {
            return Ok(false);
        }
        let plan = &self.relay.plan;
        failpoint::reached("before a page is published");
        let (published, lost) = self.publisher.publish(pages).await?;
        let settled = pages.iter().zip(&published);
        let settled = settled.map(|(page, published)| self.settled(page, published));
        failpoint::reached("before a page is settled");
        self.commit(settled.collect()).await?;
        failpoint::reached("after a page is settled");
        self.progress = true;
        if lost {
            self.lost(plan.groups()).await?;
        }
        self.note()?;
        match published.iter().flatten().find_map(unavailable) {
            Some(reason) => Err(Error::unavailable(reason)),
            None => Ok(true),
        }
    }

    fn settled(&self, page: &Page, published: &[Published]) -> Changes {
        let plan = &self.relay.plan;
        for (delivery, published) in page.deliveries.iter().zip(published) {
            if let Published::Refused(reason) = published {
                let id = &delivery.recorded.message.id;
                error!(relay = %plan.name, %id, "outbox.failed: {reason}");
            }
        }
        let now = self.relay.domain.clock().now();
        let policy = Policy { relay: &plan.name, retry: &plan.outbox.retry, now };
        settle(&policy, page.lane, &page.deliveries, published)
    }

    async fn commit(&mut self, units: Vec<Changes>) -> Result {
        let parks = units.iter().flat_map(|unit| &unit.parks);
        let parked = parks.filter_map(|park| match park {
            Park::Keep { due, .. } => *due,
            _ => None,
        });
        self.look_at = parked.fold(self.look_at, Ord::min);
        for outcome in self.relay.store.commit(units.into()).await {
            match outcome {
                Outcome::Committed(_) => {}
                Outcome::Unavailable(reason) => return Err(Error::unavailable(reason)),
                // Somebody has replayed or purged one of them: the others go out once more.
                other => {
                    return Err(Error::unavailable(format!("a page cannot be settled: {other:?}")));
                }
            }
        }
        Ok(())
    }

    /// Publishes one page of what groups have missed; false when nothing is missing.
    async fn fill_gap(&mut self) -> Result<bool> {
        let (relay, plan) = (self.relay, &self.relay.plan);
        let Some((route, lane)) = self.gaps.first().map(|gap| (gap.route, gap.lane)) else {
            return Ok(false);
        };
        let limit = self.room(route, lane).await?;
        let Some(gap) = self.gaps.first().filter(|_| limit > 0) else { return Ok(false) };
        let mut pages = Vec::new();
        for read in gap.reads(&plan.routes[route].category, limit) {
            pages.push(relay.store.lane(read).await?);
        }
        let (deliveries, reached) = gap.next(pages, limit);
        if !deliveries.is_empty() {
            let page = [Page { route, lane, deliveries }];
            let (published, lost) = self.publisher.publish(&page).await?;
            if lost {
                self.lost(plan.groups()).await?;
                return Ok(true);
            }
            if let Some(reason) = published.iter().flatten().find_map(unavailable) {
                return Err(Error::unavailable(reason));
            }
            let published = published.into_iter().next().unwrap_or_default();
            let mut changes = self.settled(&page[0], &published);
            // The relay has passed them before.
            changes.marks.clear();
            if !(changes.parks.is_empty() && changes.dead.is_empty()) {
                self.commit(vec![changes]).await?;
            }
        }
        self.gaps.reached(reached);
        self.note()?;
        self.progress = true;
        Ok(true)
    }

    fn note(&self) -> Result {
        if self.gaps.is_empty() && self.missing.is_empty() {
            self.publisher.settled()
        } else {
            Ok(())
        }
    }

    /// How many messages there is room for in a stream.
    async fn room(&mut self, route: usize, lane: Lane) -> Result<usize> {
        let length = self.publisher.length(&self.relay.plan.stream(route, lane)).await?;
        Ok(self.windows[route][lane as usize].room(length).min(PAGE))
    }
}
