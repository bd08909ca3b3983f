//! Idempotency keys.

use std::sync::Arc;

use super::state::{KeyId, State};
use super::unit::{Refused, Unit};
use crate::message::Timestamp;
use crate::port::{KeyClaim, KeyWrite, Outcome};

/// Claims a key, or stores the output of the message that claimed it.
pub(super) fn write(unit: &mut Unit<'_>, write: &KeyWrite) -> Refused {
    match write {
        KeyWrite::Claim(claim) => claim_key(unit, claim),
        KeyWrite::Settle(claim) => {
            let held = unit.state().keys.get(&id(claim));
            if held.is_some_and(|held| held.message_id == claim.message_id) {
                unit.set(|state| &mut state.keys, id(claim), Some(claim.clone()));
            }
            Ok(())
        }
    }
}

fn claim_key(unit: &mut Unit<'_>, claim: &KeyClaim) -> Refused {
    match unit.state().keys.get(&id(claim)) {
        Some(first) if first.expires > claim.time && first.message_id != claim.message_id => {
            let (message_id, output) = (Arc::clone(&first.message_id), first.output.clone());
            Err(Outcome::Duplicate { message_id, output })
        }
        _ => {
            unit.set(|state| &mut state.keys, id(claim), Some(claim.clone()));
            Ok(())
        }
    }
}

fn id(claim: &KeyClaim) -> KeyId {
    (Arc::clone(&claim.command), Arc::clone(&claim.key))
}

/// The claim of a key that has not expired.
pub(super) fn known(state: &State, command: &str, key: &str, now: Timestamp) -> Option<KeyClaim> {
    let held = state.keys.get(&(Arc::from(command), Arc::from(key)));
    held.filter(|held| held.expires > now).cloned()
}

/// Deletes expired keys, and returns how many.
pub(super) fn sweep(state: &mut State, now: Timestamp, limit: usize) -> usize {
    let expired: Vec<_> = state
        .keys
        .iter()
        .filter(|(_, claim)| claim.expires <= now)
        .map(|(id, _)| id.clone())
        .take(limit)
        .collect();
    expired.iter().filter(|id| state.keys.remove(*id).is_some()).count()
}
