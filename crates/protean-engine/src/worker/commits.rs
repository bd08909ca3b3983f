//! When what is settled is committed: production at once, bulk work in its turn, with as much
//! as has been settled by then.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use protean_port::message::Lane;
use protean_port::port::{Changes, Delivery, Outcome};
use tokio::time::Instant;

use super::{Event, Worker};
use crate::bulk_steps::Turn;
use crate::worker::bulk_commits::{BULK_COMMIT_TIME, CommitEnd};
use crate::worker::bulk_handlers::SLICE_TIME;

impl Worker {
    /// Takes in the bulk handlers that end in a slice, and starts others in their slots.
    pub(super) fn run_slice(&mut self, first: Event) {
        let (mut ended, until) = (Some(first), Instant::now() + SLICE_TIME);
        while let Some(event) = ended {
            self.take_in(event);
            if self.stopping || Instant::now() >= until {
                break;
            }
            self.start_handlers();
            ended = self.bulk_handlers.next().now_or_never().flatten();
        }
    }

    pub(super) fn start_commits(&mut self) {
        self.commit_what_production_awaits();
        for lane in self.pipelines.lanes() {
            if self.pipelines[lane].can_send() {
                self.start_commit(lane);
            }
        }
    }

    pub(super) fn start_commit(&mut self, lane: Lane) {
        match lane {
            Lane::Primary => {
                self.runner.domain.env().production_begins();
                self.commit(lane, None);
            }
            Lane::Backfill if self.bulk_commits.awaits_turn() => {}
            // What is settled by the time of its turn goes along.
            Lane::Backfill => {
                self.bulk_commits.await_turn();
                let turn = self.runner.steps.turn();
                self.under_way.push(Box::pin(turn.map(move |turn| Event::MayCommit(lane, turn))));
            }
        }
    }

    /// Commits units of backfill that production of the same stream waits for. They take the way
    /// of production to the store, without a turn of bulk work: they would hold it up otherwise.
    fn commit_what_production_awaits(&mut self) {
        let uncommitted = self.lanes.uncommitted();
        if !uncommitted.has_wanted() {
            return;
        }
        let is_wanted =
            |delivery: &Delivery| uncommitted.is_wanted(delivery.recorded.message.stream.as_str());
        let pipeline = &mut self.pipelines[Lane::Backfill];
        let most = pipeline.up_to_last(is_wanted).min(self.bulk_commits.room());
        if let Some(units) = pipeline.send(most, Lane::Primary) {
            self.runner.domain.env().production_begins();
            self.send(Lane::Backfill, units, None);
        }
    }

    /// Commits what is settled of a lane, or what could not be written before.
    pub(super) fn commit(&mut self, lane: Lane, turn: Option<Turn>) {
        let most = match lane {
            Lane::Primary => usize::MAX,
            Lane::Backfill => self.bulk_commits.room(),
        };
        let pipeline = &mut self.pipelines[lane];
        if let Some(units) = pipeline.resend().or_else(|| pipeline.send(most, lane)) {
            self.send(lane, units, turn);
        }
    }

    fn send(&mut self, lane: Lane, units: Arc<[Changes]>, turn: Option<Turn>) {
        if lane == Lane::Backfill {
            self.bulk_commits.begin(units.len());
        }
        let settled = self.pipelines[lane].sent().map(|delivery| &delivery.recorded.message);
        self.commit_spans.begin(&self.runner, lane, settled);
        let (store, steps) = (Arc::clone(&self.runner.store), self.runner.steps.clone());
        self.under_way.push(Box::pin(async move {
            let (_turn, began) = (turn, Instant::now());
            let outcomes = steps.pacing().watch_commit(lane, store.commit(units)).await;
            Event::Committed(CommitEnd { lane, outcomes, time: began.elapsed() })
        }));
    }

    pub(super) fn end_commit(&mut self, end: CommitEnd) {
        if end.lane == Lane::Backfill {
            let turns = &self.runner.domain.env().machine_turns;
            self.bulk_commits.ended(end.time, turns.step_time(BULK_COMMIT_TIME));
        }
        let failed = end.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Unavailable(reason) => Some(reason.as_str()),
            _ => None,
        });
        self.commit_spans.end(end.lane, failed);
        self.committed(end.lane, end.outcomes);
    }
}
