//! Running a unit outside of the engine: run, commit, run again after a conflict.

use std::sync::Arc;
use std::time::Duration;

use protean_port::message::Recorded;
use protean_port::port::{Changes, Outcome, Place, Store};
use protean_port::{Error, Result};

use super::Domain;
use super::context::Context;
use super::dispatch::dispatch;
use super::scope::processing_priority;
use super::unit::{Reading, Unit};

/// Runs `work` until its changes commit, at most as often as `version_retry` allows.
pub(super) async fn unit_of_work<T, F>(domain: &Domain, work: F) -> Result<T>
where
    F: AsyncFn(&Context) -> Result<T>,
{
    let store = domain.store().await?;
    let mut tries = Tries::new(domain);
    loop {
        let reading = Reading { overlay: None, careful: tries.again() };
        let cause = domain.cause(None);
        let unit = Arc::new(Unit::new(domain.clone(), Arc::clone(store), cause, reading));
        let context = Context::new(Arc::clone(&unit), None);
        let priority = context.priority();
        let value = match processing_priority(priority, work(&context)).await {
            Err(error) if error.is_conflict() => {
                tries.wait(error).await?;
                continue;
            }
            value => value?,
        };
        match commit(&**store, unit.finish().changes).await? {
            Committed::Now(messages) => {
                dispatch(domain, store, messages).await?;
                return Ok(value);
            }
            Committed::Before { .. } => return Ok(value),
            Committed::Stale(what) => tries.wait(Error::conflict(what)).await?,
        }
    }
}

/// What came of committing one unit.
pub(super) enum Committed {
    /// It is durable; these are its messages.
    Now(Vec<Recorded>),
    /// The sender's name for the command was taken by this message.
    Before { message_id: Arc<str>, output: Option<Arc<str>> },
    /// It has to be run again on fresh state.
    Stale(String),
}

/// Commits one unit.
pub(super) async fn commit(store: &dyn Store, changes: Changes) -> Result<Committed> {
    let units: Arc<[Changes]> = Arc::from([changes]);
    let outcome = store.commit(Arc::clone(&units)).await.pop();
    match outcome {
        Some(Outcome::Committed(places)) => Ok(Committed::Now(recorded(&units[0], &places))),
        Some(Outcome::Duplicate { message_id, output }) => {
            Ok(Committed::Before { message_id, output })
        }
        Some(Outcome::Stale(what)) => Ok(Committed::Stale(what)),
        Some(Outcome::Rejected(violations)) => Err(Error::invalid(violations)),
        Some(Outcome::Unavailable(reason)) => Err(Error::unavailable(reason)),
        Some(Outcome::Dependent) | None => {
            Err(Error::failed("the store gave no outcome for a unit of its own"))
        }
    }
}

/// The messages of a unit with the places they got.
fn recorded(changes: &Changes, places: &[Place]) -> Vec<Recorded> {
    let messages = changes.appends.iter().map(|append| append.message.clone());
    let placed = messages.zip(places).map(|(message, place)| Recorded {
        position: place.position,
        stream_position: place.stream_position,
        message,
    });
    placed.collect()
}

/// Counts tries after conflicts.
pub(super) struct Tries {
    made: u32,
    most: u32,
    delay: (Duration, Duration),
}

impl Tries {
    pub(super) fn new(domain: &Domain) -> Self {
        let retry = &domain.config().server.version_retry;
        let most = if retry.enabled { retry.max_retries } else { 0 };
        Self { made: 0, most, delay: (retry.base_delay, retry.max_delay) }
    }

    /// True when this is not the first try.
    pub(super) fn again(&self) -> bool {
        self.made > 0
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// `error`, when there have been enough.
    pub(super) async fn wait(&mut self, error: Error) -> Result {
        if self.made == self.most {
            return Err(error);
        }
        let (base, longest) = self.delay;
        // The first try on fresh state is made at once: most conflicts are over by then.
        let wait = base.saturating_mul(self.made).min(longest);
        self.made += 1;
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
