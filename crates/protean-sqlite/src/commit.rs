//! One transaction over many units.
//!
//! It is tried first as if every unit could be applied. When one cannot, all is
//! rolled back and done again with a savepoint around each unit, so that the
//! culprit is left out alone, with what it wrote and what it would have counted.
//!
//! ```text
//! BEGIN ─▶ unit, unit, …      ─▶ cursors, counters ─▶ COMMIT
//!            └ refused: ROLLBACK, again with savepoints
//!            └ broken:  ROLLBACK, all of them Unavailable
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome};
use protean_sql::Job;
use rusqlite::Connection;

use crate::checkpoint::Tally;
use crate::coalesced::Coalesced;
use crate::connection::Settings;
use crate::error;
use crate::refusal::Refusal;
use crate::row::Statements;
use crate::step::reached;
use crate::turnstile::{Entry, Turnstile};
use crate::unit::Bench;
use crate::wake::{Signal, data_version};

/// The one connection that writes, and what it keeps between transactions.
pub(crate) struct Committer {
    pub(crate) settings: Settings,
    pub(crate) connection: Connection,
    pub(crate) turnstile: Turnstile,
    pub(crate) signal: Arc<Signal>,
    checkpoints: Arc<Tally>,
    statements: Statements,
    /// What others had committed when it was last announced.
    seen: i64,
    reopen: bool,
}

/// The longest a transaction of bulk work goes on before it commits.
const SLICE: Duration = Duration::from_millis(2);

/// How a transaction gives way.
pub(crate) struct Manners<'a> {
    /// Backfill stops after [`SLICE`], or when there is more urgent work.
    pub(crate) lane: Lane,
    /// True when more urgent work waits.
    pub(crate) urgent: &'a dyn Fn() -> bool,
}

/// What the units of one transaction came to, list by list.
type Staged = Vec<Vec<Outcome>>;

/// A unit: its list, its place in it, and how many `otherwise` deep.
type Which = (usize, usize, usize);

/// Units known to end the transaction, with what is reported of them.
type Banned = BTreeMap<Which, Outcome>;

enum Halt {
    /// A unit was refused without a savepoint to go back to.
    Refused,
    /// A unit ended the transaction.
    Ended(Which, Outcome),
    /// The database cannot be written.
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for Halt {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error)
    }
}

impl Committer {
    pub(crate) fn new(
        settings: Settings,
        signal: Arc<Signal>,
        checkpoints: Arc<Tally>,
    ) -> Result<Self> {
        let connection = settings.writer()?;
        let turnstile = Turnstile::of(&settings.path);
        let statements = Statements::default();
        let seen = data_version(&connection).map_err(|e| settings.explain(e))?;
        Ok(Self {
            settings,
            connection,
            turnstile,
            signal,
            checkpoints,
            statements,
            seen,
            reopen: false,
        })
    }

    /// Settles units of these lists, in order, in one transaction.
    pub(crate) fn commit(&mut self, jobs: &mut VecDeque<Job>, manners: &Manners<'_>) {
        self.renew();
        match self.attempt(jobs, manners) {
            Ok(None) => {}
            Ok(Some(staged)) => {
                self.signal.bump();
                self.checkpoints.committed();
                for (job, outcomes) in jobs.iter_mut().zip(staged) {
                    job.outcomes.extend(outcomes);
                }
            }
            Err(error) => {
                self.reopen |= error::wants_reopening(&error);
                let why = error::describe(&error, &self.settings.path);
                jobs.iter_mut().for_each(|job| job.give_up(&why));
            }
        }
    }

    /// Announces what others have committed.
    pub(crate) fn look(&mut self) {
        // A file that cannot be read now is looked at again by the next poll.
        let version = data_version(&self.connection).unwrap_or(self.seen);
        if std::mem::replace(&mut self.seen, version) != version {
            self.signal.bump();
        }
    }

    /// Leaves no transaction behind, whatever happened.
    pub(crate) fn recover(&mut self) {
        self.rollback();
        self.reopen |= !self.connection.is_autocommit();
    }

    /// Opens the connection again when the last error asks for it.
    pub(crate) fn renew(&mut self) {
        if self.reopen
            && let Ok(fresh) = self.settings.writer()
        {
            self.connection = fresh;
            self.reopen = false;
        }
    }

