//! One transaction over many units.
//!
//! The first attempt assumes that every unit can be applied. When one cannot, everything
//! is rolled back and done again with a savepoint around each unit, so that only that
//! unit is left out, with what it wrote and what it would have counted.
//!
//! ```text
//! BEGIN ─▶ unit, unit, …      ─▶ cursors, counters ─▶ COMMIT
//!            ├ refused: ROLLBACK, again with savepoints
//!            └ broken:  ROLLBACK, every unit is Unavailable
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{Changes, CommitNotice, Outcome, left_out};
use protean_sql::Job;
use rusqlite::Connection;

use crate::checkpoint::CommitCounter;
use crate::coalesced::Coalesced;
use crate::connection::{Settings, data_version};
use crate::opened_file::OpenedFile;
use crate::refusal::Refusal;
use crate::row::Statements;
use crate::signal::Signal;
use crate::step::reached;
use crate::turnstile::{Entry, Turnstile};
use crate::unit::UnitWriter;
use crate::{correlations, error};

/// The only connection that writes, and what it keeps between transactions.
pub(crate) struct Committer {
    pub(crate) settings: Settings,
    pub(crate) connection: Connection,
    pub(crate) turnstile: Turnstile,
    pub(crate) signal: Arc<Signal>,
    pub(crate) file: OpenedFile,
    /// When the last commit ended, and why it failed if it did.
    last: Option<(Instant, Result<(), String>)>,
    checkpoints: Arc<CommitCounter>,
    statements: Statements,
    /// The data version at the last announcement.
    seen: i64,
    reopen: bool,
}

/// For how long a commit shows what would become of the next one.
const CHECKED_FOR: Duration = Duration::from_secs(5);

/// How long a transaction of bulk work runs before it commits.
const MAX_BACKFILL_TIME: Duration = Duration::from_millis(1);

/// When a transaction yields to more urgent work.
pub(crate) struct YieldPolicy<'a> {
    /// Backfill commits after [`MAX_BACKFILL_TIME`], or when there is more urgent work.
    pub(crate) lane: Lane,
    /// True while more urgent work is waiting.
    pub(crate) urgent: &'a dyn Fn() -> bool,
}

/// The outcomes of one transaction, list by list.
type Staged = Vec<Vec<Outcome>>;

/// Where a unit stands: in which list, at which place, and how many `otherwise` deep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct UnitPath {
    list: usize,
    place: usize,
    depth: usize,
}

/// Units known to end the transaction, each with its outcome.
type KnownBad = BTreeMap<UnitPath, Outcome>;

enum Abort {
    /// A unit was refused, and there is no savepoint to return to.
    Refused,
    /// A unit ended the transaction.
    Ended(UnitPath, Outcome),
    /// The database cannot be written.
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for Abort {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error)
    }
}

impl Committer {
    pub(crate) fn new(
        settings: Settings,
        signal: Arc<Signal>,
        checkpoints: Arc<CommitCounter>,
    ) -> Result<Self> {
        let connection = settings.writer()?;
        let (turnstile, file) = (Turnstile::of(&settings.path), OpenedFile::at(&settings.path));
        let statements = Statements::default();
        let seen = data_version(&connection).map_err(|e| settings.explain(e))?;
        Ok(Self {
            settings,
            connection,
            turnstile,
            signal,
            file,
            last: None,
            checkpoints,
            statements,
            seen,
            reopen: false,
        })
    }

    /// Settles units of these lists in order, in one transaction.
    pub(crate) fn commit(&mut self, jobs: &mut VecDeque<Job>, policy: &YieldPolicy<'_>) {
        self.renew();
        let attempted = self.file.check().map_err(|gone| gone.to_string()).and_then(|()| {
            self.attempt(jobs, policy).map_err(|error| {
                self.reopen |= error::wants_reopening(&error);
                error::describe(&error, &self.settings.path)
            })
        });
        // What was committed to a file that is gone by now is nowhere.
        let attempted = attempted
            .and_then(|staged| self.file.check().map_err(|gone| gone.to_string()).map(|()| staged));
        match attempted {
            Ok(None) => {}
            Ok(Some(staged)) => {
                self.last = Some((Instant::now(), Ok(())));
                self.announce(policy.lane, Some(&Job::notice(jobs, &staged)));
                self.checkpoints.committed();
                for (job, outcomes) in jobs.iter_mut().zip(staged) {
                    job.outcomes.extend(outcomes);
                }
            }
            Err(why) => {
                self.last = Some((Instant::now(), Err(why.clone())));
                jobs.iter_mut().for_each(|job| job.give_up(&why));
            }
        }
    }

