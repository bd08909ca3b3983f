//! Synchronous processing of what a unit has appended: breadth first, after
//! its commit, each delivery in a unit of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use protean_port::message::Recorded;
use protean_port::port::{At, Delivery, Store};
use protean_port::{Error, Result};

use super::domain::Domain;
use crate::config::Processing;
use crate::handling::deliver::{Work, run};
use crate::handling::{
    Committed, Group, HandlerKind, NextStep, Verdict, commit_settled, is_unsettled, next_step,
    retry_on_conflict,
};
use crate::unit::{ReadMode, ReadOptions};

/// Delivers messages that are committed, and what they cause, to every group
/// that processes them synchronously.
///
/// # Errors
/// The first failure of a handler, marked as [`Error::committed`]: its message
/// is parked or dead. The other handlers have run all the same.
pub(super) async fn dispatch(
    domain: &Domain,
    store: &Arc<dyn Store>,
    messages: Vec<Recorded>,
) -> Result {
    let mut waiting = VecDeque::from(messages);
    let mut failure = None;
    while let Some(recorded) = waiting.pop_front() {
        for group in domain.groups() {
            if group.category == *recorded.message.stream.category() && is_now(domain, group) {
                let mut receiver = Receiver::of(domain, store, group);
                let (caused, failed) = receiver.deliver(&recorded).await;
                waiting.extend(caused);
                failure = failure.or(failed);
            }
        }
    }
    failure.map_or(Ok(()), |error| Err(error.after_commit()))
}

/// A group under the id that it has now.
fn under_id(domain: &Domain, named: &Arc<Group>) -> Arc<Group> {
    match domain.shared().ids.id(&named.name) {
        id if id == named.name => Arc::clone(named),
        id => Arc::new(named.with_id(id)),
    }
}

fn is_now(domain: &Domain, group: &Group) -> bool {
    let processing = match group.kind {
        HandlerKind::Commands => domain.config().command_processing,
        HandlerKind::Events | HandlerKind::Projector | HandlerKind::Process => {
            domain.config().event_processing
        }
        HandlerKind::Subscriber { .. } => domain.config().message_processing,
    };
    processing == Processing::Sync
}

/// What came of running a delivery.
#[derive(Default)]
struct Ran {
    caused: Vec<Recorded>,
    failure: Option<Error>,
    /// The verdict is committed, by us or by somebody else.
    kept: bool,
    /// Somebody else has settled the message.
    elsewhere: bool,
}

impl Ran {
    fn unkept(error: Error) -> Self {
        Self { failure: Some(error), ..Self::default() }
    }

    fn elsewhere() -> Self {
        Self { kept: true, elsewhere: true, ..Self::default() }
    }
}

/// A group that processes messages synchronously.
struct Receiver<'a> {
    domain: &'a Domain,
    store: &'a Arc<dyn Store>,
    named: &'a Arc<Group>,
    /// The group under its id, as a server runs it.
    group: Arc<Group>,
}

impl<'a> Receiver<'a> {
    fn of(domain: &'a Domain, store: &'a Arc<dyn Store>, named: &'a Arc<Group>) -> Self {
        Self { domain, store, named, group: under_id(domain, named) }
    }

    /// Delivers one message, after those before it in its stream that the group has not
    /// seen. Gives what the handlers appended and the first failure.
    async fn deliver(&mut self, recorded: &Recorded) -> (Vec<Recorded>, Option<Error>) {
        let (recorded, next) = (recorded.clone(), recorded.stream_position);
        let delivery = Delivery { recorded, next, attempts: 0, parked: false };
        let (mut caused, mut failure) = (Vec::new(), None);
        loop {
            let step = self.step(&delivery).await;
            let (mut done, ran) = step.unwrap_or_else(|error| (true, Ran::unkept(error)));
            // A group that its projection has left behind has settled everything there is.
            done &= !(ran.elsewhere && self.takes_another_id().await);
            caused.extend(ran.caused);
            failure = failure.or(ran.failure);
            // What could not be kept would come again in the same way.
            if done || !ran.kept {
                return (caused, failure);
            }
        }
    }

