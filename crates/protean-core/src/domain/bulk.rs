//! Queuing many commands in large commits.

use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use protean_port::message::{Lane, Priority};
use protean_port::port::{BatchSizer, BoxFuture, Changes, Outcome, StepTime, Store};
use protean_port::{Error, Result};

use super::back_pressure::BackPressure;
use super::domain::Domain;
use super::process::{Options, queued};
use super::submission::{Rejection, Submission, Submit};
use crate::handling::repetition;
use crate::handling::spans::{OpenSpan, sending_many};
use crate::model::Command;
use crate::unit::MachineTurns;

/// The most commands that one commit takes in; also what may be in memory twice.
const MAX_CHUNK_COMMANDS: usize = 1000;
/// The fewest in the backfill lane. A smaller commit would hardly be quicker.
const MIN_CHUNK_COMMANDS: usize = 64;
/// How long a commit in the backfill lane should take: it is a step of bulk work.
const BULK_CHUNK_TIME: StepTime =
    StepTime { beside_production: Duration::from_millis(2), alone: Duration::from_millis(4) };

/// How many commands that came before are read at once.
const CONCURRENT_READS: usize = 16;

/// How far [`Domain::process_all`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportProgress {
    /// Commands that are in the log, durably.
    pub accepted: u64,
    /// Left out: the same command came before with its idempotency key.
    pub duplicate: u64,
    /// Left out: another command came before with its idempotency key.
    pub differing: u64,
    /// Left out: they break a rule.
    pub rejected: u64,
    /// While the import waits, as `server.priority_lanes.producer_high_water` says: about
    /// how many messages handlers are behind with the backfill lane.
    pub waits_behind: Option<u64>,
}

impl ImportProgress {
    /// All commands read from the iterator so far.
    pub fn total(&self) -> u64 {
        self.accepted + self.duplicate + self.differing + self.rejected
    }
}

/// Many commands on their way: say how, then `.await`. They are kept in the
/// order of the iterator, in large commits, to be handled by a server; memory
/// stays bounded however many there are.
///
/// A command that breaks a rule is left out and reported; the others go on.
/// Dropping the future keeps what was accepted so far.
///
/// With `server.priority_lanes.producer_high_water`, an import at a priority of the backfill
/// lane waits while handlers are further behind than that; not inside a handler, which would
/// wait for itself, but in a task that a handler spawns.
#[must_use = "nothing is taken in until this is awaited"]
pub struct Bulk<I> {
    domain: Domain,
    commands: I,
    options: Options,
    on_rejected: Box<dyn FnMut(Rejection) + Send>,
    on_progress: Box<dyn FnMut(ImportProgress) + Send>,
}

impl Domain {
    /// Takes in many commands, to be handled later: see [`Bulk`].
    pub fn process_all<I>(&self, commands: I) -> Bulk<I::IntoIter>
    where
        I: IntoIterator,
    {
        Bulk {
            domain: self.clone(),
            commands: commands.into_iter(),
            options: Options::of(self),
            on_rejected: Box::new(drop),
            on_progress: Box::new(drop),
        }
    }
}

impl<I> Bulk<I> {
    /// With this priority, whatever the handle or the scope says.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Under one correlation id; else each command begins its own.
    pub fn correlation_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.options.correlation_id = Some(id.into());
        self
    }

    /// Sets a metadata value that every command and everything it causes carry.
    pub fn metadata(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.options.enrichment.metadata.set(key, text);
        self
    }

    /// Called for each command that is left out because it breaks a rule, or because another
    /// command came before with its idempotency key.
    pub fn on_rejected(mut self, callback: impl FnMut(Rejection) + Send + 'static) -> Self {
        self.on_rejected = Box::new(callback);
        self
    }

    /// Called after each commit, and four times a second while the import waits.
    pub fn on_progress(mut self, callback: impl FnMut(ImportProgress) + Send + 'static) -> Self {
        self.on_progress = Box::new(callback);
        self
    }
}