    /// Remembers what came of a commit that was not one of units.
    pub(crate) fn checked(&mut self, ended: &Result<()>) {
        self.reopen |= ended.is_err();
        let ended = ended.as_ref().map_err(ToString::to_string).copied();
        self.last = Some((Instant::now(), ended));
    }

    /// What came of the last commit, if it is not long ago.
    pub(crate) fn last_commit(&self) -> Option<Result<(), String>> {
        let last = self.last.as_ref().filter(|(at, _)| at.elapsed() < CHECKED_FOR);
        last.map(|(_, ended)| ended.clone())
    }

    /// Announces the commits of other processes.
    pub(crate) fn poll(&mut self) {
        // If the file cannot be read now, the next poll tries again.
        let version = data_version(&self.connection).unwrap_or(self.seen);
        if std::mem::replace(&mut self.seen, version) != version {
            self.signal.commits.announce(None);
        }
    }

    /// Ends a transaction that may still be open.
    pub(crate) fn recover(&mut self) {
        self.rollback();
        self.reopen |= !self.connection.is_autocommit();
    }

    /// Announces a commit of our own, here and to other processes.
    pub(crate) fn announce(&self, lane: Lane, notice: Option<&CommitNotice>) {
        let brings_messages = notice.is_some_and(|notice| !notice.arrivals.is_empty());
        let brings_production = lane == Lane::Primary && brings_messages;
        #[cfg(target_os = "linux")]
        crate::notice::give(&self.settings.notices(), brings_production);
        #[cfg(not(target_os = "linux"))]
        let _polled = brings_production;
        self.signal.commits.announce(notice);
    }

    /// Opens the connection again when the last error requires it.
    pub(crate) fn renew(&mut self) {
        // Otherwise it would make a new file where the other one was.
        if self.reopen
            && self.file.check().is_ok()
            && let Ok(fresh) = self.settings.writer()
        {
            self.connection = fresh;
            self.reopen = false;
        }
    }

    fn attempt(
        &mut self,
        jobs: &VecDeque<Job>,
        policy: &YieldPolicy<'_>,
    ) -> rusqlite::Result<Option<Staged>> {
        let (mut isolated, mut known_bad) = (false, KnownBad::new());
        loop {
            reached("before BEGIN");
            if self.turnstile.begin(&self.connection, policy.lane, policy.urgent)? == Entry::Yielded
            {
                return Ok(None);
            }
            let mut attempt = Attempt {
                connection: &self.connection,
                signal: &self.signal,
                statements: &mut self.statements,
                coalesced: Coalesced::default(),
                correlations: None,
                isolated,
                known_bad: &known_bad,
            };
            match attempt.run(jobs, policy) {
                Ok(staged) => return Ok(Some(staged)),
                Err(abort) => {
                    self.rollback();
                    isolated = true;
                    match abort {
                        Abort::Refused => {}
                        Abort::Ended(unit, outcome) => drop(known_bad.insert(unit, outcome)),
                        Abort::Broken(error) => return Err(error),
                    }
                }
            }
        }
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit() && self.connection.execute("ROLLBACK", []).is_err() {
            self.reopen = true;
        }
    }
}

/// One attempt at a transaction.
struct Attempt<'a> {
    connection: &'a Connection,
    signal: &'a Signal,
    statements: &'a mut Statements,
    coalesced: Coalesced,
    /// The generation of the correlations that the store has, once it was asked for.
    correlations: Option<u64>,
    /// Each unit has a savepoint of its own.
    isolated: bool,
    known_bad: &'a KnownBad,
}

