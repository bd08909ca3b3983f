//! One transaction over many units.
//!
//! The state that the units depend on is loaded, each unit is decided in memory, and the
//! result is written in arrays. When the database refuses it, everything is rolled back
//! and done again unit by unit, with a savepoint around each, so that only the unit at
//! fault is left out.
//!
//! ```text
//! BEGIN, lock ─▶ load ─▶ unit, unit, … ─▶ write ─▶ mark ─▶ COMMIT, unlock ─▶ on disk
//!                              │                              └ no answer: is its mark there?
//!                              └ refused: ROLLBACK, again with savepoints
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protean_port::message::Lane;
use protean_port::port::{BatchSizer, Changes, CommitNotice, Outcome, Place};
use protean_sql::Job;
use tokio::runtime::Handle;

use crate::commit_marker::CommitMarker;
use crate::connection::{Session, Settings};
use crate::error::Fault;
use crate::flush::flush;
use crate::refusal::{Abort, Refusal};
use crate::row;
use crate::signal::Announced;
use crate::staged::StagedMap;
use crate::statement;
use crate::turnstile;
use crate::unique;
use crate::unit;
use crate::working_set::{Touched, TouchedRows, WorkingSet};

/// How long a transaction of bulk work should hold the log's lock.
const BULK_LOCK_TIME: Duration = Duration::from_millis(4);
/// The fewest units of bulk work in one transaction: most of a smaller one is round trips.
const MIN_BULK_UNITS: usize = 16;
/// The most units of bulk work in one transaction.
const MAX_BULK_UNITS: usize = 1000;
/// How often a transaction is attempted before it is given up.
const MAX_ATTEMPTS: u32 = 5;
/// How long to wait before checking again whether a commit succeeded.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// The connection that writes for one lane.
pub(crate) struct Committer {
    pub(crate) settings: Settings,
    lane: Lane,
    pub(crate) announced: Announced,
    pub(crate) closing: Arc<AtomicBool>,
    session: Option<Session>,
    marker: CommitMarker,
    /// How many units of bulk work go into one transaction.
    bulk: BatchSizer,
}

/// The outcomes of one transaction, list by list.
type Staged = Vec<Vec<Outcome>>;

/// What a transaction has written.
struct Written {
    staged: Staged,
    /// The last message of the log, when the answer waits until it is on disk.
    durable: Option<u64>,
    notice: CommitNotice,
    /// How long the log's lock was held.
    held: Duration,
}

impl Committer {
    /// A committer that opens a connection with its first transaction unless it has one.
    pub(crate) fn new(
        settings: Settings,
        lane: Lane,
        session: Option<Session>,
        announced: Announced,
        closing: Arc<AtomicBool>,
    ) -> Self {
        let marker = CommitMarker::new(&settings.instance, lane);
        Self {
            settings,
            lane,
            announced,
            closing,
            session,
            marker,
            bulk: BatchSizer::new(BULK_LOCK_TIME, MIN_BULK_UNITS..=MAX_BULK_UNITS),
        }
    }

    /// Settles units of these lists in order, in one transaction.
    pub(crate) async fn commit(&mut self, jobs: &mut VecDeque<Job>) {
        let max_units = match self.lane {
            Lane::Primary => usize::MAX,
            Lane::Backfill => self.bulk.units(),
        };
        match self.attempt(jobs, max_units).await {
            Ok(Written { staged, durable, notice, held }) => {
                durable.into_iter().for_each(|head| self.announced.durable.reached(head));
                self.announced.signal.announce(Some(&notice));
                for (job, outcomes) in jobs.iter_mut().zip(staged) {
                    job.outcomes.extend(outcomes);
                }
                self.bulk.took(held);
            }
            Err(fault) => {
                let why = fault.describe(&self.settings.place);
                jobs.iter_mut().for_each(|job| job.give_up(&why));
            }
        }
    }

    async fn attempt(&mut self, jobs: &VecDeque<Job>, max_units: usize) -> Result<Written, Fault> {
        let (lane, mut tries) = (self.lane, 0);
        let mut isolated = jobs.iter().any(Job::has_open_statements);
        loop {
            let session = self.connected().await?;
            let run = Attempt::run(&session, &self.settings, jobs, lane, max_units, isolated);
            let written = match run.await {
                Ok(written) => written,
                Err(Abort::Refused) => {
                    self.roll_back(session).await;
                    isolated = true;
                    continue;
                }
                Err(Abort::Broken(fault)) => {
                    tries += 1;
                    let again = fault.is_transient() || (fault.wants_reopening() && tries == 1);
                    if fault.wants_reopening() {
                        drop(session);
                    } else {
                        self.roll_back(session).await;
                    }
                    if again && tries < MAX_ATTEMPTS {
                        continue;
                    }
                    return Err(fault);
                }
            };
            let awaits_disk = written.durable.is_some();
            match self.marker.commit(&session, &written.notice, awaits_disk).await {
                Ok(()) => {
                    self.session = Some(session);
                    return Ok(written);
                }
                Err(fault) => {
                    drop(session);
                    return self.resolve(fault).await.map(|()| written);
                }
            }
        }
    }

