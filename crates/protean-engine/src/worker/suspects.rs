//! What the process before left in flight when it ended abruptly.

use std::sync::Arc;

use protean_core::handling::{Moment, Verdict, left_out};
use protean_port::message::{Lane, Recorded};
use protean_port::port::{At, Changes, Delivery, DoneMark, Outcome, Park};
use protean_port::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{STORE_WAIT, Worker};
use crate::failpoint::reached;
use crate::worker::pipeline::Marking;
use crate::worker::runner::HandlerRunner;

impl Worker {
    /// Parks what was left in flight, so that it runs apart from everything
    /// else; false when it was told to stop before it could.
    pub(super) async fn recall(&mut self, stop: &CancellationToken) -> bool {
        while let Err(error) = self.try_recall().await {
            warn!(group = %self.runner.group.name, "cannot look at what was in flight: {error}");
            if tokio::time::timeout(STORE_WAIT, stop.cancelled()).await.is_ok() {
                return false;
            }
        }
        true
    }

    async fn try_recall(&mut self) -> Result {
        let moment = self.moment(Lane::Primary);
        let left = park_left(&self.runner, self.flight.left(), moment).await?;
        self.suspect(left);
        Ok(())
    }

    /// Suspects messages that are parked: each runs alone.
    pub(super) fn suspect(&mut self, left: Vec<Delivery>) {
        for delivery in left {
            let (message, position) = (&delivery.recorded.message, delivery.recorded.position);
            let lane = self.runner.domain.lanes().lane(message.priority);
            let stream = message.stream.name();
            self.lanes.put_first(message.priority, &stream, position);
            self.flight.suspect(position, lane, stream);
        }
    }

    /// All that is due of a lane has been found: a suspect that is not among it
    /// waits for another try, and nobody waits for that.
    pub(super) fn pass_absent_suspects(&mut self, lane: Lane) {
        for (position, stream) in self.flight.absent(lane) {
            self.lanes.let_past(&stream, position);
        }
    }

    /// A message has been settled, or is out of our hands.
    pub(super) fn clear(&mut self, recorded: &Recorded) {
        if self.flight.clear(recorded.position) {
            // The next one of any group may have its turn.
            self.permit = None;
        }
        self.lanes.let_past(recorded.message.stream.as_str(), recorded.position);
    }

    /// Charges the next suspect, once no other group of this process runs one.
    pub(super) fn start_suspects(&mut self) {
        if self.flight.has_current() {
            return;
        }
        let lanes = self.runner.domain.lanes().lanes().iter().copied();
        let ready = lanes.filter(|lane| self.may_start(*lane) && self.flight.has_line(*lane));
        let Some(lane) = ready.min() else {
            // Another group of this process may have one that can run.
            self.permit = None;
            return;
        };
        if self.permit.is_none() {
            if self.asking.is_empty() {
                let alone = Arc::clone(&self.alone);
                self.asking.push(Box::pin(async move { alone.acquire_owned().await.ok() }));
            }
            return;
        }
        let Self { flight, lanes, reads, runner, .. } = self;
        // What ran before it in its stream and was not durable yet runs again before it.
        let its_turn = |delivery: &Delivery| {
            let (message, position) = (&delivery.recorded.message, delivery.recorded.position);
            let (priority, stream) = (message.priority, message.stream.as_str());
            runner.domain.lanes().lane(priority) == lane
                && reads.has_read(lane, priority, position)
                && !lanes.has_before(priority, stream, position)
        };
        if let Some(delivery) = flight.next(its_turn) {
            self.settle(lane, delivery, Verdict::Suspect.into(), Marking::None);
        }
    }
}

/// Parks what was left in flight, and tells which messages that are.
pub(super) async fn park_left(
    runner: &HandlerRunner,
    left: &[u64],
    moment: Moment,
) -> Result<Vec<Delivery>> {
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let group = &runner.group;
    let deliveries = runner.store.recall(&group.name, &group.category, left).await?;
    let units: Vec<Changes> =
        deliveries.iter().filter_map(|delivery| parked_again(runner, delivery, moment)).collect();
    for outcome in runner.store.commit(units.into()).await {
        if let Outcome::Unavailable(reason) = outcome {
            return Err(Error::unavailable(reason));
        }
    }
    reached("after what was left is parked");
    Ok(deliveries)
}

/// One that is parked already stays as it is. The due times of suspects are
/// those of their messages: who was sent first is found first.
fn parked_again(runner: &HandlerRunner, delivery: &Delivery, moment: Moment) -> Option<Changes> {
    let message = &delivery.recorded.message;
    let moment = Moment { lane: runner.domain.lanes().lane(message.priority), ..moment };
    let mut changes = left_out(&runner.group, delivery, moment)?;
    for park in &mut changes.parks {
        if let Park::Keep { due, .. } = park {
            *due = Some(message.time.min(moment.waits_from));
        }
    }
    changes.marks.push(DoneMark {
        group: Arc::clone(&runner.group.name),
        category: runner.group.category.clone(),
        priority: message.priority,
        at: At::First(delivery.recorded.position),
    });
    Some(changes)
}
