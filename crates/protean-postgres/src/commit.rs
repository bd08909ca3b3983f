//! One transaction over many units.
//!
//! What the units rest on is loaded, each is decided in memory, and what they
//! come to is written in arrays. When the database refuses that, all is rolled
//! back and done again unit by unit, with a savepoint around each, so that the
//! culprit is left out alone.
//!
//! ```text
//! BEGIN, lock ─▶ load ─▶ unit, unit, … ─▶ write ─▶ sign ─▶ COMMIT, unlock ─▶ on the disk
//!                              │                              └ cut off: is its signature there?
//!                              └ refused: ROLLBACK, again with savepoints
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protean_port::message::Lane;
use protean_port::port::{Changes, Outcome, Place};
use protean_sql::Job;
use tokio::runtime::Handle;

use crate::connection::{Session, Settings};
use crate::error::Fault;
use crate::flush::flush;
use crate::layer::Layered;
use crate::picture::{Picture, load_rows};
use crate::refusal::Refusal;
use crate::row;
use crate::signature::Signature;
use crate::statement;
use crate::turnstile;
use crate::unique;
use crate::unit;
use crate::wake::Signal;

/// How long a transaction of bulk work should keep others from the log.
const SLICE: Duration = Duration::from_millis(8);
/// The fewest and the most units of bulk work in one. Fewer would hardly be quicker:
/// most of the time goes to and from the server then.
const UNITS: (usize, usize) = (32, 1000);
/// How often a transaction is begun before it is given up.
const TRIES: u32 = 5;
/// How long to wait before asking again what became of a commit.
const PAUSE: Duration = Duration::from_millis(100);

/// The one connection that writes.
pub(crate) struct Committer {
    pub(crate) settings: Settings,
    pub(crate) signal: Arc<Signal>,
    pub(crate) closing: Arc<AtomicBool>,
    session: Option<Session>,
    signature: Signature,
    /// How many units of bulk work fit into one transaction.
    slice: usize,
}

/// What the units of one transaction came to, list by list.
type Staged = Vec<Vec<Outcome>>;

enum Halt {
    /// The database refused what all the units came to.
    Refused,
    /// The database cannot be written.
    Broken(Fault),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

impl Committer {
    pub(crate) fn new(
        settings: Settings,
        session: Session,
        signal: Arc<Signal>,
        closing: Arc<AtomicBool>,
    ) -> Self {
        let signature = Signature::new(settings.instance.clone());
        Self { settings, signal, closing, session: Some(session), signature, slice: UNITS.0 }
    }

    /// Settles units of these lists, in order, in one transaction.
    pub(crate) async fn commit(&mut self, jobs: &mut VecDeque<Job>, lane: Lane) {
        let most = if lane == Lane::Backfill { self.slice } else { usize::MAX };
        match self.attempt(jobs, lane, most).await {
            Ok((staged, held)) => {
                self.signal.bump();
                for (job, outcomes) in jobs.iter_mut().zip(staged) {
                    job.outcomes.extend(outcomes);
                }
                if lane == Lane::Backfill {
                    self.adapt(held);
                }
            }
            Err(fault) => {
                let why = fault.describe(&self.settings.place);
                jobs.iter_mut().for_each(|job| job.give_up(&why));
            }
        }
    }

    fn adapt(&mut self, took: Duration) {
        if took > SLICE {
            self.slice = (self.slice / 2).max(UNITS.0);
        } else if took < SLICE / 2 {
            self.slice = (self.slice * 2).min(UNITS.1);
        }
    }

    async fn attempt(
        &mut self,
        jobs: &VecDeque<Job>,
        lane: Lane,
        most: usize,
    ) -> Result<(Staged, Duration), Fault> {
        let (mut careful, mut tries) = (has_statements(jobs), 0);
        loop {
            let session = self.connected().await?;
            let result = Pass::run(&session, &self.settings, jobs, (lane, most, careful)).await;
            let (staged, held) = match result {
                Ok(done) => done,
                Err(Halt::Refused) => {
                    self.roll_back(session).await;
                    careful = true;
                    continue;
                }
                Err(Halt::Broken(fault)) => {
                    tries += 1;
                    let again = fault.is_transient() || (fault.wants_reopening() && tries == 1);
                    if fault.wants_reopening() {
                        drop(session);
                    } else {
                        self.roll_back(session).await;
                    }
                    if again && tries < TRIES {
                        continue;
                    }
                    return Err(fault);
                }
            };
            match self.signature.commit(&session).await {
                Ok(()) => {
                    self.session = Some(session);
                    return Ok((staged, held));
                }
                Err(fault) => {
                    drop(session);
                    return self.resolve(fault).await.map(|()| (staged, held));
                }
            }
        }
    }