impl<I> IntoFuture for Bulk<I>
where
    I: Iterator<Item: Submit> + Send + 'static,
{
    type Output = Result<ImportProgress>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(take_in(self))
    }
}

/// One commit's worth of commands.
#[derive(Default)]
struct Chunk {
    units: Vec<Changes>,
    references: Vec<u64>,
    /// That of its commands' creation.
    span: OpenSpan,
}

/// A commit that has ended, and how long it took.
struct Committed {
    outcomes: Vec<Outcome>,
    took: Duration,
}

/// Prepares one chunk while the one before it commits.
async fn take_in<I>(mut bulk: Bulk<I>) -> Result<ImportProgress>
where
    I: Iterator<Item: Submit> + Send + 'static,
{
    let store = Arc::clone(bulk.domain.store().await?);
    let priority = bulk.options.priority.unwrap_or_default();
    let is_bulk = bulk.domain.lanes().lane(priority) == Lane::Backfill;
    let least = if is_bulk { MIN_CHUNK_COMMANDS } else { MAX_CHUNK_COMMANDS };
    let mut size = BatchSizer::new(BULK_CHUNK_TIME.alone, least..=MAX_CHUNK_COMMANDS);
    let turns = is_bulk.then(|| Arc::clone(&bulk.domain.env().machine_turns));
    let mut back_pressure = BackPressure::on(&bulk.domain, &store, priority);
    let mut intake = ImportProgress::default();
    let mut ahead = next_chunk(&mut bulk, size.units(), &mut intake)?;
    while !ahead.units.is_empty() {
        if let Some(back_pressure) = &mut back_pressure {
            let mut waits = |behind| {
                (bulk.on_progress)(ImportProgress { waits_behind: Some(behind), ..intake });
            };
            back_pressure.pass(&mut waits).await?;
            back_pressure.add(ahead.units.len());
        }
        let Chunk { units, references, mut span } = std::mem::take(&mut ahead);
        let units: Arc<[Changes]> = units.into();
        let committing = commit(&store, turns.clone(), Arc::clone(&units));
        ahead = next_chunk(&mut bulk, size.units(), &mut intake)?;
        let Committed { outcomes, took } = committing.await;
        span.count(units.len());
        if let Some(reason) = outcomes.iter().find_map(unavailable) {
            span.fail(reason);
        }
        drop(span);
        if let Some(turns) = &turns {
            size.aim_at(turns.step_time(BULK_CHUNK_TIME));
        }
        size.took(took);
        let repetitions = repetitions::<<I::Item as Submit>::Command>(
            &bulk.domain,
            &*store,
            units.iter().zip(&outcomes),
        );
        let mut repetitions = repetitions.await.into_iter();
        let mut failed = Ok(());
        for (outcome, reference) in outcomes.into_iter().zip(references) {
            let entered = match outcome {
                Outcome::Duplicate { .. } => {
                    let is_repeated = repetitions.next().unwrap_or(Ok(()));
                    enter_repetition(&mut bulk, &mut intake, is_repeated, reference)
                }
                outcome => enter(&mut bulk, &mut intake, outcome, reference),
            };
            // What was committed counts, whatever failed before it.
            failed = failed.and(entered);
        }
        failed?;
        (bulk.on_progress)(intake);
    }
    Ok(intake)
}

/// Starts a commit, in its turn if there are `turns`. It goes on while the next chunk is
/// prepared.
fn commit(
    store: &Arc<dyn Store>,
    turns: Option<Arc<MachineTurns>>,
    units: Arc<[Changes]>,
) -> impl Future<Output = Committed> + use<> {
    let (store, count) = (Arc::clone(store), units.len());
    let committing = tokio::spawn(async move {
        let _turn = match &turns {
            Some(turns) => Some(turns.take().await),
            None => None,
        };
        let began = Instant::now();
        Committed { outcomes: store.commit(units).await, took: began.elapsed() }
    });
    let failed = move |_| {
        let ended = Outcome::Unavailable("the task that commits ended early".into());
        Committed { outcomes: vec![ended; count], took: Duration::ZERO }
    };
    async move { committing.await.unwrap_or_else(failed) }
}

