//! Commands that plain programs enqueue in the table `protean_intake`.

use std::collections::HashSet;
use std::sync::Arc;

use protean_port::message::{Lane, Message, Priority, Recorded, type_name};
use protean_port::port::{
    Append, Changes, Expect, IntakeChange, IntakeDomains, IntakeEntry, IntakeRead, IntakeReject,
    IntakeRow, KeyWrite, Outcome, Place,
};
use protean_port::{Error, Result};
use tracing::warn;

use super::dispatch::dispatch;
use super::domain::Domain;
use crate::handling::{AllowedCommand, IntakeCommand, NEVER, key_claim};
use crate::model::Command;

/// The intake of a domain: rows that plain programs insert into `protean_intake`, and rejected
/// rows.
///
/// A server takes rows on its own. This type is for tools and tests.
///
/// ```no_run
/// # use protean_core::domain::{Domain, Intake};
/// # async fn shown(shop: &Domain) -> protean_port::Result {
/// for reject in Intake::of(shop).rejects(0, 100).await? {
///     println!("{}: {}", reject.entry.id, reject.reason);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Intake<'a> {
    domain: &'a Domain,
}

/// A row that was read.
enum Decided<'a> {
    /// Its command is to be appended.
    New(&'a IntakeRow, &'a IntakeCommand, Message),
    /// The log already has a command with its id or its idempotency key.
    Repeated(&'a IntakeRow, &'a IntakeCommand, Message, Arc<str>),
    /// It cannot be taken.
    Rejected(&'a IntakeRow, Error),
}

impl Intake<'_> {
    /// Allows plain programs to insert commands of the type `C`; without this, a row of it is
    /// rejected. Register it like a handler: `.register(Intake::takes::<PlaceOrder>())`.
    pub fn takes<C: Command>() -> AllowedCommand<C> {
        AllowedCommand::new()
    }
}

impl<'a> Intake<'a> {
    /// The intake of this domain.
    pub fn of(domain: &'a Domain) -> Self {
        Self { domain }
    }

    /// True when the domain allows at least one command in the intake.
    pub fn is_open(&self) -> bool {
        !self.domain.handlers().intake.is_empty()
    }

