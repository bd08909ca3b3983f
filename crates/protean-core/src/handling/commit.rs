//! Committing one unit by itself.

use std::sync::Arc;

use protean_port::message::Recorded;
use protean_port::port::{Changes, Outcome, Place, Store};
use protean_port::{Error, Result};

/// What came of committing one unit.
pub(crate) enum Committed {
    /// It is durable; these are its messages.
    Now(Vec<Recorded>),
    /// This message has the idempotency key of the command already.
    Before { message_id: Arc<str>, output: Option<Arc<str>> },
    /// It has to be run again on fresh state.
    Stale(String),
}

/// Commits one unit.
pub(crate) async fn commit(store: &dyn Store, changes: Changes) -> Result<Committed> {
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
