//! A worker begins to lead its group, and steps down.

use protean_port::port::{Claim, Delivery};
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::leadership::LeaderTerm;
use crate::worker::leadership_change::{LeadershipChange, LeadershipChanges};

impl Worker {
    /// Works under a claim until its term is over, and then until what runs has ended
    /// and is committed. With the claim come the messages that its holder before has left
    /// in flight; they are parked.
    pub(crate) async fn lead(
        mut self,
        claim: Box<dyn Claim>,
        left: Vec<Delivery>,
        term: LeaderTerm,
    ) {
        self.adopt(claim, left);
        self.work_until(term.over(), Some(&term), None).await;
    }

    /// Works until `stop` is cancelled, and then until what runs has ended and is
    /// committed. What has not started is left as it is, for the next process. Whether this
    /// one leads comes with `changes`.
    pub(crate) async fn share(self, stop: &CancellationToken, changes: LeadershipChanges) {
        self.work_until(stop, None, Some(changes)).await;
    }

    pub(super) fn take_in_change(&mut self, change: LeadershipChange) {
        match change {
            LeadershipChange::Won(claim, left) if !self.stopping => {
                self.adopt(claim, left);
                self.reads.expect(self.now());
            }
            // Given up again at once, since it comes too late.
            LeadershipChange::Won(..) => {}
            LeadershipChange::Lost => self.step_down(),
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
