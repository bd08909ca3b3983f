//! Commands that plain programs enqueue in the table `protean_intake`.

use std::collections::HashSet;
use std::sync::Arc;

use protean_port::message::{Lane, Message, Priority, Recorded, type_name};
use protean_port::port::{
    Append, Changes, Expect, Find, IntakeChange, IntakeEntry, IntakeRead, IntakeReject, IntakeRow,
    KeyWrite, Outcome,
};
use protean_port::{Error, Result};
use tracing::warn;

use super::dispatch::dispatch;
use super::domain::Domain;
use crate::handling::{IntakeCommand, NEVER, TakenIn, key_claim};
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
    pub fn takes<C: Command>() -> TakenIn<C> {
        TakenIn::new()
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
        self.changed(changes).await.map(drop)
    }

    /// Waiting rows in insertion order, including those of other domains.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn waiting(&self, limit: usize) -> Result<Vec<IntakeRow>> {
        self.read(Priority::ALL, Vec::new(), limit).await
    }

    /// True when a row with a priority in this range is waiting.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_waiting(&self, priorities: (Priority, Priority)) -> Result<bool> {
        Ok(!self.read(priorities, Vec::new(), 1).await?.is_empty())
    }

    /// Rejected rows after a place, in insertion order, including those of other domains.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rejects(&self, after: u64, limit: usize) -> Result<Vec<IntakeReject>> {
        self.domain.store().await?.intake_rejects(after, limit).await
    }

    /// Moves a reject back as a new row, so that a server tries it again; false if it does not
    /// exist.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn retry(&self, place: u64) -> Result<bool> {
        self.changed(one(IntakeChange::Retry(place))).await
    }

    /// Deletes a reject; false if it does not exist.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn drop_reject(&self, place: u64) -> Result<bool> {
        self.changed(one(IntakeChange::Drop(place))).await
    }

    /// Takes the next rows in this range of priorities into the log, in order, and rejects those
    /// that cannot be taken. Returns the number of rows taken or rejected, after synchronous
    /// handlers have handled the commands.
    ///
    /// # Errors
    /// When the store cannot be read or written, or a synchronous handler fails.
    pub async fn take(&self, priorities: (Priority, Priority), limit: usize) -> Result<usize> {
        let rows = self.next(priorities, limit).await?;
        let decided: Vec<_> = rows.iter().map(|row| self.decided(row)).collect();
        tell_rejected(&decided);
        let units: Vec<Changes> =
            decided.iter().filter_map(|decided| self.first_step(decided)).collect();
        let store = self.domain.store().await?;
        let mut outcomes = store.commit(units.into()).await.into_iter();
        let (mut taken, mut repeated, mut failure) = (Vec::new(), Vec::new(), None);
        for decided in decided {
            match decided {
                Decided::New(row, command, message) => match outcomes.next() {
                    Some(Outcome::Committed(places)) => {
                        taken.extend(places.first().map(|place| Recorded {
                            position: place.position,
                            stream_position: place.stream_position,
                            message,
                        }));
                    }
                    Some(Outcome::Duplicate { message_id, .. }) => {
                        repeated.push(Decided::Repeated(row, command, message, message_id));
                    }
                    Some(Outcome::Rejected(violations)) => {
                        repeated.push(Decided::Rejected(row, Error::invalid(violations)));
                    }
                    Some(Outcome::Unavailable(reason)) => {
                        failure = Some(Error::unavailable(reason))
                    }
                    // Another process has taken it.
                    _ => {}
                },
                Decided::Rejected(..) => drop(outcomes.next()),
                Decided::Repeated(..) => repeated.push(decided),
            }
        }
        for decided in repeated {
            failure = failure.or(self.settle(decided).await.err());
        }
        dispatch(self.domain, store, taken).await?;
        failure.map_or(Ok(rows.len()), Err)
    }

    /// The next rows of this domain, without two of the same id.
    async fn next(&self, priorities: (Priority, Priority), limit: usize) -> Result<Vec<IntakeRow>> {
        let own = type_name::domain(self.domain.name());
        let mut rows = self.read(priorities, Vec::new(), limit).await?;
        if rows.iter().any(|row| row.entry.domain().is_some_and(|domain| domain != own)) {
            let others = self.others(&own).await?;
            rows = self.read(priorities, others, limit).await?;
        }
        let mut ids = HashSet::new();
        let is_new = |row: &IntakeRow| ids.insert(Arc::clone(&row.entry.id));
        let end = rows.iter().map(is_new).position(|is_new| !is_new);
        // Stop at a repeated id, so that later rows stay behind it.
        rows.truncate(end.unwrap_or(rows.len()));
        Ok(rows)
    }

    async fn read(
        &self,
        priorities: (Priority, Priority),
        except: Vec<String>,
        limit: usize,
    ) -> Result<Vec<IntakeRow>> {
        let read = IntakeRead { priorities, except, limit };
        self.domain.store().await?.intake_rows(read).await
    }

    /// The other domains that share the database, as types name them.
    async fn others(&self, own: &str) -> Result<Vec<String>> {
        let groups = self.domain.store().await?.registered_groups().await?;
        let domain =
            |group: &str| group.split_once('.').map(|(domain, _)| type_name::domain(domain));
        let others: HashSet<String> =
            groups.iter().filter_map(|group| domain(&group.group)).filter(|of| of != own).collect();
        Ok(others.into_iter().collect())
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
    async fn settle(&self, decided: Decided<'_>) -> Result {
        let changes = match &decided {
            Decided::Repeated(row, command, message, first) => {
                match self.repeats(command, message, first).await {
                    Ok(()) => self.taken(row),
                    Err(error) if error.is_unavailable() => return Err(error),
                    Err(error) => self.rejected(row, &error),
                }
            }
            Decided::New(row, ..) => self.taken(row),
            Decided::Rejected(row, error) => self.rejected(row, error),
        };
        self.changed(changes).await.map(drop)
    }

    /// Checks that a message has the same content as the earlier command with this id.
    async fn repeats(&self, command: &IntakeCommand, again: &Message, first: &str) -> Result {
        let store = self.domain.store().await?;
        if *first == *again.id {
            let find = Find { message_id: Some(first.into()), ..Find::first(1) };
            let logged = store.find(find).await?.pop();
            if logged.is_some_and(|logged| !is_same(&logged.message, again)) {
                return Err(Error::failed(format!(
                    "the log has another command with the id '{first}': give each row its own id"
                )));
            }
            return Ok(());
        }
        command.repeats(self.domain.env(), &**store, first, again).await
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

    /// Commits a unit; false when it was left out.
    async fn changed(&self, changes: Changes) -> Result<bool> {
        match self.domain.store().await?.commit([changes].into()).await.pop() {
            Some(Outcome::Unavailable(reason)) => Err(Error::unavailable(reason)),
            Some(Outcome::Rejected(violations)) => Err(Error::invalid(violations)),
            outcome => Ok(matches!(outcome, Some(Outcome::Committed(_)))),
        }
    }
}

fn one(change: IntakeChange) -> Changes {
    let mut changes = Changes::new(Lane::Primary);
    changes.intake.push(change);
    changes
}

/// Logs the number of rejected rows, with the reason for the first.
fn tell_rejected(decided: &[Decided<'_>]) {
    let mut reasons = decided.iter().filter_map(|decided| match decided {
        Decided::Rejected(_, error) => Some(error),
        _ => None,
    });
    if let Some(first) = reasons.next() {
        let rows = 1 + reasons.count();
        warn!(
            rows,
            reason = format_args!("{first:#}"),
            "rejected rows of the intake: see `intake rejects`"
        );
    }
}

/// True when both have the same type and data.
fn is_same(first: &Message, again: &Message) -> bool {
    first.type_name == again.type_name && first.data == again.data
}