    /// Inserts rows in one transaction, as a plain program would.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn add(&self, entries: impl IntoIterator<Item = IntakeEntry>) -> Result {
        let mut changes = Changes::new(Lane::Primary);
        changes.intake.extend(entries.into_iter().map(|of| IntakeChange::Add(Box::new(of))));
        let outcome = self.domain.store().await?.commit([changes].into()).await.pop();
        outcome.map_or(Ok(()), |outcome| is_committed(outcome).map(drop))
    }

    /// Waiting rows after a place, in insertion order, including those of other domains. Stops
    /// before the limit when the data is large.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn waiting(&self, after: u64, limit: usize) -> Result<Vec<IntakeRow>> {
        self.read(IntakeRead { after, ..IntakeRead::first(limit) }).await
    }

    /// Rejected rows after a place, in insertion order, including those of other domains.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rejects(&self, after: u64, limit: usize) -> Result<Vec<IntakeReject>> {
        self.domain.store().await?.intake_rejects(after, limit).await
    }

    /// Moves rejects back as new rows in one transaction, so that a server tries them again.
    /// Returns the places at which there is no reject.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn retry(&self, places: &[u64]) -> Result<Vec<u64>> {
        self.missing(places, IntakeChange::Retry).await
    }

    /// Deletes rejects in one transaction. Returns the places at which there is no reject.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn drop_rejects(&self, places: &[u64]) -> Result<Vec<u64>> {
        self.missing(places, IntakeChange::Drop).await
    }

    /// Makes a change at each place and returns the places without a reject.
    async fn missing(&self, places: &[u64], change: fn(u64) -> IntakeChange) -> Result<Vec<u64>> {
        let units: Vec<Changes> = places.iter().map(|place| one(change(*place))).collect();
        let outcomes = self.domain.store().await?.commit(units.into()).await;
        let mut missing = Vec::new();
        for (place, outcome) in places.iter().zip(outcomes) {
            if !is_committed(outcome)? {
                missing.push(*place);
            }
        }
        Ok(missing)
    }

    /// Takes the next rows in this range of priorities into the log, in order, and rejects those
    /// that cannot be taken. Returns how many rows have left the table, after synchronous handlers
    /// have handled the commands.
    ///
    /// # Errors
    /// When the store cannot be read or written, or a synchronous handler fails.
    pub async fn take(&self, priorities: (Priority, Priority), limit: usize) -> Result<usize> {
        let domains = IntakeDomains::Only(self.names());
        let read = IntakeRead { domains, priorities, ..IntakeRead::first(limit) };
        self.settle_all(&self.read(read).await?).await
    }

    /// Rejects some of the rows whose type names a domain that does not use this database. Returns
    /// how many rows have left the table.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn reject_strangers(&self, limit: usize) -> Result<usize> {
        let mut known = self.names();
        let groups = self.domain.store().await?.registered_groups().await?;
        let domains = groups.iter().filter_map(|group| group.group.split_once('.'));
        known.extend(domains.map(|(domain, _)| type_name::domain(domain)));
        let domains = IntakeDomains::Except(known);
        let read = IntakeRead { domains, ..IntakeRead::first(limit) };
        self.settle_all(&self.read(read).await?).await
    }

    /// The domains whose rows are taken: this one, and that of types that name none.
    pub(super) fn names(&self) -> Vec<String> {
        match self.is_open() {
            true => vec![type_name::domain(self.domain.name()), String::new()],
            false => Vec::new(),
        }
    }

    async fn read(&self, read: IntakeRead) -> Result<Vec<IntakeRow>> {
        self.domain.store().await?.intake_rows(read).await
    }

    /// Takes or rejects rows.
    async fn settle_all(&self, rows: &[IntakeRow]) -> Result<usize> {
        let store = self.domain.store().await?;
        let (mut first, mut units, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for decided in before_repeated_id(rows).iter().map(|row| self.decided(row)) {
            match self.first_step(&decided) {
                Some(unit) => {
                    units.push(unit);
                    first.push(decided);
                }
                None => later.push(decided),
            }
        }
        let mut left = Left::default();
        for (decided, outcome) in first.into_iter().zip(store.commit(units.into()).await) {
            match (decided, outcome) {
                (Decided::New(row, command, message), Outcome::Duplicate { message_id, .. }) => {
                    later.push(Decided::Repeated(row, command, message, message_id));
                }
                (Decided::New(row, ..), Outcome::Rejected(violations)) => {
                    later.push(Decided::Rejected(row, Error::invalid(violations)));
                }
                (decided, outcome) => left.note(decided, outcome),
            }
        }
        for decided in later {
            match self.second_step(decided).await {
                Ok((decided, outcome)) => left.note(decided, outcome),
                Err(error) => left.failure = Some(error),
            }
        }
        left.log_rejected();
        dispatch(self.domain, store, left.taken).await?;
        left.failure.map_or(Ok(left.rows), Err)
    }

    fn decided<'r>(&self, row: &'r IntakeRow) -> Decided<'r>
    where
        'a: 'r,
    {
        match self.domain.enqueued(row) {
            Ok((command, message)) if row.is_logged => {
                let first = Arc::clone(&message.id);
                Decided::Repeated(row, command, message, first)
            }
            Ok((command, message)) => Decided::New(row, command, message),
            Err(error) => Decided::Rejected(row, error),
        }
    }

    /// The unit of a row, if it does not depend on the log.
    fn first_step(&self, decided: &Decided<'_>) -> Option<Changes> {
        match decided {
            Decided::New(row, _, message) => {
                let mut changes = self.taken(row);
                changes.keys.extend(key_claim(message, NEVER).map(KeyWrite::Claim));
                let message = message.clone();
                changes.appends.push(Append { message, expect: Expect::End });
                Some(changes)
            }
            Decided::Rejected(row, error) => Some(self.rejected(row, error)),
            Decided::Repeated(..) => None,
        }
    }

    /// Takes a row that repeats a command; rejects it if its content differs.
    async fn second_step<'r>(&self, decided: Decided<'r>) -> Result<(Decided<'r>, Outcome)> {
        let store = self.domain.store().await?;
        let decided = match decided {
            Decided::Repeated(row, command, message, first) => {
                match command.repeats(self.domain.env(), &**store, &first, &message).await {
                    Ok(()) => Decided::Repeated(row, command, message, first),
                    Err(error) if error.is_unavailable() => return Err(error),
                    Err(error) => Decided::Rejected(row, error),
                }
            }
            decided => decided,
        };
        let changes = match &decided {
            Decided::New(row, ..) | Decided::Repeated(row, ..) => self.taken(row),
            Decided::Rejected(row, error) => self.rejected(row, error),
        };
        let outcome = store.commit([changes].into()).await.pop();
        outcome.map(|outcome| (decided, outcome)).ok_or_else(|| Error::unavailable("no outcome"))
    }

    fn taken(&self, row: &IntakeRow) -> Changes {
        Changes { lane: self.lane(row), ..one(IntakeChange::Take(row.place)) }
    }

    fn rejected(&self, row: &IntakeRow, error: &Error) -> Changes {
        let (place, reason, time) = (row.place, format!("{error:#}"), self.domain.clock().now());
        Changes { lane: self.lane(row), ..one(IntakeChange::Reject { place, reason, time }) }
    }

    /// The lane of a row, whatever its priority.
    fn lane(&self, row: &IntakeRow) -> Lane {
        let priority = row.entry.priority.clamp(i32::MIN.into(), i32::MAX.into());
        self.domain.lanes().lane(Priority::new(i32::try_from(priority).unwrap_or_default()))
    }
}

