//! A worker begins to lead its group, and steps down.

use protean_port::port::{Claim, Delivery};

use super::Worker;
use crate::source::shared_reads::{LeadershipChange, SharedEvent};

impl Worker {
    pub(super) fn take_in_shared(&mut self, shared: Option<SharedEvent>) {
        match shared {
            Some(SharedEvent::Messages(messages)) => {
                messages.into_iter().for_each(|delivery| self.offer(delivery));
            }
            // Given up again at once when it comes too late.
            Some(SharedEvent::Leadership(LeadershipChange::Won(claim, left))) if !self.stopping => {
                self.adopt(claim, left);
                self.reads.expect(self.now());
            }
            Some(SharedEvent::Leadership(LeadershipChange::Lost)) => self.step_down(),
            Some(SharedEvent::Leadership(LeadershipChange::Won(..))) | None => {}
        }
    }

    /// Looks after what is parked from now on, and notes what is handled here.
    pub(super) fn adopt(&mut self, claim: Box<dyn Claim>, left: Vec<Delivery>) {
        self.in_flight.adopt(claim);
        self.suspect(left);
    }

    /// Gives up what belongs to the claim: of what is parked nothing more starts here.
    /// What runs goes on, and is left out of its commit if the next leader was faster.
    fn step_down(&mut self) {
        self.pass_all_suspects();
        for item in self.lanes.take_back(|delivery| delivery.parked) {
            self.reads.parked(item.lane).give_back(item.position);
        }
    }
}