    fn attempt(
        &mut self,
        jobs: &VecDeque<Job>,
        manners: &Manners<'_>,
    ) -> rusqlite::Result<Option<Staged>> {
        let (mut careful, mut banned) = (false, Banned::new());
        loop {
            reached("before BEGIN");
            if self.turnstile.begin(&self.connection, manners.lane, manners.urgent)?
                == Entry::Yielded
            {
                return Ok(None);
            }
            let mut pass = Pass {
                connection: &self.connection,
                signal: &self.signal,
                statements: &mut self.statements,
                coalesced: Coalesced::default(),
                careful,
                banned: &banned,
            };
            match pass.run(jobs, manners) {
                Ok(staged) => return Ok(Some(staged)),
                Err(halt) => {
                    self.rollback();
                    careful = true;
                    match halt {
                        Halt::Refused => {}
                        Halt::Ended(unit, outcome) => drop(banned.insert(unit, outcome)),
                        Halt::Broken(error) => return Err(error),
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

/// One try at a transaction.
struct Pass<'a> {
    connection: &'a Connection,
    signal: &'a Signal,
    statements: &'a mut Statements,
    coalesced: Coalesced,
    /// With a savepoint around each unit.
    careful: bool,
    banned: &'a Banned,
}

impl Pass<'_> {
    fn run(&mut self, jobs: &VecDeque<Job>, manners: &Manners<'_>) -> Result<Staged, Halt> {
        let begun = Instant::now();
        let mut staged = Staged::with_capacity(jobs.len());
        'jobs: for (list, job) in jobs.iter().enumerate() {
            staged.push(Vec::with_capacity(job.open()));
            for place in job.outcomes.len()..job.units.len() {
                let fresh = &staged[list];
                let left_out = |unit: &usize| !job.is_committed(fresh, *unit);
                let outcome = self.settle((list, place, 0), &job.units[place], &left_out)?;
                if let Outcome::Unavailable(why) = outcome {
                    // What comes later in a list must not be durable without what comes before.
                    staged[list].resize(job.open(), Outcome::Unavailable(why));
                    continue 'jobs;
                }
                staged[list].push(outcome);
                if manners.lane == Lane::Backfill
                    && (begun.elapsed() >= SLICE || (manners.urgent)())
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

    /// Applies a unit, or what it asks for in its place.
    fn settle(
        &mut self,
        which: Which,
        unit: &Changes,
        left_out: &dyn Fn(&usize) -> bool,
    ) -> Result<Outcome, Halt> {
        let outcome = if unit.depends_on.iter().any(left_out) {
            Outcome::Dependent
        } else {
            self.try_unit(which, unit)?
        };
        if matches!(outcome, Outcome::Committed(_) | Outcome::Unavailable(_)) {
            return Ok(outcome);
        }
        if let Some(otherwise) = &unit.otherwise {
            // Whether it can be applied shows only when it is tried.
            if !self.careful {
                return Err(Halt::Refused);
            }
            let instead = self.settle((which.0, which.1, which.2 + 1), otherwise, left_out)?;
            // A unit is not settled while what stands in its place may still come.
            if let Outcome::Unavailable(_) = instead {
                return Ok(instead);
            }
        }
        Ok(outcome)
    }

    fn try_unit(&mut self, which: Which, unit: &Changes) -> Result<Outcome, Halt> {
        if let Some(outcome) = self.banned.get(&which) {
            return Ok(outcome.clone());
        }
        if !self.careful {
            return match self.apply(unit) {
                Ok(outcome) => Ok(outcome),
                Err(Refusal::LeftOut(_)) => Err(Halt::Refused),
                Err(Refusal::Broken(error)) => Err(Halt::Broken(error)),
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
                Err(Halt::Ended(which, outcome))
            }
            Err(Refusal::LeftOut(outcome)) => {
                self.control("ROLLBACK TO unit")?;
                self.control("RELEASE unit")?;
                self.coalesced = before;
                Ok(outcome)
            }
            Err(Refusal::Broken(error)) => Err(Halt::Broken(error)),
        }
    }

    fn apply(&mut self, unit: &Changes) -> Result<Outcome, Refusal> {
        let (connection, coalesced) = (self.connection, &mut self.coalesced);
        let mut bench = Bench { connection, statements: &mut *self.statements, coalesced };
        bench.apply(unit).map(Outcome::Committed)
    }

    fn control(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
