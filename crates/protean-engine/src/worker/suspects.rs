//! The messages that were in flight when the process before ended abruptly: each runs
//! with no other suspect beside it.

use std::sync::Arc;

use protean_core::handling::Verdict;
use protean_port::message::{Lane, Recorded};
use protean_port::port::Delivery;

use super::Worker;
use crate::worker::pipeline::Marking;

impl Worker {
    /// Suspects messages that are parked: each runs alone.
    pub(super) fn suspect(&mut self, left: Vec<Delivery>) {
        for delivery in left {
            let (message, position) = (&delivery.recorded.message, delivery.recorded.position);
            let lane = self.runner.domain.lanes().lane(message.priority);
            let stream = message.stream.name();
            self.lanes.put_first(message.priority, &stream, position);
            self.in_flight.suspect(position, lane, stream);
        }
    }

    /// All due messages of a lane have been found: a suspect that is not among them waits
    /// for another try, and later messages of its stream do not wait for it.
    pub(super) fn pass_absent_suspects(&mut self, lane: Lane) {
        for (position, stream) in self.in_flight.absent(lane) {
            self.lanes.let_past(&stream, position);
        }
    }

    /// Another process leads the group: only the suspect that already runs is finished here.
    pub(super) fn pass_all_suspects(&mut self) {
        let given_up = self.in_flight.step_down();
        for (position, lane, stream) in given_up {
            self.lanes.let_past(&stream, position);
            self.reads.parked(lane).give_back(position);
        }
    }

    /// A message is settled, or left to another process.
    pub(super) fn clear(&mut self, recorded: &Recorded) {
        if self.in_flight.clear(recorded.position) {
            // A suspect of another group may run now.
            self.permit = None;
        }
        self.lanes.let_past(recorded.message.stream.as_str(), recorded.position);
    }

    /// Charges the next suspect, once no other group of this process runs one.
    pub(super) fn start_suspects(&mut self) {
        if self.in_flight.has_current() {
            return;
        }
        let lanes = self.runner.domain.lanes().lanes().iter().copied();
        let ready = lanes.filter(|lane| self.may_start(*lane) && self.in_flight.has_line(*lane));
        let Some(lane) = ready.min() else {
            // Another group of this process may have one that can run.
            self.permit = None;
            return;
        };
        if self.permit.is_none() {
            if self.permit_requests.is_empty() {
                let alone = Arc::clone(&self.alone);
                self.permit_requests
                    .push(Box::pin(async move { alone.acquire_owned().await.ok() }));
            }
            return;
        }
        let Self { in_flight, lanes, reads, runner, .. } = self;
        // Messages before it in its stream that ran and were not durable run again first.
        let its_turn = |delivery: &Delivery| {
            let (message, position) = (&delivery.recorded.message, delivery.recorded.position);
            let (priority, stream) = (message.priority, message.stream.as_str());
            runner.domain.lanes().lane(priority) == lane
                && reads.has_read(lane, priority, position)
                && !lanes.has_before(priority, stream, position)
        };
        if let Some(delivery) = in_flight.next(its_turn) {
            self.settle(lane, delivery, Verdict::Suspect.into(), Marking::None);
        }
    }
}
