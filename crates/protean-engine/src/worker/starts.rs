//! Which handlers start now.

use futures_util::FutureExt;
use protean_port::message::{Lane, Timestamp};
use protean_port::port::Delivery;
use tracing::warn;

use super::{Event, MAX_NOTED_AHEAD, MAX_UNCOMMITTED_UNITS, Worker};
use crate::worker::lanes::{Item, Started};
use crate::worker::runner::Slot;

impl Worker {
    pub(super) fn start_handlers(&mut self) {
        let now = self.now();
        while let Some(Started { item, slot: taken }) = self.next_start(now) {
            let Item { lane, message: delivery, .. } = item;
            self.breakers[lane].started();
            if self.in_flight.begin(delivery.recorded.position) {
                self.in_flight.expect(self.lanes.ahead(lane, MAX_NOTED_AHEAD));
            }
            let pipeline = &mut self.pipelines[lane];
            let overlay = pipeline.overlay();
            let slot = Slot { lane, taken, since: pipeline.begin() };
            let running = self.runner.clone().run(slot, delivery, overlay);
            let ran = running.map(|ran| Event::Ran(Box::new(ran)));
            self.under_way.push(Box::pin(ran));
        }
        // A started handler is first polled when this task waits, so it is noted before it runs.
        self.note();
    }

    pub(super) fn note(&mut self) {
        if let Err(error) = self.in_flight.note() {
            warn!(
                handler = %self.runner.group.handler, error = format_args!("{error:#}"),
                "cannot record the messages in flight"
            );
        }
    }

    fn next_start(&mut self, now: Timestamp) -> Option<Started<Delivery>> {
        for lane in self.pipelines.lanes() {
            let held = !self.may_start(lane);
            self.lanes.hold(lane, held);
        }
        let Self { lanes, seat, .. } = self;
        lanes.start(now, |demand| seat.choose(demand))
    }

    /// True when a lane has room for more settled units and its breaker lets messages run.
    pub(super) fn may_start(&self, lane: Lane) -> bool {
        let allowed = self.breakers[lane].allows(self.since.elapsed());
        allowed && self.pipelines[lane].len() < MAX_UNCOMMITTED_UNITS
    }
}