impl Attempt<'_> {
    fn run(&mut self, jobs: &VecDeque<Job>, policy: &YieldPolicy<'_>) -> Result<Staged, Abort> {
        let begun = Instant::now();
        let mut staged = Staged::with_capacity(jobs.len());
        'jobs: for (list, job) in jobs.iter().enumerate() {
            staged.push(Vec::with_capacity(job.open()));
            for place in job.outcomes.len()..job.units.len() {
                let fresh = &staged[list];
                let left_out = |unit: &usize| !job.is_committed(fresh, *unit);
                let outcome =
                    self.settle(UnitPath { list, place, depth: 0 }, &job.units[place], &left_out)?;
                if let Outcome::Unavailable(why) = outcome {
                    // A later unit of a list must not become durable without the ones before it.
                    staged[list].resize(job.open(), Outcome::Unavailable(why));
                    continue 'jobs;
                }
                staged[list].push(outcome);
                if policy.lane == Lane::Backfill
                    && (begun.elapsed() >= MAX_BACKFILL_TIME || (policy.urgent)())
                {
                    break 'jobs;
                }
            }
        }
        reached("before the counters");
        self.coalesced.write(self.connection)?;
        reached("before COMMIT");
        self.signal.committing(|| self.control("COMMIT"))?;
        reached("after COMMIT");
        Ok(staged)
    }

    /// Applies a unit, or its alternative when it is refused.
    fn settle(
        &mut self,
        path: UnitPath,
        unit: &Changes,
        left_out: &dyn Fn(&usize) -> bool,
    ) -> Result<Outcome, Abort> {
        let outcome = if unit.depends_on.iter().any(left_out) {
            Outcome::Dependent
        } else {
            self.try_unit(path, unit)?
        };
        if matches!(outcome, Outcome::Committed(_) | Outcome::Unavailable(_)) {
            return Ok(outcome);
        }
        if let Some(otherwise) = &unit.otherwise {
            // Only an attempt with savepoints can try the alternative.
            if !self.isolated {
                return Err(Abort::Refused);
            }
            let deeper = UnitPath { depth: path.depth + 1, ..path };
            let instead = self.settle(deeper, otherwise, left_out)?;
            // A unit is not settled while its alternative may still be applied later.
            if let Outcome::Unavailable(_) = instead {
                return Ok(instead);
            }
        }
        Ok(outcome)
    }

    fn try_unit(&mut self, path: UnitPath, unit: &Changes) -> Result<Outcome, Abort> {
        if let Some(outcome) = self.known_bad.get(&path) {
            return Ok(outcome.clone());
        }
        if !self.isolated {
            return match self.apply(unit) {
                Ok(outcome) => Ok(outcome),
                Err(Refusal::LeftOut(_)) => Err(Abort::Refused),
                Err(Refusal::Broken(error)) => Err(Abort::Broken(error)),
            };
        }
        self.control("SAVEPOINT unit")?;
        let before = self.coalesced.clone();
        match self.apply(unit) {
            Ok(outcome) => {
                self.control("RELEASE unit")?;
                Ok(outcome)
            }
            Err(Refusal::LeftOut(outcome)) if self.connection.is_autocommit() => {
                Err(Abort::Ended(path, outcome))
            }
            Err(Refusal::LeftOut(outcome)) => {
                self.control("ROLLBACK TO unit")?;
                self.control("RELEASE unit")?;
                self.coalesced = before;
                Ok(outcome)
            }
            Err(Refusal::Broken(error)) => Err(Abort::Broken(error)),
        }
    }

    fn apply(&mut self, unit: &Changes) -> Result<Outcome, Refusal> {
        if let Some(made_by) = unit.correlated {
            self.check_correlations(made_by)?;
        }
        let (connection, coalesced) = (self.connection, &mut self.coalesced);
        let mut writer = UnitWriter { connection, statements: &mut *self.statements, coalesced };
        writer.apply(unit).map(Outcome::Committed)
    }

    /// Refuses a unit whose copies of events were made by other correlations than the store has.
    fn check_correlations(&mut self, made_by: u64) -> Result<(), Refusal> {
        let present = match self.correlations {
            Some(present) => present,
            None => *self.correlations.insert(correlations::generation(self.connection)?),
        };
        match present == made_by {
            true => Ok(()),
            false => Err(Refusal::LeftOut(left_out::correlated_otherwise(made_by, present))),
        }
    }

    fn control(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
