//! Commands and timers that wait for their time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Id, Message, Priority, Recorded, Stream, Timestamp};
use protean_port::port::{
    Append, Changes, Counter, Expect, KeyWrite, Outcome, PendingWork, Place, Schedule, Scheduled,
    ScheduledPlace, ScheduledRead,
};
use protean_port::{Error, Result};
use tracing::warn;

use super::dispatch::dispatch;
use super::domain::Domain;
use super::intake::Intake;
use crate::handling::{
    KeptOutcome, Missed, OperationLog, Operator, RecurringCommand, cancelled_ttl,
};
use crate::unit::timer_key;

/// With [`Missed::Skip`], a recurring command that is later than this is skipped.
const MAX_LATENESS: Duration = Duration::from_secs(60);
/// How long to wait before retrying a message that could not be moved.
const RETRY_DELAY: Duration = Duration::from_secs(60);
/// Separates the domain from the name in the key of a recurring command.
const RECURRING: &str = ".recurring:";

/// What is scheduled in a domain.
///
/// ```no_run
/// # use protean_core::domain::{Cancellation, Domain, ScheduledMessages};
/// # use protean_port::message::Id;
/// # async fn shown(shop: &Domain, id: &Id) -> protean_port::Result {
/// let cancelled = ScheduledMessages::of(shop).cancel(id).await?;
/// assert_eq!(cancelled, Cancellation::Cancelled);
/// # Ok(())
/// # }
/// ```
pub struct ScheduledMessages<'a> {
    domain: &'a Domain,
    by: Option<Operator>,
}

/// The outcome of cancelling a scheduled command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// It will not be handled.
    Cancelled,
    /// It is in the log, or nothing was ever scheduled under its id.
    TooLate,
}

impl<'a> ScheduledMessages<'a> {
    /// Those of this domain.
    pub fn of(domain: &'a Domain) -> Self {
        Self { domain, by: None }
    }

    /// Records every later cancellation under the name of this operator, in the transaction that
    /// cancels.
    #[must_use]
    pub fn by(self, operator: Operator) -> Self {
        Self { by: Some(operator), ..self }
    }

    /// Cancels a scheduled command by its id. The idempotency key of its sender is free at once.
    ///
    /// # Errors
    /// When the store cannot be read or written; it may be cancelled all the same.
    pub async fn cancel(&self, id: &Id) -> Result<Cancellation> {
        let store = self.domain.store().await?;
        let Some(waiting) = store.scheduled_under(&[id.as_str()]).await?.pop() else {
            return Ok(Cancellation::TooLate);
        };
        let mut changes = self.taken(&waiting, Counter::Cancelled);
        let message = &waiting.message;
        let ttl = cancelled_ttl(message, self.domain.config().idempotency);
        let settled = KeptOutcome::Cancelled.claim(message, self.domain.clock().now() + ttl);
        changes.keys.extend(settled.map(KeyWrite::Settle));
        if let Some(by) = &self.by {
            let filter = [("id", id.to_string()), ("type", message.name().to_owned())];
            let log = OperationLog::begin(self.domain.name(), by, "schedule cancel", filter);
            changes.appends.push(log.append(1, self.domain.clock().now()));
        }
        match store.commit([changes].into()).await.pop() {
            Some(Outcome::Committed(_)) => Ok(Cancellation::Cancelled),
            Some(Outcome::Unavailable(reason)) => Err(Error::unavailable(reason)),
            _ => Ok(Cancellation::TooLate),
        }
    }

