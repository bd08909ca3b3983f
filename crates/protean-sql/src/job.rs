//! A list of units on its way through a writer.

use std::collections::VecDeque;
use std::sync::Arc;

use protean_port::message::{Lane, Priority};
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

    /// True when a transaction over these lists may be on disk later than it ends: nothing in
    /// them is production work whose answer or whose messages would wait for that.
    pub fn may_sync_later(jobs: &VecDeque<Self>) -> bool {
        let has_time = |job: &Self| job.lane() == Lane::Backfill || job.can_wait();
        jobs.iter().all(|job| has_time(job) && job.appends_only_bulk())
    }

    fn appends_only_bulk(&self) -> bool {
        self.units[self.outcomes.len()..].iter().all(|unit| {
            let mut chain = std::iter::successors(Some(unit), |unit| unit.otherwise.as_deref());
            chain.all(|unit| {
                unit.appends.iter().all(|append| append.message.priority < Priority::NORMAL)
            })
        })
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
            chain.any(|unit| !unit.statements.is_empty())
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

    /// Sends the outcomes to the caller when they are on disk, otherwise why they are not.
    pub fn finish_if(mut self, durable: Result<(), String>) {
        if let Err(why) = durable {
            self.outcomes.fill(Outcome::Unavailable(why));
        }
        self.finish();
    }

    /// Sends the outcomes to the caller, unless it has stopped waiting.
    pub fn finish(self) {
        self.reply.send(self.outcomes).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use protean_port::message::{Category, Id, Kind, Lane, Message, Priority, Timestamp};
    use protean_port::port::{Append, Changes, Expect};

    use super::Job;

    fn unit(lane: Lane, priority: Priority) -> Changes {
        let message = Message {
            id: "1".into(),
            stream: Category::of("bank", "account").stream(&Id::from("a")),
            kind: Kind::Event,
            type_name: "Bank.Opened.v1".into(),
            version: 1,
            priority,
            correlation_id: "c".into(),
            causation_id: None,
            time: Timestamp::from_micros(1),
            data: "{}".into(),
            extensions: Default::default(),
        };
        let append = Append { message, expect: Expect::End };
        Changes { appends: vec![append], ..Changes::new(lane) }
    }

    fn may_sync_later(lists: Vec<Vec<Changes>>) -> bool {
        let jobs: VecDeque<Job> = lists.into_iter().map(|units| Job::new(units.into()).0).collect();
        Job::may_sync_later(&jobs)
    }

    #[test]
    fn only_bulk_work_without_production_messages_syncs_later() {
        let bulk = unit(Lane::Backfill, Priority::BULK);
        let upward = unit(Lane::Backfill, Priority::NORMAL);
        let production = unit(Lane::Primary, Priority::NORMAL);
        let hidden = Changes { otherwise: Some(Box::new(upward.clone())), ..bulk.clone() };
        let redone = Changes { redone_if_lost: true, ..Changes::new(Lane::Primary) };
        let plain = Changes::new(Lane::Primary);
        assert!(may_sync_later(vec![vec![bulk.clone(), bulk.clone()], vec![redone.clone()]]));
        for other in [upward, production, hidden, plain] {
            assert!(!may_sync_later(vec![vec![bulk.clone()], vec![other.clone()]]), "{other:?}");
        }
    }
}
