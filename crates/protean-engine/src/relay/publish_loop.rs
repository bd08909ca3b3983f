//! The relay's loop for one lane: one page after another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use protean_core::domain::Domain;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::{
    BatchSizer, Broker, BrokerGroup, Changes, LaneRead, Park, ParkedRead, Published, StepTime,
    Store,
};
use protean_port::{Error, Result};
use tracing::{error, info};

use super::batch_notes::BatchNotes;
use super::broker_publisher::{BrokerPublisher, unavailable};
use super::broker_stream::BrokerStream;
use super::gaps::{Gap, Gaps, GroupBehind};
use super::page::{Content, Entry, Page, RouteLane};
use super::page_spans::PageSpans;
use super::plan::RelayPlan;
use super::settlements::Settlements;
use super::settling::{Policy, moves, settle, settle_places};
use crate::failpoint;
use crate::handover::Handover;
use crate::log_places::head;

/// The most messages in a page. A page of each category is in memory twice.
const PAGE_MESSAGES: usize = 512;
/// How long publishing a page of bulk work should take.
const BULK_PAGE_TIME: StepTime =
    StepTime { beside_production: Duration::from_millis(2), alone: Duration::from_millis(4) };
/// Smaller pages would hardly be quicker: most of their time is round trips.
const MIN_BULK_PAGE_MESSAGES: usize = 32;
/// How often a stream that is full is asked for room.
const ROOM_CHECK_INTERVAL: Duration = Duration::from_millis(20);

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
    /// Whether the log may hold messages of each route that were not read.
    unread: Vec<bool>,
    /// The stream of each route.
    streams: Vec<BrokerStream>,
    settlements: Settlements,
    /// Something waits until its stream has room.
    is_full: bool,
    bulk_page: BatchSizer,
    /// When to look for refused messages that are due again.
    refused_at: Timestamp,
    progress: bool,
    /// Takes messages that no reader was given before.
    pub(super) handover: Option<Handover>,
    /// Earlier relays have published nothing beyond this position.
    new_after: u64,
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
        let streams = plan.routes.iter();
        let streams = streams.map(|route| BrokerStream::new(lane, lanes, route.groups.len()));
        let routes = plan.routes.len();
        let settlements = Settlements::new(Arc::clone(&store), Arc::clone(&notes), lane, routes);
        let bulk_messages = MIN_BULK_PAGE_MESSAGES..=PAGE_MESSAGES;
        Self {
            domain,
            publisher: BrokerPublisher::new(Arc::clone(&store), broker, plan.clone(), lane, notes),
            gaps: Gaps::default(),
            missing: Vec::new(),
            unread: vec![true; routes],
            streams: streams.collect(),
            is_full: false,
            settlements,
            store,
            plan,
            lane,
            bulk_page: BatchSizer::new(BULK_PAGE_TIME.alone, bulk_messages),
            refused_at: Timestamp::default(),
            progress: false,
            handover: None,
            new_after: 0,
        }
    }

    /// True when something was published since the last call.
    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Waits until a commit that is under way or due has ended, or for ever. Cancel safe.
    pub(super) async fn settled(&mut self) -> Result {
        match self.settlements.is_empty() {
            true => std::future::pending().await,
            false => self.settlements.settled().await,
        }
    }

    /// Waits until everything that was published is settled.
    pub(super) async fn settle_all(&mut self) -> Result {
        self.settlements.settle_all().await
    }

    /// Begins again, from what the store knows as published.
    pub(super) async fn begin(&mut self) -> Result {
        // What the store does not take now goes out again.
        self.settlements.settle_all().await.unwrap_or_default();
        self.settlements.forget();
        if let Some(handover) = &self.handover {
            handover.clear();
            self.new_after = head(&*self.store).await?;
        }
        Ok(())
    }

    /// Messages of these routes have come.
    pub(super) fn look_at(&mut self, routes: Vec<usize>) {
        routes.into_iter().for_each(|route| self.unread[route] = true);
    }

    /// When to publish again although nothing has come: a stream may have room, or the broker
    /// may take what it has refused.
    pub(super) fn retry_after(&self) -> Duration {
        let refused = self.refused_at.since(self.domain.clock().now());
        if self.is_full { ROOM_CHECK_INTERVAL.min(refused) } else { refused }
    }

    /// Checks that the broker still holds what was published, and recreates missing groups.
    pub(super) async fn maintain(&mut self) -> Result {
        // An announcement may have been lost with the connection that brings them.
        self.unread.fill(true);
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
        self.handover.iter().for_each(Handover::clear);
        self.publisher.incomplete().await?;
        // What was published counts as such where the gaps end.
        self.settlements.settle_all().await?;
        let plan = &self.plan;
        info!(relay = %plan.name, lane = %self.lane, groups = self.missing.len(), "broker groups missed messages, publishing again");
        for (route, of) in plan.routes.iter().enumerate() {
            let relay = self.store.group_status(&plan.name, &of.category).await?.lanes;
            let (of_lane, mut groups) = (RouteLane { route, lane: self.lane }, Vec::new());
            for name in self.gaps.behind(plan, of_lane, &self.missing) {
                let lanes = self.store.group_status(&name, &of.category).await?.lanes;
                groups.push(GroupBehind { name, lanes });
            }
            self.gaps.add(Gap::between(plan.lanes, of_lane, groups, &relay));
        }
        self.missing.clear();
        Ok(())
    }

    /// Publishes what was refused before and is due again, a page of each category, and a
    /// page of what was missed. False when there was nothing to publish.
    pub(super) async fn publish(&mut self) -> Result<bool> {
        self.is_full = false;
        let refused = self.publish_refused().await?;
        let begun = Instant::now();
        let pages = self.pages().await?;
        let published = self.send(&pages).await?;
        if !pages.is_empty() {
            self.bulk_page.aim_at(self.domain.env().machine_turns.step_time(BULK_PAGE_TIME));
            self.bulk_page.took(begun.elapsed());
        }
        Ok(self.fill_gap().await? || published || refused)
    }

    /// The next page of each category, all read at once.
    async fn pages(&mut self) -> Result<Vec<Page>> {
        let unread = |route: &usize| self.unread[*route];
        let unread = Vec::from_iter((0..self.plan.routes.len()).filter(unread));
        let mut reads = Vec::new();
        for route in unread {
            let of = RouteLane { route, lane: self.lane };
            let limit = match self.lane {
                Lane::Primary => PAGE_MESSAGES,
                Lane::Backfill => self.room(of).await?.min(self.bulk_page.units()),
            };
            if limit == 0 {
                self.is_full = true;
                continue;
            }
            let read = LaneRead {
                group: self.plan.name.to_string(),
                category: self.plan.routes[route].category.clone(),
                range: self.plan.lanes.range(self.lane),
                after: self.settlements.published(route),
                limit,
            };
            reads.push((of, read));
        }
        let limits = Vec::from_iter(reads.iter().map(|(_, read)| read.limit));
        let (store, streams, routes) = (&*self.store, &self.streams, &self.plan.routes);
        let hands_over = self.handover.is_some();
        let reads = reads.into_iter().map(|(of, read)| {
            let groups = if hands_over { &routes[of.route].groups[..] } else { &[] };
            Page::read(store, &streams[of.route], of, read, groups)
        });
        let mut pages = try_join_all(reads).await?;
        for (page, limit) in pages.iter().zip(limits) {
            self.unread[page.of.route] = page.len() >= limit;
        }
        pages.retain(|page| !page.is_empty());
        if let Some(handover) = &self.handover {
            for page in &pages {
                page.hand_over(handover, &routes[page.of.route].groups, self.new_after);
            }
        }
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
            let of = RouteLane { route, lane: self.lane };
            pages.push(Page { of, content: Content::Messages(page.due), open: Vec::new() });
        }
        pages.retain(|page| !page.is_empty());
        let published = self.send(&pages).await?;
        self.refused_at = if published { now } else { next };
        Ok(published)
    }

    /// Publishes pages and settles them; false when there are none.
    async fn send(&mut self, pages: &[Page]) -> Result<bool> {
        if pages.is_empty() {
            return Ok(false);
        }
        if self.lane == Lane::Primary {
            self.domain.env().production_begins();
        }
        failpoint::reached("before a page is published");
        let (published, lost) = self.publish_pages(pages).await?;
        if lost {
            // Known from now on, whatever fails below: the broker says it only once.
            self.missing.extend(self.plan.groups(self.lane));
            self.publisher.incomplete().await?;
        }
        let answered = pages.iter().zip(&published);
        let changes = answered.map(|(page, published)| self.changes_of(page, published));
        failpoint::reached("before a page is settled");
        let units: Vec<_> = changes.collect();
        let unavailable = published.iter().flatten().find_map(unavailable);
        self.expect_refused(&units);
        let number = self.publisher.number();
        // Only the cursors of whole pages may wait.
        if unavailable.is_some() || units.iter().any(moves) {
            self.settlements.settle(units, number).await?;
        } else {
            self.settlements.settle_later(pages, units, number).await?;
        }
        failpoint::reached("after a page is settled");
        self.progress = true;
        self.open_gaps(Vec::new()).await?;
        self.note().await?;
        match unavailable {
            Some(reason) => Err(Error::unavailable(reason)),
            None => Ok(true),
        }
    }

    /// What these units park is due then.
    fn expect_refused(&mut self, units: &[Changes]) {
        let parks = units.iter().flat_map(|unit| &unit.parks);
        let parked = parks.filter_map(|park| match park {
            Park::Keep { due, .. } => *due,
            _ => None,
        });
        self.refused_at = parked.fold(self.refused_at, Ord::min);
    }

    fn changes_of(&self, page: &Page, published: &[Published]) -> Changes {
        let plan = &self.plan;
        let now = self.domain.clock().now();
        let policy = Policy { relay: &plan.name, retry: &plan.outbox.retry, now };
        let messages = match &page.content {
            Content::Messages(messages) => messages,
            Content::Places { category, places, .. } => {
                return settle_places(&policy, category, places, published);
            }
        };
        for (delivery, published) in messages.iter().zip(published) {
            if let Published::Refused(reason) = published {
                error!(
                    relay = %plan.name, message_id = %delivery.recorded.message.id, %reason,
                    "outbox.failed: the broker refused the message"
                );
            }
        }
        settle(&policy, page.of.lane, messages, published)
    }

    /// Publishes one page of what groups missed; false when nothing is missing.
    async fn fill_gap(&mut self) -> Result<bool> {
        let Some(of) = self.gaps.first().map(|gap| gap.of) else { return Ok(false) };
        let limit = self.room(of).await?;
        self.is_full |= limit == 0;
        let Some(gap) = self.gaps.first().filter(|_| limit > 0) else { return Ok(false) };
        let mut pages = Vec::new();
        for read in gap.reads(&self.plan.routes[of.route].category, limit) {
            pages.push(self.store.lane(read).await?);
        }
        let (deliveries, reached) = gap.next(pages, limit);
        if !deliveries.is_empty() {
            let page = [Page::new(&self.streams[of.route], of, deliveries)];
            let (published, lost) = self.publish_pages(&page).await?;
            if lost {
                self.open_gaps(self.plan.groups(self.lane)).await?;
                return Ok(true);
            }
            if let Some(reason) = published.iter().flatten().find_map(unavailable) {
                return Err(Error::unavailable(reason));
            }
            let published = published.into_iter().next().unwrap_or_default();
            let mut changes = self.changes_of(&page[0], &published);
            // The relay's own cursor passed them long ago.
            changes.marks.clear();
            if moves(&changes) {
                let units = vec![changes];
                self.expect_refused(&units);
                self.settlements.settle(units, self.publisher.number()).await?;
            }
        }
        self.gaps.reached(reached);
        self.note().await?;
        self.progress = true;
        Ok(true)
    }

    /// Notes that nothing has to be published again, once that is so.
    async fn note(&mut self) -> Result {
        if self.gaps.is_empty() && self.missing.is_empty() {
            self.publisher.complete().await
        } else {
            Ok(())
        }
    }

    async fn publish_pages(&mut self, pages: &[Page]) -> Result<(Vec<Vec<Published>>, bool)> {
        let spans = PageSpans::begin(&self.domain, &self.plan, pages);
        let published = self.publisher.publish(pages).await;
        spans.end(published.as_ref().map(|(answers, _)| &answers[..]));
        let published = published?;
        for page in pages {
            if let Content::Places { .. } = page.content {
                self.streams[page.of.route].published(page.entries().iter().map(Entry::len));
            }
        }
        Ok(published)
    }

    /// How many messages a stream has room for.
    async fn room(&mut self, of: RouteLane) -> Result<usize> {
        let status = self.publisher.status(&self.plan.stream(of)).await?;
        Ok(self.streams[of.route].room(&status).min(PAGE_MESSAGES))
    }
}