    /// Runs the message, or the one of its stream that has to run before; `true`
    /// when it was the message itself.
    async fn step(&self, delivery: &Delivery) -> Result<(bool, Ran)> {
        let next_step = match self.group.is_ordered() {
            true => next_step(&**self.store, &self.group, delivery, 0).await?,
            false => NextStep::Now,
        };
        Ok(match next_step {
            NextStep::Now => (true, self.attempt(delivery).await?),
            NextStep::First(first) => (false, self.attempt(&first).await?),
            NextStep::Duplicate => (true, Ran::elsewhere()),
            NextStep::Hold => {
                match self.keep(delivery, Verdict::Held).await {
                    // Another process has parked or settled it meanwhile: nothing failed.
                    Err(late) if late.is_conflict() => {}
                    kept => drop(kept?),
                }
                (true, Ran::default())
            }
        })
    }

    /// True when the group has got another id, since its projection was rebuilt: it goes on under
    /// that one.
    async fn takes_another_id(&mut self) -> bool {
        // What cannot be read now is noticed later.
        self.domain.shared().ids.refresh(&**self.store).await.unwrap_or_default();
        let now = under_id(self.domain, self.named);
        let before = std::mem::replace(&mut self.group, now);
        before.name != self.group.name
    }

    /// Runs a delivery until its effects commit, or until it is parked or dead.
    async fn attempt(&self, delivery: &Delivery) -> Result<Ran> {
        retry_on_conflict(self.domain.config(), |mode| self.attempt_once(delivery, mode)).await
    }

    async fn attempt_once(&self, delivery: &Delivery, mode: ReadMode) -> Result<Ran> {
        let Self { domain, store, group, .. } = self;
        let work = Work::logged(delivery, ReadOptions { overlay: None, mode });
        let verdict = run(domain.env(), store, group, work).await.verdict;
        match self.attempted(delivery, verdict).await {
            Err(late)
                if late.is_conflict()
                    && !is_unsettled(&***store, group, &delivery.recorded).await? =>
            {
                Ok(Ran::elsewhere())
            }
            ran => ran,
        }
    }

    /// Commits a verdict, or that the database refuses what it writes: so it would
    /// the next time.
    async fn attempted(&self, delivery: &Delivery, verdict: Verdict) -> Result<Ran> {
        let failure = failure_of(&self.group, delivery, &verdict);
        match self.keep(delivery, verdict).await.and_then(Committed::messages) {
            Ok(caused) => Ok(Ran { caused, failure, kept: true, elsewhere: false }),
            Err(refused) if refused.is_invalid() && failure.is_none() => {
                let verdict = Verdict::Rejected(refused.to_string());
                Box::pin(self.attempted(delivery, verdict)).await
            }
            // Only its effects cannot be committed: it is tried again, and is not forgotten.
            Err(error) if !error.is_conflict() && !error.is_unavailable() && failure.is_none() => {
                let verdict = Verdict::Retry(error.to_string());
                Box::pin(self.attempted(delivery, verdict)).await
            }
            Err(error) => Err(error),
        }
    }

    /// Settles a verdict on a message of the log and commits it.
    async fn keep(&self, delivery: &Delivery, verdict: Verdict) -> Result<Committed> {
        let Self { domain, store, group, .. } = self;
        let at = At::First(delivery.recorded.position);
        commit_settled(domain.env(), &***store, group, delivery, verdict, at).await
    }
}

/// The error for the caller, when a verdict is a failure.
fn failure_of(group: &Group, delivery: &Delivery, verdict: &Verdict) -> Option<Error> {
    let (what, reason) = match verdict {
        Verdict::Retry(reason) | Verdict::Unavailable(reason) | Verdict::TooNew(reason) => {
            ("is parked", reason)
        }
        Verdict::Rejected(reason) | Verdict::Dead(reason) => ("is dead", reason),
        _ => return None,
    };
    let (handler, id) = (&group.handler, &delivery.recorded.message.id);
    Some(Error::failed(format!("{handler} failed, message {id} {what}: {reason}")))
}
