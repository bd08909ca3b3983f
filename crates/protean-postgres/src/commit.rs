//! One transaction over many units.
//!
//! The state that the units depend on is loaded, each unit is decided in memory, and the
//! result is written in arrays. When the database refuses it, everything is rolled back
//! and done again unit by unit, with a savepoint around each, so that only the unit at
//! fault is left out.
//!
//! ```text
//! BEGIN, lock, load ─▶ unit, unit, … ─▶ write, mark, COMMIT, unlock ─▶ on disk
//!                            │                   └ no answer: is its mark there?
//!                            └ refused: ROLLBACK, again with savepoints
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use protean_port::message::Lane;
use protean_port::port::BatchSizer;
use protean_sql::Job;
use tokio::runtime::Handle;

use crate::attempt::{Abort, Attempt, Written};
use crate::commit_marker::CommitMarker;
use crate::connection::{Session, Settings};
use crate::error::Fault;
use crate::signal::Announced;

/// How long a transaction of bulk work should hold the log's lock.
const BULK_LOCK_TIME: Duration = Duration::from_millis(2);
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
        let mut isolated = Job::needs_isolation(jobs);
        loop {
            let session = self.connected().await?;
            let decided =
                Attempt::decide(&session, &self.settings, jobs, lane, max_units, isolated);
            let ended = match decided.await {
                Ok(attempt) => attempt.commit(&mut self.marker, jobs).await,
                Err(abort) => Err(abort),
            };
            match ended {
                Ok(written) => {
                    self.session = Some(session);
                    return Ok(written);
                }
                Err(Abort::Refused) => {
                    self.roll_back(session).await;
                    isolated = true;
                }
                Err(Abort::Broken(fault)) => {
                    tries += 1;
                    let again = fault.is_transient() || (fault.wants_reopening() && tries == 1);
                    if fault.wants_reopening() {
                        drop(session);
                    } else {
                        self.roll_back(session).await;
                    }
                    if !again || tries >= MAX_ATTEMPTS {
                        return Err(fault);
                    }
                }
                Err(Abort::Unknown(fault, written)) => {
                    drop(session);
                    return self.resolve(fault).await.map(|()| *written);
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
