//! Which reads a worker starts: of its lanes in the log, and of parked messages.

use std::time::Duration;

use protean_port::Result;
use protean_port::message::{Lane, Priority, Timestamp};
use protean_port::port::{Delivery, LaneRead, ParkedPage, ParkedRead, Watched};
use tracing::warn;

use crate::per_lane::PerLane;
use crate::source::Source;
use crate::source::log_source::{LaneSource, ParkedSource};
use crate::worker::lanes::Lanes;
use crate::worker::runner::HandlerRunner;

/// What a group reads from the store, for each lane.
pub(super) struct ReadScheduler {
    logs: Vec<LaneSource>,
    parked: PerLane<ParkedSource>,
}

/// A read to start.
pub(super) enum Wanted {
    Log(Lane, LaneRead),
    Parked(Lane, ParkedRead),
}

impl ReadScheduler {
    pub(super) fn new(runner: &HandlerRunner, source: &Source, now: Timestamp) -> Self {
        let lanes = runner.domain.lanes().lanes();
        let logs = match source {
            Source::Log => lanes,
            // The broker hands the messages out.
            Source::Broker(_) => &[],
        };
        let page = runner.group.subscription.messages_per_tick.max(1);
        Self {
            logs: logs.iter().map(|lane| LaneSource::new(*lane, page)).collect(),
            parked: PerLane::new(lanes, |lane| ParkedSource::new(lane, page, now)),
        }
    }

    /// What to wait for: new messages of each lane that is read from the log, and moves.
    pub(super) fn watched(&self, runner: &HandlerRunner) -> Vec<Watched> {
        let arrivals = self.logs.iter().map(|source| Watched::Arrivals {
            category: runner.group.category.clone(),
            priorities: runner.domain.lanes().range(source.lane),
        });
        arrivals.chain([Watched::Moves]).collect()
    }

    /// The watched changes at these places have come. What another process may have parked or
    /// released is read at `soon`.
    pub(super) fn wake(&mut self, changed: Vec<usize>, soon: Timestamp) {
        for place in changed {
            match self.logs.get_mut(place) {
                Some(source) => source.wake(),
                None => self.expect(soon),
            }
        }
    }

    /// A parked message of some lane is due then.
    pub(super) fn expect(&mut self, due: Timestamp) {
        self.parked.iter_mut().for_each(|parked| parked.expect(due));
    }

    /// When parked messages are to be read.
    pub(super) fn read_at(&self) -> Option<Timestamp> {
        self.parked.iter().filter_map(ParkedSource::read_at).min()
    }

    /// The reads to start `now`, which is `elapsed` since the worker began. What is parked is
    /// read by the process that `leads` its group.
    pub(super) fn wanted(
        &mut self,
        runner: &HandlerRunner,
        lanes: &Lanes<Delivery>,
        leads: bool,
        now: Timestamp,
        elapsed: Duration,
    ) -> Vec<Wanted> {
        let logs = self.logs.iter_mut().filter_map(|source| {
            let (ready, held) = (lanes.ready(source.lane), lanes.len(source.lane));
            Some(Wanted::Log(source.lane, source.next(runner, ready, held, elapsed)?))
        });
        let parked = self.parked.iter_mut().filter(|_| leads);
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

    /// A read of parked messages has ended; gives those that are due and not in memory yet.
    pub(super) fn found(
        &mut self,
        runner: &HandlerRunner,
        lane: Lane,
        page: Result<ParkedPage>,
        again: Timestamp,
    ) -> Vec<Delivery> {
        match page {
            Ok(page) => {
                runner.faults.ended("read parked", lane);
                self.parked(lane).found(page)
            }
            Err(error) => {
                if let Some(failures) = runner.faults.failed("read parked", lane) {
                    warn!(
                        handler = %runner.group.handler, %lane, error = format_args!("{error:#}"),
                        failures, "cannot read parked messages, trying again"
                    );
                }
                self.parked(lane).failed(again);
                Vec::new()
            }
        }
    }

    /// The parked messages of a lane.
    pub(super) fn parked(&mut self, lane: Lane) -> &mut ParkedSource {
        &mut self.parked[lane]
    }
}
