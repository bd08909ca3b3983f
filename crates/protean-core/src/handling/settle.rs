//! From a verdict to what is kept: pure, and the only place where messages are
//! parked, given up or counted.
//!
//! ```text
//! Done ───────▶ effects, progress, count
//! Ignored, Expired, Duplicate ─▶ progress, count
//! Retry ──────▶ parked until due ──(tries used up)──▶ dead
//! Held ───────▶ parked until the message before it is out of the way
//! Conflict, Unavailable, TooNew ─▶ parked until due, no attempt burnt
//! Rejected, Dead ─▶ dead letter; followers in its stream are held
//! Suspect ────▶ parked, the attempt burnt, due at once ──(tries used up)──▶ dead
//! ```

use std::sync::Arc;
use std::time::Duration;

use protean_port::message::{Lane, Timestamp};
use protean_port::port::{
    Changes, Count, Counter, Dead, Delivery, KeyWrite, MessageRef, Park, ProgressMove,
};

use super::group::Group;
use super::idempotency::error_ttl;
use super::kept_outcome::KeptOutcome;
use super::retry::{Backoff, jitter};
use super::verdict::Verdict;
use crate::config::OnDeadLetter;
use crate::unit::{CompletedUnit, Env};

/// The wait after an outage before a message is tried again.
const OUTAGE_WAIT: Duration = Duration::from_secs(1);

/// The wait for a newer version of the program before a message is tried again.
const NEWER_PROGRAM_WAIT: Duration = Duration::from_secs(5);

/// When a verdict falls, and in which lane.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Now, by the domain's clock.
    pub now: Timestamp,
    /// Now, by a clock that does not go back: what waits, waits from here.
    pub waits_from: Timestamp,
    /// The lane of the message.
    pub lane: Lane,
}

/// What a verdict leaves to be kept.
#[derive(Debug)]
pub struct Settled {
    /// Everything to commit for this message, short of the mark that it is settled.
    pub unit: CompletedUnit,
    /// The stream position the group expects next, when this moves it.
    pub next: Option<u64>,
    /// What becomes of the message.
    pub fate: Fate,
}

/// What becomes of the message, for [`telemetry`](super::telemetry).
#[derive(Debug)]
pub enum Fate {
    /// Its handler has completed.
    Handled,
    /// Settled for good without its handler, in this counter.
    Passed(Counter),
    /// It waits behind another one.
    Held,
    /// It is tried again, which costs an attempt.
    Retried,
    /// It is tried again, which costs none.
    Postponed,
    /// It is a dead letter.
    GivenUp,
    /// It would be a dead letter, if the group kept any.
    Dropped {
        /// The last attempt.
        attempt: u32,
        /// Why it failed.
        reason: String,
    },
}

impl Moment {
    /// The current moment, for callers without a retry clock.
    pub fn of(env: &Env, lane: Lane) -> Self {
        let now = env.now();
        Self { now, waits_from: now, lane }
    }
}

impl Settled {
    /// True when later messages of the stream have to wait for this one.
    pub fn is_in_the_way(&self) -> bool {
        let changes = &self.unit.changes;
        let kept = |park: &Park| matches!(park, Park::Keep { .. } | Park::Hold { .. });
        self.next.is_none() && (!changes.dead.is_empty() || changes.parks.iter().any(kept))
    }
}

/// Says what is to be kept for a verdict on a delivery to `group`.
pub fn settle(group: &Group, delivery: &Delivery, verdict: Verdict, moment: Moment) -> Settled {
    let mut settling = Settling::new(group, delivery, moment);
    match verdict {
        Verdict::Done(finished) => {
            settling.unit = *finished;
            settling.leave(Counter::Handled);
        }
        Verdict::Ignored => settling.pass(Counter::Ignored),
        Verdict::Expired => {
            settling.pass(Counter::Expired);
            settling.keep_failure(&KeptOutcome::Expired);
        }
        Verdict::Duplicate => settling.repeat(),
        Verdict::Held => settling.hold(),
        Verdict::Retry(reason) => settling.retry(reason),
        Verdict::Rejected(reason) => {
            settling.keep_failure(&KeptOutcome::Rejected(reason.clone()));
            settling.give_up(delivery.attempts + 1, reason);
        }
        Verdict::Dead(reason) => settling.die(delivery.attempts + 1, reason),
        Verdict::Conflict(reason, wait) => settling.wait(wait, reason),
        Verdict::Unavailable(reason) => settling.wait(OUTAGE_WAIT, reason),
        Verdict::TooNew(reason) => settling.wait(NEWER_PROGRAM_WAIT, reason),
        Verdict::Suspect => settling.charge(),
    }
    Settled { next: settling.next, unit: settling.unit, fate: settling.fate }
}

/// What is committed when the unit of a delivery is left out of its commit: the
/// message itself, due at once. One that is parked already stays as it is.
pub fn left_out(group: &Group, delivery: &Delivery, moment: Moment) -> Option<Changes> {
    let mut settling = Settling::new(group, delivery, moment);
    settling.wait(Duration::ZERO, "another writer came first, so the message runs again".into());
    (!delivery.parked).then_some(settling.unit.changes)
}

struct Settling<'a> {
    group: &'a Group,
    delivery: &'a Delivery,
    moment: Moment,
    unit: CompletedUnit,
    next: Option<u64>,
    fate: Fate,
}

