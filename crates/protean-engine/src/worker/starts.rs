//! Which handlers start now.

use protean_port::message::{Lane, Timestamp};
use protean_port::port::Delivery;

use super::{MAX_NOTED_AHEAD, MAX_UNCOMMITTED_UNITS, Worker};
use crate::worker::lanes::{Item, Started};
use crate::worker::runner::Slot;

impl Worker {
    pub(super) fn start_handlers(&mut self) {
        let now = self.now();
        while let Some(Started { item, slot: taken }) = self.next_start(now) {
            let Item { lane, stream, message: delivery, .. } = item;
            self.breakers[lane].started();
            if self.in_flight.begin(delivery.recorded.position) {
                self.in_flight.expect(lane, self.lanes.ahead(lane, MAX_NOTED_AHEAD));
            }
            let pipeline = &mut self.pipelines[lane];
            let overlay = pipeline.overlay();
            let slot = Slot { lane, taken, since: pipeline.begin() };
            let noted = self.in_flight.noted(delivery.recorded.position);
            let expected = self.lanes.uncommitted().expected(&stream);
            let running = self.runner.clone().run(slot, delivery, expected, overlay);
            self.run_once(lane, noted, running);
        }
        // It could start and has no slot.
        if self.may_start(Lane::Primary) && self.lanes.ready(Lane::Primary) > 0 {
            self.bulk_handlers.hurry();
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
