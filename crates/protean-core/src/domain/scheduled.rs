//! Commands and timers that wait for their time.

use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Id, Message, Priority};
use protean_port::message::{Recorded, Timestamp};
use protean_port::port::{
    Append, Changes, Expect, KeyWrite, Outcome, Place, Schedule, Scheduled, ScheduledPlace,
    ScheduledRead,
};
use protean_port::{Error, Result};
use tracing::warn;

use super::dispatch::dispatch;
use super::domain::Domain;
use crate::handling::{Missed, RecurringCommand, key_claim};

/// How late a recurring command is skipped that is not to make up for missed times.
const SKIPPED_FROM: Duration = Duration::from_secs(60);

/// When a message is tried again that the database has refused.
const REFUSED_WAIT: Duration = Duration::from_secs(60);
/// Stands in the key of a recurring command, between domain and name.
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
}

/// What came of cancelling a scheduled command.
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
        Self { domain }
    }

    /// Cancels a scheduled command by its id. Its idempotency key is free again.
    ///
    /// # Errors
    /// When the store cannot be read or written; it may be cancelled all the same.
    pub async fn cancel(&self, id: &Id) -> Result<Cancellation> {
        let store = self.domain.store().await?;
        let Some(waiting) = store.scheduled_under(id.as_str()).await? else {
            return Ok(Cancellation::TooLate);
        };
        let mut changes = self.taken(&waiting);
        let now = self.domain.clock().now();
        let freed = key_claim(&waiting.message, None, now);
        changes.keys.extend(freed.map(KeyWrite::Settle));
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

    /// True when a message of these priorities is due.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_due(&self, priorities: (Priority, Priority)) -> Result<bool> {
        let now = self.domain.env().store_clock.now();
        let read = ScheduledRead::due(now, priorities, 1);
        Ok(!self.domain.store().await?.scheduled(read).await?.is_empty())
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
        let mut moves = Vec::new();
        for waiting in &due {
            moves.extend(self.moved(waiting, now)?.map(|unit| (waiting, unit)));
        }
        let (due, units): (Vec<_>, Vec<Changes>) = moves.into_iter().unzip();
        let (mut released, mut refused, mut failure) = (Vec::new(), Vec::new(), None);
        for (waiting, outcome) in due.iter().zip(store.commit(units.into()).await) {
            match outcome {
                Outcome::Committed(places) => {
                    released.extend(places.first().map(|place| recorded(&waiting.message, place)));
                }
                Outcome::Unavailable(reason) => failure = Some(Error::unavailable(reason)),
                Outcome::Rejected(violations) => {
                    warn!(
                        key = %waiting.key, error = %violations,
                        "the database refuses a scheduled message, trying again in a minute"
                    );
                    refused.push(self.postponed(waiting, now));
                }
                // Cancelled, replaced, or moved by another process.
                _ => {}
            }
        }
        let moved = released.len();
        if !refused.is_empty() {
            drop(store.commit(refused.into()).await);
        }
        dispatch(self.domain, store, released).await?;
        failure.map_or(Ok(moved), Err)
    }

    /// Schedules each recurring command that is not scheduled, or was at other times.
    ///
    /// # Errors
    /// When the store cannot be read or written, or a command breaks the rules of its fields.
    pub async fn schedule_recurring(&self) -> Result {
        let now = self.domain.env().store_clock.now();
        for recurring in &self.domain.handlers().recurring {
            let key = self.key(recurring);
            let store = self.domain.store().await?;
            let waiting = store.scheduled_under(&key).await?;
            if waiting.is_some_and(|waiting| recurring.times.has(waiting.due)) {
                continue;
            }
            let Some(next) = self.next(recurring, now)? else { continue };
            let mut changes = Changes::new(self.domain.lanes().lane(next.message.priority));
            changes.schedules.push(Schedule::Keep(Box::new(next)));
            if let Some(Outcome::Unavailable(reason)) = store.commit([changes].into()).await.pop() {
                return Err(Error::unavailable(reason));
            }
        }
        Ok(())
    }

    /// A unit that moves a message into the log; with it, the next one of a recurring command is
    /// scheduled. None for one that only another program knows how to schedule again.
    fn moved(&self, waiting: &Scheduled, now: Timestamp) -> Result<Option<Changes>> {
        let mut changes = self.taken(waiting);
        let mut recurring = self.domain.handlers().recurring.iter();
        let recurring = recurring.find(|known| self.key(known) == waiting.key);
        if recurring.is_none() && waiting.key.contains(RECURRING) {
            return Ok(None);
        }
        let missed = recurring.map_or(Missed::Each, |recurring| recurring.missed);
        if missed != Missed::Skip || now <= waiting.due + SKIPPED_FROM {
            let message = waiting.message.clone();
            changes.appends.push(Append { message, expect: Expect::End });
        }
        if let Some(recurring) = recurring {
            let last = match missed {
                Missed::Each => waiting.due,
                Missed::Once | Missed::Skip => now.max(waiting.due),
            };
            let next = self.next(recurring, last)?;
            changes.schedules.extend(next.map(|next| Schedule::Keep(Box::new(next))));
        }
        Ok(Some(changes))
    }

    /// A unit after which a message is due a little later.
    fn postponed(&self, waiting: &Scheduled, now: Timestamp) -> Changes {
        let mut changes = self.taken(waiting);
        let later = Scheduled { due: now + REFUSED_WAIT, ..waiting.clone() };
        changes.schedules.push(Schedule::Keep(Box::new(later)));
        changes
    }

    /// What a recurring command is scheduled as, after a moment; none when it does not come again.
    fn next(&self, recurring: &RecurringCommand, after: Timestamp) -> Result<Option<Scheduled>> {
        let Some(due) = recurring.times.after(after) else { return Ok(None) };
        let key = self.key(recurring);
        let message = recurring.message(self.domain.env(), &key, due)?;
        Ok(Some(Scheduled { key, due, message }))
    }

    fn key(&self, recurring: &RecurringCommand) -> Arc<str> {
        format!("{}{RECURRING}{}", self.domain.name(), recurring.name).into()
    }

    fn taken(&self, waiting: &Scheduled) -> Changes {
        let mut changes = Changes::new(self.domain.lanes().lane(waiting.message.priority));
        let (key, id) = (Arc::clone(&waiting.key), Arc::clone(&waiting.message.id));
        changes.schedules.push(Schedule::Take { key, id });
        changes
    }
}

fn recorded(message: &Message, place: &Place) -> Recorded {
    let Place { position, stream_position } = *place;
    Recorded { position, stream_position, message: message.clone() }
}

/// A unit that schedules a command in place of appending it: it is made when it is due.
pub(super) fn scheduled(mut changes: Changes, due: Timestamp) -> Changes {
    let appended = std::mem::take(&mut changes.appends).into_iter();
    let kept = appended.map(|Append { message, .. }| {
        let (key, message) = (Arc::clone(&message.id), Message { time: due, ..message });
        Schedule::Keep(Box::new(Scheduled { key, due, message }))
    });
    changes.schedules.extend(kept);
    changes
}
