//! What follows when a handler or a commit has ended.

use std::sync::Arc;

use protean_core::handling::{Moment, Verdict, left_out, settle, telemetry};
use protean_port::message::Lane;
use protean_port::port::{Delivery, Outcome, Park};
use tracing::{info, warn};

use super::{Event, STORE_RETRY_DELAY, Worker};
use crate::failpoint::reached;
use crate::source::log_source::ParkedSource;
use crate::worker::breaker::End;
use crate::worker::pipeline::{LeftOut, Marking};
use crate::worker::runner::{Judged, Ran, RunResult, Slot};

impl Worker {
    /// Settles what a turn has run, and frees its slot.
    pub(super) fn ran(&mut self, ran: Ran) {
        let Ran { slot, delivery, result } = ran;
        let lane = slot.lane;
        if let RunResult::First(first) = result {
            return self.run_first(slot, delivery, first);
        }
        self.lanes.returned(delivery.recorded.message.stream.as_str());
        self.seat.release(slot.taken);
        self.in_flight.end(delivery.recorded.position);
        match result {
            RunResult::First(_) => {}
            RunResult::Unknown(error) => {
                // The handler was not called.
                let verdict = Verdict::Unavailable(error.to_string());
                let marking = marking(&delivery, &verdict);
                self.judge(lane, &Verdict::Held.into());
                self.clear(&delivery.recorded);
                self.settle(lane, delivery, verdict.into(), marking);
            }
            RunResult::Itself(judged) => {
                self.clear(&delivery.recorded);
                self.judge(lane, &judged);
                let marking = marking(&delivery, &judged.verdict);
                self.settle(lane, delivery, judged, marking);
            }
            RunResult::Before(before, judged) => {
                self.in_flight.end(before.recorded.position);
                self.clear(&delivery.recorded);
                self.judge(lane, &judged);
                if self.settle(lane, *before, judged, Marking::Early) {
                    self.offer(delivery);
                } else {
                    let marking = marking(&delivery, &Verdict::Held);
                    self.settle(lane, delivery, Verdict::Held.into(), marking);
                }
            }
        }
        self.pipelines[lane].end(slot.since);
    }

    /// Uses the turn of a delivery for one before it in its stream, which is
    /// noted first: it is the one that runs.
    fn run_first(&mut self, slot: Slot, delivery: Delivery, first: Box<Delivery>) {
        self.in_flight.begin(first.recorded.position);
        let noted = self.in_flight.noted(first.recorded.position);
        let overlay = self.pipelines[slot.lane].overlay();
        let running = self.runner.clone().run_first(slot, delivery, first, overlay);
        self.run_once(slot.lane, noted, running);
    }

    /// Counts the run, and lets the breaker of the lane judge its handler.
    fn judge(&mut self, lane: Lane, judged: &Judged) {
        self.metrics.lane(lane).ran(&judged.verdict, judged.took);
        self.commit_spans.ran(lane, judged.took);
        let end = match judged.verdict {
            // A rejected message may never have reached its handler.
            Verdict::Done(_) => End::Fine,
            Verdict::Retry(_) | Verdict::Unavailable(_) => End::Failed,
            _ => End::Neither,
        };
        let now = self.since.elapsed();
        let (breaker, handler) = (&mut self.breakers[lane], &self.runner.group.handler);
        let was_open = breaker.is_open();
        if breaker.ended(end, now) && !was_open {
            warn!(%handler, %lane, "circuit breaker opened: the handler keeps failing, its messages wait");
        } else if was_open && !breaker.is_open() {
            warn!(%handler, %lane, "circuit breaker closed: the handler works again");
        }
        self.metrics.lane(lane).breaker(breaker.is_open());
    }

    /// True when the group moves on to the next message of the stream.
    pub(super) fn settle(
        &mut self,
        lane: Lane,
        delivery: Delivery,
        judged: Judged,
        marking: Marking,
    ) -> bool {
        let Judged { verdict, readers, .. } = judged;
        let group = Arc::clone(&self.runner.group);
        let moment = self.moment(lane);
        let otherwise = left_out(&group, &delivery, moment);
        // What a copy leaves to be kept moves nothing, so nothing has to wait for it.
        let is_copy = matches!(verdict, Verdict::Duplicate);
        let mut settled = settle(&group, &delivery, verdict, moment);
        settled.unit.readers = readers;
        let moves_on = settled.next.is_some();
        if !settled.unit.changes.parks.iter().any(|park| matches!(park, Park::Keep { .. })) {
            self.clear(&delivery.recorded);
        }
        let (stream, position) =
            (delivery.recorded.message.stream.name(), delivery.recorded.position);
        let next = self.pipelines[lane].push(delivery, settled, otherwise, marking);
        if group.is_ordered() && !is_copy {
            self.lanes.ran(&stream, lane, position, next);
        }
        moves_on
    }