fn one(change: IntakeChange) -> Changes {
    let mut changes = Changes::new(Lane::Primary);
    changes.intake.push(change);
    changes
}

/// The rows up to the first that repeats an id, so that later rows stay behind it.
fn before_repeated_id(rows: &[IntakeRow]) -> &[IntakeRow] {
    let mut ids = HashSet::new();
    let end = rows.iter().position(|row| !ids.insert(&row.entry.id));
    &rows[..end.unwrap_or(rows.len())]
}

/// False for a unit that was left out.
fn is_committed(outcome: Outcome) -> Result<bool> {
    match outcome {
        Outcome::Unavailable(reason) => Err(Error::unavailable(reason)),
        Outcome::Rejected(violations) => Err(Error::invalid(violations)),
        outcome => Ok(matches!(outcome, Outcome::Committed(_))),
    }
}

/// Rows that have left the table.
#[derive(Default)]
struct Left {
    rows: usize,
    taken: Vec<Recorded>,
    rejected: Vec<Error>,
    /// Why a row could not leave it.
    failure: Option<Error>,
}

impl Left {
    /// Notes the outcome of the unit of a row. If it was left out, another process has the row.
    fn note(&mut self, decided: Decided<'_>, outcome: Outcome) {
        let place = match &outcome {
            Outcome::Committed(places) => places.first().cloned(),
            _ => None,
        };
        match is_committed(outcome) {
            Ok(false) => return,
            Ok(true) => self.rows += 1,
            Err(error) => {
                self.failure = Some(error);
                return;
            }
        }
        match (decided, place) {
            (Decided::New(_, _, message), Some(Place { position, stream_position })) => {
                self.taken.push(Recorded { position, stream_position, message });
            }
            (Decided::Rejected(_, error), _) => self.rejected.push(error),
            _ => {}
        }
    }

    /// Logs the number of rejected rows, with the reason for the first.
    fn log_rejected(&self) {
        if let Some(first) = self.rejected.first() {
            warn!(
                rows = self.rejected.len(),
                reason = format_args!("{first:#}"),
                "rejected rows of the intake: see `intake rejects`"
            );
        }
    }
}