    /// A connection nobody else has, opened when there is none.
    async fn connected(&mut self) -> Result<Session, Fault> {
        match self.session.take() {
            Some(session) if !session.is_closed() => Ok(session),
            _ => self.settings.connect(&Handle::current()).await,
        }
    }

    async fn roll_back(&mut self, session: Session) {
        if session.batch("ROLLBACK").await.is_ok() {
            self.session = Some(session);
        }
    }

    /// What became of a transaction whose COMMIT was not answered: the server is
    /// asked for its signature until it says whether it has it.
    async fn resolve(&mut self, fault: Fault) -> Result<(), Fault> {
        loop {
            if let Ok(session) = self.connected().await {
                match self.signature.is_kept(&session).await {
                    Ok(kept) => {
                        self.session = Some(session);
                        return if kept { Ok(()) } else { Err(fault) };
                    }
                    // All is gone, and what was to be committed with it.
                    Err(gone) if gone.is_unprepared() => return Err(fault),
                    Err(_) => {}
                }
            }
            if self.closing.load(Ordering::Acquire) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let place = &self.settings.place;
        Err(Fault::Unusable(format!(
            "the database {place} has not said what became of a transaction; \
             look whether its messages are there before sending them again"
        )))
    }

    /// Leaves nothing behind. A server that does not answer keeps the little there is.
    pub(crate) async fn end(&mut self) {
        if let Some(session) = self.session.take().filter(|session| !session.is_closed()) {
            let forgotten = tokio::time::timeout(PAUSE, self.signature.forget(&session)).await;
            forgotten.unwrap_or(Ok(())).unwrap_or_default();
        }
    }
}

fn has_statements(jobs: &VecDeque<Job>) -> bool {
    let open = jobs.iter().flat_map(|job| &job.units[job.outcomes.len()..]);
    open.into_iter().any(|unit| {
        let chain = std::iter::successors(Some(unit), |unit| unit.otherwise.as_deref());
        chain.into_iter().any(|unit| !unit.statements.is_empty())
    })
}

/// One try at a transaction.
struct Pass<'a> {
    session: &'a Session,
    picture: Picture<'a>,
    /// With a savepoint around each unit.
    careful: bool,
}

impl<'a> Pass<'a> {
    /// Everything but the COMMIT; with how long that has kept others from the log.
    async fn run(
        session: &'a Session,
        settings: &Settings,
        jobs: &'a VecDeque<Job>,
        (lane, most, careful): (Lane, usize, bool),
    ) -> Result<(Staged, Duration), Halt> {
        let open = jobs.iter().flat_map(|job| &job.units[job.outcomes.len()..]);
        let units: Vec<&Changes> = open.take(most).collect();
        let begin = async { turnstile::begin(session, lane).await.map(|()| Instant::now()) };
        let rows = async {
            if careful {
                return (Ok(Layered::default()), Ok(false));
            }
            tokio::join!(load_rows(session, &units), unique::may_meet(session, &units))
        };
        let loaded = tokio::join!(begin, rows, Picture::load(session, &units));
        let (begun, (rows, meet), picture) = loaded;
        let begun = match begun {
            Ok(begun) => begun,
            Err(fault) => return Err(turnstile::explained(fault, session, settings).await.into()),
        };
        // What could not be loaded has failed the others: each unit says alone what is amiss.
        let Ok(rows) = rows else { return Err(Halt::Refused) };
        let mut picture = picture?;
        if meet? {
            return Err(Halt::Refused);
        }
        picture.rows = rows;
        let mut pass = Self { session, picture, careful };
        let staged = pass.settle_all(jobs, units.len()).await?;
        if !careful {
            flush(session, &pass.picture).await.map_err(|refusal| match refusal {
                Refusal::Broken(fault) if fault.wants_reopening() => Halt::Broken(fault),
                Refusal::Broken(fault) if fault.is_transient() => Halt::Broken(fault),
                _ => Halt::Refused,
            })?;
        }
        Ok((staged, begun.elapsed()))
    }