    /// A page of what waits: higher priorities first, in one of them what is due first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn page(
        &self,
        after: Option<ScheduledPlace>,
        limit: usize,
    ) -> Result<Vec<Scheduled>> {
        let (priorities, until) = (Priority::ALL, Timestamp::MAX);
        let read = ScheduledRead { priorities, after, until, limit };
        self.domain.store().await?.scheduled(read).await
    }

    /// When these timers are due, each by the stream of its process and its name, in one query and in
    /// their order; none for one that does not wait.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn timers(&self, timers: &[(&Stream, &str)]) -> Result<Vec<Option<Timestamp>>> {
        if timers.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> =
            timers.iter().map(|(process, timer)| timer_key(process, timer)).collect();
        let asked: Vec<&str> = keys.iter().map(|key| &**key).collect();
        let waiting = self.domain.store().await?.scheduled_under(&asked).await?;
        let due: HashMap<_, _> = waiting.into_iter().map(|of| (of.key, of.due)).collect();
        Ok(keys.iter().map(|key| due.get(key).copied()).collect())
    }

    /// True when a message of these priorities is due, or a row of the [`Intake`] waits, in one
    /// query.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_pending(&self, priorities: (Priority, Priority)) -> Result<bool> {
        let (until, domains) =
            (self.domain.env().store_clock.now(), Intake::of(self.domain).names());
        let work = PendingWork { priorities, until, domains };
        self.domain.store().await?.is_pending(work).await
    }

    /// Moves what is due into the log, the most urgent first, and answers how many messages those
    /// were. Synchronous handlers have taken them then.
    ///
    /// # Errors
    /// When the store cannot be read or written, or a synchronous handler fails.
    pub async fn release(&self, priorities: (Priority, Priority), limit: usize) -> Result<usize> {
        let store = self.domain.store().await?;
        let now = self.domain.env().store_clock.now();
        let due = store.scheduled(ScheduledRead::due(now, priorities, limit)).await?;
        let (mut moving, mut units, mut postponed) = (Vec::new(), Vec::new(), Vec::new());
        for waiting in &due {
            match self.moved(waiting, now) {
                Ok(Some(unit)) => {
                    moving.push(waiting);
                    units.push(unit);
                }
                Ok(None) => {}
                Err(error) => postponed.push(self.postponed(waiting, now, &error)),
            }
        }
        let (mut released, mut failure) = (Vec::new(), None);
        for (waiting, outcome) in moving.into_iter().zip(store.commit(units.into()).await) {
            match outcome {
                Outcome::Committed(places) => {
                    released.extend(places.first().map(|place| recorded(&waiting.message, place)));
                }
                Outcome::Unavailable(reason) => failure = Some(Error::unavailable(reason)),
                Outcome::Rejected(violations) => {
                    postponed.push(self.postponed(waiting, now, &Error::invalid(violations)));
                }
                // Cancelled, replaced, or moved by another process.
                _ => {}
            }
        }
        let moved = released.len();
        if !postponed.is_empty() {
            // One that cannot be postponed is due again at once.
            drop(store.commit(postponed.into()).await);
        }
        dispatch(self.domain, store, released).await?;
        failure.map_or(Ok(moved), Err)
    }

    /// Schedules each recurring command that is not scheduled, or whose scheduled time no longer
    /// matches its pattern. A command that cannot be scheduled does not hold up the others.
    ///
    /// # Errors
    /// When the store cannot be read or written, or a command breaks the rules of its fields.
    pub async fn schedule_recurring(&self) -> Result {
        let mut scheduled = Ok(());
        for recurring in &self.domain.handlers().recurring {
            scheduled = scheduled.and(self.schedule_next(recurring).await);
        }
        scheduled
    }

    async fn schedule_next(&self, recurring: &RecurringCommand) -> Result {
        let store = self.domain.store().await?;
        let waiting = store.scheduled_under(&[&self.key(recurring)]).await?.pop();
        // A postponed message is due later than the message itself says.
        if waiting.is_some_and(|waiting| recurring.times.has(waiting.message.time)) {
            return Ok(());
        }
        let now = self.domain.env().store_clock.now();
        let Some(next) = self.next(recurring, now)? else { return Ok(()) };
        let mut changes = Changes::new(self.domain.lanes().lane(next.message.priority));
        changes.schedules.push(Schedule::Keep(Box::new(next)));
        match store.commit([changes].into()).await.pop() {
            Some(Outcome::Unavailable(reason)) => Err(Error::unavailable(reason)),
            _ => Ok(()),
        }
    }

    /// A unit that moves a message into the log and, if the command recurs, schedules the next one.
    /// `None` for a recurring command of another program, which alone can schedule the next.
    fn moved(&self, waiting: &Scheduled, now: Timestamp) -> Result<Option<Changes>> {
        let mut recurring = self.domain.handlers().recurring.iter();
        let recurring = recurring.find(|known| self.key(known) == waiting.key);
        if recurring.is_none() && waiting.key.contains(RECURRING) {
            return Ok(None);
        }
        let missed = recurring.map_or(Missed::Each, |recurring| recurring.missed);
        let is_skipped = missed == Missed::Skip && now > waiting.message.time + MAX_LATENESS;
        let counter = if is_skipped { Counter::Cancelled } else { Counter::Moved };
        let mut changes = self.taken(waiting, counter);
        if !is_skipped {
            let message = waiting.message.clone();
            changes.appends.push(Append { message, expect: Expect::End });
        }
        if let Some(recurring) = recurring {
            let last = match missed {
                Missed::Each => waiting.message.time,
                Missed::Once | Missed::Skip => now.max(waiting.due),
            };
            let next = self.next(recurring, last)?;
            changes.schedules.extend(next.map(|next| Schedule::Keep(Box::new(next))));
        }
        Ok(Some(changes))
    }

    /// A unit that postpones a message that cannot be moved, so that it does not hold up others.
    fn postponed(&self, waiting: &Scheduled, now: Timestamp, error: &Error) -> Changes {
        warn!(
            key = %waiting.key, error = format_args!("{error:#}"), next_try = ?RETRY_DELAY,
            "cannot move a scheduled message into the log, trying again"
        );
        let mut changes = self.taken(waiting, Counter::Replaced);
        let later = Scheduled { due: now + RETRY_DELAY, ..waiting.clone() };
        changes.schedules.push(Schedule::Keep(Box::new(later)));
        changes
    }

    /// The next message of a recurring command after a moment; none when its pattern has no more.
    fn next(&self, recurring: &RecurringCommand, after: Timestamp) -> Result<Option<Scheduled>> {
        let Some(due) = recurring.times.after(after) else { return Ok(None) };
        let key = self.key(recurring);
        let message = recurring.message(self.domain.env(), &key, due)?;
        Ok(Some(Scheduled::at(due, key, message)))
    }

    fn key(&self, recurring: &RecurringCommand) -> Arc<str> {
        format!("{}{RECURRING}{}", self.domain.name(), recurring.name).into()
    }

    /// A unit that removes a message from the schedule and adds one to this counter.
    fn taken(&self, waiting: &Scheduled, counter: Counter) -> Changes {
        let mut changes = Changes::new(self.domain.lanes().lane(waiting.message.priority));
        let (key, id) = (Arc::clone(&waiting.key), Arc::clone(&waiting.message.id));
        changes.schedules.push(Schedule::Take { key, id, counter });
        changes
    }
}

fn recorded(message: &Message, place: &Place) -> Recorded {
    let Place { position, stream_position } = *place;
    Recorded { position, stream_position, message: message.clone() }
}

/// Schedules commands instead of appending them.
pub(super) fn scheduled(mut changes: Changes, due: Timestamp) -> Changes {
    let appended = std::mem::take(&mut changes.appends).into_iter();
    let kept = appended.map(|Append { message, .. }| {
        Schedule::Keep(Box::new(Scheduled::at(due, Arc::clone(&message.id), message)))
    });
    changes.schedules.extend(kept);
    changes
}