impl<'a> Settling<'a> {
    fn new(group: &'a Group, delivery: &'a Delivery, moment: Moment) -> Self {
        let unit = CompletedUnit::empty(moment.lane);
        Self { group, delivery, moment, unit, next: None, fate: Fate::Handled }
    }

    fn changes(&mut self) -> &mut Changes {
        &mut self.unit.changes
    }

    fn name(&self) -> Arc<str> {
        Arc::clone(&self.group.name)
    }

    fn message(&self) -> MessageRef {
        MessageRef::from(&self.delivery.recorded)
    }

    /// Settled for good: counted, the group moves on, and what waited behind may run.
    fn leave(&mut self, counter: Counter) {
        self.count(counter);
        self.take();
        self.advance();
    }

    /// The same without its handler.
    fn pass(&mut self, counter: Counter) {
        self.fate = Fate::Passed(counter);
        self.leave(counter);
    }

    /// Handled before: counted beside the account, nothing moves.
    fn repeat(&mut self) {
        self.fate = Fate::Passed(Counter::Duplicate);
        self.count(Counter::Duplicate);
        self.take();
        self.release();
    }

    fn retry(&mut self, reason: String) {
        let attempts = self.delivery.attempts + 1;
        if attempts > self.group.subscription.max_retries {
            return self.die(attempts, reason);
        }
        let chance = jitter(self.delivery.recorded.position, attempts);
        let wait = Backoff::of_handler(self.group.subscription.retry_delay).wait(attempts, chance);
        self.fate = Fate::Retried;
        self.park(attempts, Some(self.moment.waits_from + wait), reason);
    }

    /// The attempt is counted before it is made: the process may not live to count it after.
    fn charge(&mut self) {
        let attempts = self.delivery.attempts;
        if attempts > self.group.subscription.max_retries {
            return self
                .die(attempts, "the process ended each time this message was handled".into());
        }
        let reason = "the process ended while this message was handled".into();
        // Should this process end too, the next one finds it before those behind it.
        let due = self.delivery.recorded.message.time.min(self.moment.waits_from);
        self.fate = Fate::Retried;
        self.park(attempts + 1, Some(due), reason);
    }

    fn wait(&mut self, wait: Duration, reason: String) {
        self.fate = Fate::Postponed;
        self.park(self.delivery.attempts, Some(self.moment.waits_from + wait), reason);
    }

    fn hold(&mut self) {
        self.fate = Fate::Held;
        let reason = "waits behind an earlier message of its stream".into();
        let (group, message, attempts) = (self.name(), self.message(), self.delivery.attempts);
        self.take();
        self.changes().parks.push(Park::Hold { group, message, attempts, reason });
    }

    fn die(&mut self, attempts: u32, reason: String) {
        self.keep_failure(&KeptOutcome::Dead(reason.clone()));
        self.give_up(attempts, reason);
    }

    fn give_up(&mut self, attempts: u32, reason: String) {
        if !self.group.subscription.enable_dlq {
            self.fate = Fate::Dropped { attempt: attempts, reason };
            return self.leave(Counter::Purged);
        }
        self.fate = Fate::GivenUp;
        let (group, message, time) = (self.name(), self.message(), self.moment.now);
        self.take();
        let skips = self.group.subscription.on_dead_letter == OnDeadLetter::Skip;
        let in_turn = self.group.is_ordered() && !skips && !self.delivery.is_replay();
        let buried = Dead::Add { group, message, attempts, reason, time, in_turn };
        self.changes().dead.push(buried);
        if skips {
            self.advance();
        }
    }

    /// Stores why a command failed, and frees its idempotency key soon, so that it can be sent
    /// again. Events have no key.
    fn keep_failure(&mut self, outcome: &KeptOutcome) {
        let message = &self.delivery.recorded.message;
        let expires = self.moment.now + error_ttl(message, self.group.idempotency);
        let settled = outcome.claim(message, expires);
        self.changes().keys.extend(settled.map(KeyWrite::Settle));
    }

    fn park(&mut self, attempts: u32, due: Option<Timestamp>, reason: String) {
        let (group, message) = (self.name(), self.message());
        self.take();
        self.changes().parks.push(Park::Keep { group, message, attempts, due, reason });
    }

    fn count(&mut self, counter: Counter) {
        let (group, category) = (self.name(), self.group.category.clone());
        self.changes().counts.push(Count { group, category, counter, count: 1 });
    }

    /// A parked message is taken out first: the unit is left out when that was done before.
    fn take(&mut self) {
        if self.delivery.parked {
            let (group, message) = (self.name(), self.message());
            self.changes().parks.push(Park::Take { group, message });
        }
    }

    /// An ordered group moves on to the next message of the stream, unless it
    /// has moved past this one already and only now runs it again.
    fn advance(&mut self) {
        if self.group.is_ordered() && !self.delivery.is_replay() {
            let recorded = &self.delivery.recorded;
            let (stream, position) = (recorded.message.stream.clone(), recorded.stream_position);
            let group = self.name();
            self.changes().progress.push(ProgressMove { group, stream, position });
            self.next = Some(position + 1);
            self.release();
        }
    }

    /// Lets those run that wait in the stream behind a parked message.
    fn release(&mut self) {
        if self.group.is_ordered() && self.delivery.parked {
            let stream = self.delivery.recorded.message.stream.clone();
            let (group, due) = (self.name(), self.moment.waits_from);
            self.changes().parks.push(Park::Release { group, stream, due });
        }
    }
}
