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

    /// The units without an outcome.
    pub fn open_units(&self) -> &[Changes] {
        &self.units[self.outcomes.len()..]
    }

    /// True when some open units have to be written one after another: one runs statements of the
    /// user's own, or reads with them what one before it may write.
    pub fn needs_isolation(jobs: &VecDeque<Self>) -> bool {
        let open = jobs.iter().flat_map(Self::open_units);
        let chain =
            |unit| std::iter::successors(Some(unit), |unit: &&Changes| unit.otherwise.as_deref());
        let mut has_rows = false;
        open.into_iter().any(|unit| {
            let reads = chain(unit).any(|of| !of.reads.is_empty());
            let is_isolated =
                chain(unit).any(|of| !of.statements.is_empty()) || (reads && has_rows);
            has_rows |= chain(unit).any(|of| !of.rows.is_empty());
            is_isolated
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use protean_port::message::{Lane, Table};
    use protean_port::port::{Changes, RowChange, RowWrite, Statement, StatementRead};

    use super::Job;

    fn unit(change: impl FnOnce(&mut Changes)) -> Changes {
        let mut unit = Changes::new(Lane::Primary);
        change(&mut unit);
        unit
    }

    fn reading() -> Changes {
        let read = StatementRead { statement: Statement::new("SELECT 1"), rows: Vec::new() };
        unit(|unit| unit.reads.push(read))
    }

    fn running() -> Changes {
        unit(|unit| unit.statements.push(Statement::new("DELETE FROM stock")))
    }

    fn storing() -> Changes {
        let columns = Vec::new();
        let table = Table { name: "t".to_owned(), key: 0, columns, indexes: Vec::new() };
        let (table, key, change) = (Arc::new(table), "k".into(), RowChange::Remove);
        unit(|unit| unit.rows.push(RowWrite { table, key, expected: None, version: 0, change }))
    }

    #[test]
    fn units_that_only_read_need_no_savepoint() {
        let instead = |otherwise| Changes { otherwise: Some(Box::new(otherwise)), ..storing() };
        for (units, expected) in [
            (vec![reading(), reading()], false),
            (vec![storing(), storing()], false),
            (vec![reading(), storing()], false),
            (vec![storing(), reading()], true),
            (vec![instead(reading())], false),
            (vec![storing(), instead(reading())], true),
            (vec![running()], true),
            (vec![instead(running())], true),
        ] {
            let jobs: VecDeque<Job> =
                units.iter().map(|unit| Job::new([unit.clone()].into()).0).collect();
            assert_eq!(Job::needs_isolation(&jobs), expected, "{units:?}");
        }
    }
}