/// For each command of a commit whose key was taken: whether it is the same one again.
async fn repetitions<C: Command>(
    domain: &Domain,
    store: &dyn Store,
    committed: impl Iterator<Item = (&Changes, &Outcome)>,
) -> Vec<Result> {
    let duplicates = committed.filter_map(|(unit, outcome)| match outcome {
        Outcome::Duplicate { message_id, .. } => Some((message_id, &unit.appends[0].message)),
        _ => None,
    });
    let checks = duplicates
        .map(|(first, again)| repetition::check::<C>(domain.env(), store, first, again))
        .collect::<Vec<_>>();
    stream::iter(checks).buffered(CONCURRENT_READS).collect().await
}

/// The next commands that keep the rules, at most so many; empty only at the end.
fn next_chunk<I>(bulk: &mut Bulk<I>, most: usize, intake: &mut ImportProgress) -> Result<Chunk>
where
    I: Iterator<Item: Submit>,
{
    let (mut chunk, mut span) = (Chunk::default(), None);
    while chunk.units.len() < most
        && let Some(submission) = bulk.commands.next()
    {
        let Submission { command, key, reference } = submission.submission();
        let options = Options { key, ..bulk.options.clone() };
        let span = span.get_or_insert_with(|| chunk_span::<<I::Item as Submit>::Command>(bulk));
        match queued(&bulk.domain, &command, &options, span.context()) {
            Ok(changes) => {
                chunk.units.push(changes);
                chunk.references.push(reference);
            }
            Err(error) if error.is_invalid() => {
                intake.rejected += 1;
                (bulk.on_rejected)(Rejection { reference, error, is_differing: false });
            }
            Err(error) => return Err(error),
        }
    }
    chunk.span = span.unwrap_or_default();
    Ok(chunk)
}

/// Begins the span of a commit, which continues that around the caller.
fn chunk_span<C: Command>(bulk: &Bulk<impl Sized>) -> OpenSpan {
    let env = bulk.domain.env();
    let Ok(names) = env.catalog.names::<C::Aggregate>() else { return OpenSpan::default() };
    let lane = env.lanes.lane(bulk.options.priority.unwrap_or_default());
    sending_many(env, &names.commands, lane, env.current_trace())
}

/// Enters a command whose key was taken.
fn enter_repetition<I>(
    bulk: &mut Bulk<I>,
    intake: &mut ImportProgress,
    is_repeated: Result,
    reference: u64,
) -> Result {
    match is_repeated {
        Ok(()) => intake.duplicate += 1,
        Err(error) if error.is_invalid() => {
            intake.differing += 1;
            (bulk.on_rejected)(Rejection { reference, error, is_differing: true });
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn enter<I>(
    bulk: &mut Bulk<I>,
    intake: &mut ImportProgress,
    outcome: Outcome,
    reference: u64,
) -> Result {
    match outcome {
        Outcome::Committed(_) => intake.accepted += 1,
        // It is counted by what it repeats.
        Outcome::Duplicate { .. } => {}
        Outcome::Rejected(violations) => {
            intake.rejected += 1;
            let error = Error::invalid(violations);
            (bulk.on_rejected)(Rejection { reference, error, is_differing: false });
        }
        Outcome::Unavailable(reason) => {
            let done = intake.accepted;
            return Err(Error::unavailable(format!(
                "the import stopped after {done} commands: {reason}"
            )));
        }
        Outcome::Stale(what) => return Err(Error::conflict(what)),
        Outcome::Dependent => {
            return Err(Error::failed(
                "the store left out a command that depends on no other: its adapter breaks the \
                 contract of `Store::commit`",
            ));
        }
    }
    Ok(())
}

/// Why nothing of a unit is in the log, when the store does not answer.
fn unavailable(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Unavailable(reason) => Some(reason),
        _ => None,
    }
}