    /// The connection, opened again if it was lost.
    async fn connected(&mut self) -> Result<Session, Fault> {
        match self.session.take() {
            Some(session) if !session.is_closed() => Ok(session),
            _ => {
                let opened = self.settings.connect(&Handle::current()).await;
                self.announced.durable.forget();
                opened
            }
        }
    }

    async fn roll_back(&mut self, session: Session) {
        if session.batch("ROLLBACK").await.is_ok() {
            self.session = Some(session);
        }
    }

    /// Finds out whether a transaction was committed whose COMMIT got no answer: looks for
    /// its mark until the server answers.
    async fn resolve(&mut self, fault: Fault) -> Result<(), Fault> {
        loop {
            if let Ok(session) = self.connected().await {
                match self.marker.is_committed(&session).await {
                    Ok(kept) => {
                        self.session = Some(session);
                        return if kept { Ok(()) } else { Err(fault) };
                    }
                    // The tables are gone, and the transaction with them.
                    Err(gone) if gone.is_unprepared() => return Err(fault),
                    Err(_) => {}
                }
            }
            if self.closing.load(Ordering::Acquire) {
                break;
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
        let place = &self.settings.place;
        Err(Fault::Unusable(format!(
            "the database {place} did not confirm a transaction; \
             check whether its messages are there before sending them again"
        )))
    }

    /// Removes the writer's row, unless the server does not answer.
    pub(crate) async fn end(&mut self) {
        if let Some(session) = self.session.take().filter(|session| !session.is_closed()) {
            let forgotten = tokio::time::timeout(RETRY_DELAY, self.marker.forget(&session)).await;
            forgotten.unwrap_or(Ok(())).unwrap_or_default();
        }
    }
}

/// One attempt at a transaction.
struct Attempt<'a> {
    session: &'a Session,
    working_set: WorkingSet<'a>,
    units: Vec<&'a Changes>,
    /// Each unit has a savepoint of its own.
    isolated: bool,
}

impl<'a> Attempt<'a> {
    /// Does everything but the COMMIT.
    async fn run(
        session: &'a Session,
        settings: &Settings,
        jobs: &'a VecDeque<Job>,
        lane: Lane,
        max_units: usize,
        isolated: bool,
    ) -> Result<Written, Abort> {
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
        let awaits_disk = !units.iter().all(|unit| unit.redone_if_lost);
        let mut attempt = Self { session, working_set, units, isolated };
        let staged = attempt.settle_all(jobs).await?;
        if !isolated {
            attempt.working_set.coalesced.pass_marks();
            flush(session, &attempt.working_set).await.map_err(Abort::of_flush)?;
        }
        let durable = awaits_disk.then(|| attempt.working_set.next_position() - 1);
        let notice = Job::notice(jobs, &staged);
        Ok(Written { staged, durable, notice, held: begun.elapsed() })
    }

    async fn settle_all(&mut self, jobs: &'a VecDeque<Job>) -> Result<Staged, Abort> {
        let mut open_units = self.units.len();
        let mut staged = Staged::with_capacity(jobs.len());
        'jobs: for job in jobs {
            let mut fresh = Vec::with_capacity(job.open());
            for unit in &job.units[job.outcomes.len()..] {
                if open_units == 0 {
                    staged.push(fresh);
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
            staged.push(fresh);
        }
        Ok(staged)
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
        match self.decide(unit) {
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

    fn decide(&mut self, unit: &'a Changes) -> Result<Vec<Place>, Refusal> {
        let places = unit::apply(&mut self.working_set, unit)?;
        for write in &unit.rows {
            row::write(&mut self.working_set.rows, write)?;
        }
        Ok(places)
    }

    /// Writes the rows one by one: two of the same unit may share a value in a unique column.
    async fn write(&mut self, unit: &'a Changes) -> Result<Outcome, Refusal> {
        let (session, working_set) = (self.session, &mut self.working_set);
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
        flush(session, working_set).await?;
        for statement in &unit.statements {
            statement::run(session, statement).await?;
        }
        Ok(Outcome::Committed(places))
    }
}