    async fn settle_all(
        &mut self,
        jobs: &'a VecDeque<Job>,
        mut most: usize,
    ) -> Result<Staged, Halt> {
        let mut staged = Staged::with_capacity(jobs.len());
        'jobs: for job in jobs {
            let mut fresh = Vec::with_capacity(job.open());
            for unit in &job.units[job.outcomes.len()..] {
                if most == 0 {
                    staged.push(fresh);
                    break 'jobs;
                }
                most -= 1;
                let left_out = |unit: &usize| !job.is_committed(&fresh, *unit);
                let outcome = self.settle(unit, &left_out).await?;
                if let Outcome::Unavailable(_) = outcome {
                    // What comes later in a list must not be durable without what comes before.
                    most = most.saturating_sub(job.open() - fresh.len() - 1);
                    fresh.resize(job.open(), outcome);
                    break;
                }
                fresh.push(outcome);
            }
            staged.push(fresh);
        }
        Ok(staged)
    }

    /// Applies a unit, or what it asks for in its place.
    async fn settle(
        &mut self,
        unit: &'a Changes,
        left_out: &(dyn Fn(&usize) -> bool + Sync),
    ) -> Result<Outcome, Halt> {
        let (mut first, mut next) = (None, unit);
        loop {
            let outcome = if next.depends_on.iter().any(left_out) {
                Outcome::Dependent
            } else {
                self.try_unit(next).await?
            };
            match outcome {
                // A unit is not settled while what stands in its place may still come.
                Outcome::Unavailable(_) => return Ok(outcome),
                Outcome::Committed(_) => return Ok(first.unwrap_or(outcome)),
                _ => {}
            }
            let settled = first.unwrap_or(outcome);
            match &next.otherwise {
                Some(otherwise) => (first, next) = (Some(settled), otherwise),
                None => return Ok(settled),
            }
        }
    }

    async fn try_unit(&mut self, unit: &'a Changes) -> Result<Outcome, Halt> {
        if self.careful {
            return self.write_alone(unit).await;
        }
        match self.decide(unit) {
            Ok(places) => {
                self.picture.keep();
                Ok(Outcome::Committed(places))
            }
            Err(Refusal::LeftOut(outcome)) => {
                self.picture.undo();
                Ok(outcome)
            }
            Err(Refusal::Broken(fault)) => Err(fault.into()),
        }
    }

    async fn write_alone(&mut self, unit: &'a Changes) -> Result<Outcome, Halt> {
        self.session.batch("SAVEPOINT unit").await?;
        match self.write(unit).await {
            Ok(outcome) => {
                self.session.batch("RELEASE unit").await?;
                self.picture.settle();
                Ok(outcome)
            }
            Err(Refusal::LeftOut(outcome)) => {
                self.session.batch("ROLLBACK TO unit; RELEASE unit").await?;
                self.picture.discard();
                Ok(outcome)
            }
            Err(Refusal::Broken(fault)) => Err(fault.into()),
        }
    }

    fn decide(&mut self, unit: &'a Changes) -> Result<Vec<Place>, Refusal> {
        let places = unit::apply(&mut self.picture, unit)?;
        for write in &unit.rows {
            row::write(&mut self.picture.rows, write)?;
        }
        Ok(places)
    }

    /// The rows one by one: each may meet another of the same unit in a unique column.
    async fn write(&mut self, unit: &'a Changes) -> Result<Outcome, Refusal> {
        let (session, picture) = (self.session, &mut self.picture);
        let places = unit::apply(picture, unit)?;
        // What was loaded for a unit that was left out since does not hold any more.
        let loaded = load_rows(session, &[unit]).await;
        picture.rows =
            loaded.map_err(|(fault, table)| Refusal::of_user_tables(fault, &table.name))?;
        for write in &unit.rows {
            row::write(&mut picture.rows, write)?;
            picture.rows.keep();
            row::flush(session, &picture.rows).await?;
            picture.rows.settle();
        }
        picture.keep();
        flush(session, picture).await?;
        for statement in &unit.statements {
            statement::run(session, statement).await?;
        }
        Ok(Outcome::Committed(places))
    }
}
