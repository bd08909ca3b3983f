//! One attempt at a transaction.
//!
//! ```text
//! BEGIN, lock, load ─▶ unit, unit, … ─▶ write, mark, COMMIT, unlock ─▶ on disk
//!                            └ refused: ROLLBACK, again with savepoints
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protean_port::message::Lane;
use protean_port::port::{Changes, CommitNotice, Outcome, Place};
use protean_sql::Job;

use crate::commit_marker::{CommitMarker, NotCommitted};
use crate::compound::Compound;
use crate::connection::{Session, Settings};
use crate::error::Fault;
use crate::flush;
use crate::refusal::Refusal;
use crate::row;
use crate::staged::StagedMap;
use crate::statement;
use crate::touched::{Touched, TouchedRows, with_alternatives};
use crate::turnstile;
use crate::unique;
use crate::unit;
use crate::working_set::WorkingSet;

/// The outcomes of one transaction, list by list.
pub(crate) type Staged = Vec<Vec<Outcome>>;

/// What a transaction has written.
pub(crate) struct Written {
    pub(crate) staged: Staged,
    /// The last message of the log, when the answer waits until it is on disk.
    pub(crate) durable: Option<u64>,
    pub(crate) notice: CommitNotice,
    /// How long the log's lock was held.
    pub(crate) held: Duration,
}

/// Why an attempt at a transaction ends early.
pub(crate) enum Abort {
    /// The database refused the result of the units together.
    Refused,
    /// The database cannot be written.
    Broken(Fault),
    /// COMMIT got no answer: this may be written.
    Unknown(Fault, Box<Written>),
}

impl Abort {
    /// What a refusal of everything together means for the attempt.
    pub(crate) fn of_flush(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Broken(fault) if fault.wants_reopening() || fault.is_transient() => {
                Self::Broken(fault)
            }
            _ => Self::Refused,
        }
    }
}

impl From<Fault> for Abort {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

/// One attempt at a transaction.
pub(crate) struct Attempt<'a> {
    session: &'a Session,
    working_set: WorkingSet<'a>,
    units: Vec<&'a Changes>,
    /// Each unit has a savepoint of its own.
    isolated: bool,
    /// Units whose reads have changed, as far as units are not isolated.
    stale: Vec<(&'a Changes, Outcome)>,
    staged: Staged,
    /// When the log's lock was taken.
    begun: Instant,
}

impl<'a> Attempt<'a> {
    /// Begins a transaction and decides its units; isolated units are written as well.
    pub(crate) async fn decide(
        session: &'a Session,
        settings: &Settings,
        jobs: &'a VecDeque<Job>,
        lane: Lane,
        max_units: usize,
        isolated: bool,
    ) -> Result<Self, Abort> {
        let open = jobs.iter().flat_map(|job| &job.units[job.outcomes.len()..]);
        let units: Vec<&Changes> = open.take(max_units).collect();
        // Found before the log is locked, so that nobody waits for it.
        let (touched, rows) = (Touched::of(units.iter().copied()), TouchedRows::of(&units));
        let begin = async { turnstile::begin(session, lane).await.map(|()| Instant::now()) };
        let rows = async {
            if isolated {
                return (Ok(StagedMap::default()), Ok(false));
            }
            tokio::join!(rows.load(session), unique::may_collide(session, &units))
        };
        let loaded = tokio::join!(begin, rows, WorkingSet::load(session, &touched));
        let (begun, (rows, collide), working_set) = loaded;
        let begun = match begun {
            Ok(begun) => begun,
            Err(fault) => return Err(turnstile::explained(fault, session, settings).await.into()),
        };
        // Rows that cannot be loaded fail the whole transaction; alone, each unit reports its own fault.
        let Ok(rows) = rows else { return Err(Abort::Refused) };
        let mut working_set = working_set?;
        if collide? {
            return Err(Abort::Refused);
        }
        working_set.rows = rows;
        let (staged, stale) = (Staged::with_capacity(jobs.len()), Vec::new());
        let mut attempt = Self { session, working_set, units, isolated, stale, staged, begun };
        if !isolated {
            attempt.check_reads().await?;
        }
        attempt.settle_all(jobs).await?;
        attempt.working_set.coalesced.pass_marks();
        Ok(attempt)
    }

    /// Writes what was decided, and commits it.
    pub(crate) async fn commit(
        self,
        marker: &mut CommitMarker,
        jobs: &VecDeque<Job>,
    ) -> Result<Written, Abort> {
        let (session, working_set) = (self.session, &self.working_set);
        let awaits_disk = !self.units.iter().all(|unit| unit.redone_if_lost);
        let notice = Job::notice(jobs, &self.staged);
        let mut writes = Compound::default();
        // Isolated units are written.
        if !self.isolated && flush::awaits_answers(working_set) {
            flush::flush(session, working_set).await.map_err(Abort::of_flush)?;
        } else if !self.isolated {
            flush::add_writes(&mut writes, working_set);
        }
        let has_writes = !writes.is_empty();
        let committed = marker.commit(session, writes, &notice, awaits_disk).await;
        let durable = awaits_disk.then(|| working_set.next_position() - 1);
        let written = Written { staged: self.staged, durable, notice, held: Duration::ZERO };
        match committed {
            Ok(unlocked) => Ok(Written { held: unlocked - self.begun, ..written }),
            Err(NotCommitted::Refused(fault)) if has_writes => Err(Abort::of_flush(fault.into())),
            Err(NotCommitted::Refused(fault) | NotCommitted::Unknown(fault)) => {
                Err(Abort::Unknown(fault, Box::new(written)))
            }
        }
    }

