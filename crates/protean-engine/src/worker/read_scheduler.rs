//! What a worker reads: its lanes of the log, and what is parked.

use protean_core::config::SubscriptionType;
use protean_port::Result;
use protean_port::message::{Lane, Priority, Timestamp};
use protean_port::port::{Delivery, LaneRead, ParkedPage, ParkedRead};
use tracing::warn;

use crate::source::log::{LaneSource, ParkedSource};
use crate::worker::lanes::Lanes;
use crate::worker::runner::HandlerRunner;

/// The sources of a group, one of each kind a lane.
pub(super) struct ReadScheduler {
    logs: Vec<LaneSource>,
    parked: Vec<ParkedSource>,
}

/// A read to start.
pub(super) enum Wanted {
    Log(Lane, LaneRead),
    Parked(Lane, ParkedRead),
}

impl ReadScheduler {
    pub(super) fn new(runner: &HandlerRunner, now: Timestamp) -> Self {
        let lanes = runner.domain.lanes().lanes();
        // The broker of a group that is shared hands its messages out.
        let logs = match runner.group.subscription.subscription_type {
            SubscriptionType::EventStore => lanes,
            SubscriptionType::Stream => &[],
        };
        let page = runner.group.subscription.messages_per_tick.max(1);
        Self {
            logs: logs.iter().map(|lane| LaneSource::new(*lane, page)).collect(),
            parked: lanes.iter().map(|lane| ParkedSource::new(*lane, page, now)).collect(),
        }
    }

    /// Something was committed; what another process has parked or released is
    /// looked for at `soon`.
    pub(super) fn wake(&mut self, soon: Timestamp) {
        self.logs.iter_mut().for_each(LaneSource::wake);
        self.expect(soon);
    }

    /// A message of whichever lane is due then.
    pub(super) fn expect(&mut self, due: Timestamp) {
        self.parked.iter_mut().for_each(|parked| parked.expect(due));
    }

    /// When something parked is to be looked at.
    pub(super) fn look_at(&self) -> Option<Timestamp> {
        self.parked.iter().filter_map(ParkedSource::look_at).min()
    }

    /// The reads to start now; what is parked is looked at when `claimed`, by one
    /// process of a group.
    pub(super) fn wanted(
        &mut self,
        runner: &HandlerRunner,
        (lanes, claimed): (&Lanes<Delivery>, bool),
        now: Timestamp,
    ) -> Vec<Wanted> {
        let logs = self.logs.iter_mut().filter_map(|source| {
            let (ready, held) = (lanes.ready(source.lane), lanes.len(source.lane));
            Some(Wanted::Log(source.lane, source.next(runner, ready, held)?))
        });
        let parked = self.parked.iter_mut().filter(|_| claimed);
        let parked = parked.filter_map(|of| Some(Wanted::Parked(of.lane, of.next(runner, now)?)));
        logs.chain(parked).collect()
    }

    /// A read of the log has ended.
    pub(super) fn read(&mut self, lane: Lane, read: Option<&[Delivery]>) {
        if let Some(source) = self.logs.iter_mut().find(|source| source.lane == lane) {
            source.read(read);
        }
    }

    /// True when every message of a lane has been read up to this place.
    pub(super) fn has_read(&self, lane: Lane, priority: Priority, position: u64) -> bool {
        let source = self.logs.iter().find(|source| source.lane == lane);
        source.is_none_or(|source| source.has_read(priority, position))
    }

    /// A look at what is parked has ended; gives what is due and not in memory yet.
    pub(super) fn found(
        &mut self,
        (runner, lane): (&HandlerRunner, Lane),
        page: Result<ParkedPage>,
        again: Timestamp,
    ) -> Vec<Delivery> {
        match page {
            Ok(page) => self.parked(lane).found(page),
            Err(error) => {
                warn!(group = %runner.group.name, "cannot read what is parked: {error}");
                self.parked(lane).failed(again);
                Vec::new()
            }
        }
    }

    /// The parked messages of a lane.
    pub(super) fn parked(&mut self, lane: Lane) -> &mut ParkedSource {
        let index = usize::from(lane == Lane::Backfill).min(self.parked.len() - 1);
        &mut self.parked[index]
    }
}