    pub(super) fn moment(&self, lane: Lane) -> Moment {
        Moment { now: self.runner.domain.clock().now(), waits_from: self.now(), lane }
    }

    pub(super) fn committed(&mut self, lane: Lane, outcomes: Vec<Outcome>) {
        reached("before what is durable is taken in");
        let (group, pacing) = (&self.runner.group, self.runner.steps.pacing());
        let now = self.runner.domain.clock().now();
        let committed = self.pipelines[lane].committed(outcomes, |delivery, fate, changes| {
            telemetry::outcome(group, delivery, fate, changes);
            pacing.durable(delivery, fate, now);
        });
        for Delivery { recorded, .. } in &committed.durable {
            self.source.durable(recorded.position);
            self.lanes.unit_ended(recorded.message.stream.as_str(), lane, recorded.position, true);
        }
        // A released message may be of the other lane.
        committed.due.into_iter().for_each(|due| self.reads.expect(due));
        for delivery in committed.durable.into_iter().filter(|delivery| delivery.parked) {
            let position = delivery.recorded.position;
            self.conflicts.committed(position);
            if self.in_flight.is_charged(position) {
                reached("after a suspect is charged");
                self.offer(delivery);
            } else {
                self.parked_of(&delivery).give_back(position);
            }
        }
        for left_out in committed.left_out {
            self.left_out(lane, left_out);
        }
        let (handler, faults) = (&self.runner.group.handler, &self.runner.faults);
        if committed.unavailable.is_none()
            && let Some(failures) = faults.ended("commit", lane)
        {
            info!(%handler, %lane, failures, "commits again");
        }
        if let Some(reason) = committed.unavailable {
            if let Some(failures) = faults.failed("commit", lane) {
                warn!(%handler, %lane, error = %reason, failures, "cannot commit, trying again");
            }
            self.under_way.push(Box::pin(async move {
                tokio::time::sleep(STORE_RETRY_DELAY).await;
                Event::ResendDue(lane)
            }));
        }
    }

    /// A unit was left out, so its message is parked and due: it runs again on
    /// fresh state, unless the database refuses what it writes or it is in
    /// conflict time after time.
    fn left_out(&mut self, lane: Lane, left_out: LeftOut) {
        let LeftOut { mut delivery, outcome } = left_out;
        let position = delivery.recorded.position;
        let stream = delivery.recorded.message.stream.as_str();
        self.lanes.unit_ended(stream, lane, position, false);
        self.clear(&delivery.recorded);
        self.source.reconsider(&delivery);
        if let Some(verdict) = self.verdict_on(&delivery, outcome) {
            delivery.parked = true;
            self.parked_of(&delivery).take(position);
            self.settle(lane, delivery, verdict.into(), Marking::None);
            return;
        }
        let now = self.now();
        let parked = self.parked_of(&delivery);
        parked.give_back(position);
        parked.expect(now);
    }

    /// The verdict on a message whose unit was left out; none when it simply runs again.
    fn verdict_on(&mut self, delivery: &Delivery, outcome: Outcome) -> Option<Verdict> {
        let what = match outcome {
            Outcome::Rejected(violations) => {
                return Some(Verdict::Rejected(violations.to_string()));
            }
            Outcome::Stale(what) => what,
            // It has the idempotency key of a command that the handler has issued.
            Outcome::Duplicate { message_id, .. } => format!("the command {message_id} came first"),
            _ => return None,
        };
        let retry = &self.runner.domain.config().server.version_retry;
        let position = delivery.recorded.position;
        delivery.parked.then(|| self.conflicts.left_out(position, what, retry)).flatten()
    }

    fn parked_of(&mut self, delivery: &Delivery) -> &mut ParkedSource {
        let lane = self.runner.domain.lanes().lane(delivery.recorded.message.priority);
        self.reads.parked(lane)
    }
}

fn marking(delivery: &Delivery, verdict: &Verdict) -> Marking {
    match verdict {
        _ if delivery.parked => Marking::None,
        Verdict::Duplicate => Marking::Again,
        _ => Marking::InTurn,
    }
}