    /// Repeats the reads of all units. One that fails is reported by its unit alone.
    async fn check_reads(&mut self) -> Result<(), Abort> {
        let units = self.units.iter().flat_map(|unit| with_alternatives(unit));
        let reading: Vec<_> = units.filter(|unit| !unit.reads.is_empty()).collect();
        if !reading.is_empty() {
            let changed = statement::changed(self.session, &reading).await;
            self.stale = changed.map_err(Abort::of_flush)?;
        }
        Ok(())
    }

    async fn settle_all(&mut self, jobs: &'a VecDeque<Job>) -> Result<(), Abort> {
        let mut open_units = self.units.len();
        'jobs: for job in jobs {
            let mut fresh = Vec::with_capacity(job.open());
            for unit in &job.units[job.outcomes.len()..] {
                if open_units == 0 {
                    self.staged.push(fresh);
                    break 'jobs;
                }
                open_units -= 1;
                let left_out = |unit: &usize| !job.is_committed(&fresh, *unit);
                let outcome = self.settle(unit, &left_out).await?;
                if let Outcome::Unavailable(_) = outcome {
                    // A later unit of a list must not become durable without the ones before it.
                    open_units = open_units.saturating_sub(job.open() - fresh.len() - 1);
                    fresh.resize(job.open(), outcome);
                    break;
                }
                fresh.push(outcome);
            }
            self.staged.push(fresh);
        }
        Ok(())
    }

    /// Applies a unit, or its alternative when it is refused.
    async fn settle(
        &mut self,
        unit: &'a Changes,
        left_out: &(dyn Fn(&usize) -> bool + Sync),
    ) -> Result<Outcome, Abort> {
        let (mut first, mut next) = (None, unit);
        loop {
            let outcome = if next.depends_on.iter().any(left_out) {
                Outcome::Dependent
            } else {
                self.try_unit(next).await?
            };
            match outcome {
                // A unit is not settled while its alternative may still be applied later.
                Outcome::Unavailable(_) => return Ok(outcome),
                Outcome::Committed(_) => return Ok(first.unwrap_or(outcome)),
                _ => {}
            }
            let settled = first.unwrap_or(outcome);
            match &next.otherwise {
                Some(otherwise) => {
                    self.working_set.load_alternatives(self.session, &self.units).await?;
                    (first, next) = (Some(settled), otherwise);
                }
                None => return Ok(settled),
            }
        }
    }

    async fn try_unit(&mut self, unit: &'a Changes) -> Result<Outcome, Abort> {
        if self.isolated {
            return self.write_alone(unit).await;
        }
        match self.apply(unit) {
            Ok(places) => {
                self.working_set.keep();
                Ok(Outcome::Committed(places))
            }
            Err(Refusal::LeftOut(outcome)) => {
                self.working_set.undo();
                Ok(outcome)
            }
            Err(Refusal::Broken(fault)) => Err(fault.into()),
        }
    }

    async fn write_alone(&mut self, unit: &'a Changes) -> Result<Outcome, Abort> {
        self.session.batch("SAVEPOINT unit").await?;
        match self.write(unit).await {
            Ok(outcome) => {
                self.session.batch("RELEASE unit").await?;
                self.working_set.settle();
                Ok(outcome)
            }
            Err(Refusal::LeftOut(outcome)) => {
                self.session.batch("ROLLBACK TO unit; RELEASE unit").await?;
                self.working_set.discard();
                Ok(outcome)
            }
            Err(Refusal::Broken(fault)) => Err(fault.into()),
        }
    }

    fn apply(&mut self, unit: &'a Changes) -> Result<Vec<Place>, Refusal> {
        if let Some((_, outcome)) = self.stale.iter().find(|(of, _)| std::ptr::eq(*of, unit)) {
            return Err(Refusal::LeftOut(outcome.clone()));
        }
        let places = unit::apply(&mut self.working_set, unit)?;
        for write in &unit.rows {
            row::write(&mut self.working_set.rows, write)?;
        }
        Ok(places)
    }

    /// Writes the rows one by one: two of the same unit may share a value in a unique column.
    async fn write(&mut self, unit: &'a Changes) -> Result<Outcome, Refusal> {
        let (session, working_set) = (self.session, &mut self.working_set);
        statement::check(session, unit).await?;
        let places = unit::apply(working_set, unit)?;
        // Rows that were loaded before another unit was left out may be out of date.
        let loaded = TouchedRows::of(&[unit]).load(session).await;
        working_set.rows =
            loaded.map_err(|(fault, table)| Refusal::of_user_tables(fault, &table.name))?;
        for write in &unit.rows {
            row::write(&mut working_set.rows, write)?;
            working_set.rows.keep();
            row::flush(session, &working_set.rows).await?;
            working_set.rows.settle();
        }
        working_set.keep();
        flush::flush(session, working_set).await?;
        for statement in &unit.statements {
            statement::run(session, statement).await?;
        }
        Ok(Outcome::Committed(places))
    }
}
