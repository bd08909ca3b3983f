//! A list of units on its way through a writer.

use std::collections::VecDeque;
use std::sync::Arc;

use protean_port::message::Lane;
use protean_port::port::{Changes, CommitNotice, Outcome};
use tokio::sync::oneshot;

/// A list of units, the outcomes of those that are settled, and the caller's reply.
#[derive(Debug)]
pub struct Job {
    /// The units, in the order in which they are settled.
    pub units: Arc<[Changes]>,
    /// The outcomes so far: the first belongs to the first unit, and so on.
    pub outcomes: Vec<Outcome>,
    reply: oneshot::Sender<Vec<Outcome>>,
}

impl Job {
    /// A list of which nothing is settled, and the receiver of its outcomes.
    pub fn new(units: Arc<[Changes]>) -> (Self, oneshot::Receiver<Vec<Outcome>>) {
        let (reply, receiver) = oneshot::channel();
        let outcomes = Vec::with_capacity(units.len());
        (Self { units, outcomes, reply }, receiver)
    }

    /// The lane of the first unit, which the whole list takes.
    pub fn lane(&self) -> Lane {
        self.units.first().map_or(Lane::Primary, |unit| unit.lane)
    }

    /// True when nothing is lost if the list is written a little later: its work is done again
    /// after a crash.
    pub fn can_wait(&self) -> bool {
        self.units.iter().all(|unit| unit.redone_if_lost)
    }

    /// True when every unit has its outcome.
    pub fn is_settled(&self) -> bool {
        self.open() == 0
    }

    /// How many units have no outcome yet.
    pub fn open(&self) -> usize {
        self.units.len().saturating_sub(self.outcomes.len())
    }

    /// True when a unit without an outcome, or one that may take its place, runs statements
    /// of the user's own.
    pub fn has_open_statements(&self) -> bool {
        let open = &self.units[self.outcomes.len()..];
        open.iter().any(|unit| {
            let mut chain = std::iter::successors(Some(unit), |unit| unit.otherwise.as_deref());
            chain.any(|unit| !unit.statements.is_empty() || !unit.reads.is_empty())
        })
    }

    /// What a transaction has changed that gave these lists these outcomes.
    pub fn notice(jobs: &VecDeque<Self>, staged: &[Vec<Outcome>]) -> CommitNotice {
        let settled = jobs.iter().zip(staged).flat_map(|(job, fresh)| {
            let open = &job.units[job.outcomes.len()..];
            open.iter().zip(fresh)
        });
        CommitNotice::of(settled)
    }

    /// True when a unit of the list was committed; `fresh` are the outcomes of the
    /// transaction at hand, which follow those of the job.
    pub fn is_committed(&self, fresh: &[Outcome], unit: usize) -> bool {
        let fresh = || fresh.get(unit.checked_sub(self.outcomes.len())?);
        matches!(self.outcomes.get(unit).or_else(fresh), Some(Outcome::Committed(_)))
    }

    /// Gives up the units that are not settled: a later unit must not become durable
    /// without those before it.
    pub fn give_up(&mut self, why: &str) {
        self.outcomes.resize(self.units.len(), Outcome::Unavailable(why.to_owned()));
    }

    /// Sends the outcomes to the caller, unless it has stopped waiting.
    pub fn finish(self) {
        self.reply.send(self.outcomes).unwrap_or_default();
    }
}
