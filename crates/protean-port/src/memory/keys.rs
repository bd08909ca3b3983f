//! The names by which senders know their commands.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::unit::{Refused, State, Unit};
use crate::message::Timestamp;
use crate::port::{KeyClaim, KeyWrite, Outcome};

/// What each name of a type of command stands for.
pub(super) type Keys = BTreeMap<(Arc<str>, Arc<str>), KeyClaim>;

/// Claims a name, or says what became of the message that did.
pub(super) fn write(unit: &mut Unit<'_>, write: &KeyWrite) -> Refused {
    match write {
        KeyWrite::Claim(claim) => take(unit, claim),
        KeyWrite::Settle(claim) => {
            let held = unit.state().keys.get(&name(claim));
            if held.is_some_and(|held| held.message_id == claim.message_id) {
                unit.set(|state| &mut state.keys, name(claim), Some(claim.clone()));
            }
            Ok(())
        }
    }
}

fn take(unit: &mut Unit<'_>, claim: &KeyClaim) -> Refused {
    match unit.state().keys.get(&name(claim)) {
        Some(first) if first.expires > claim.time && first.message_id != claim.message_id => {
            let (message_id, output) = (Arc::clone(&first.message_id), first.output.clone());
            Err(Outcome::Duplicate { message_id, output })
        }
        _ => {
            unit.set(|state| &mut state.keys, name(claim), Some(claim.clone()));
            Ok(())
        }
    }
}

fn name(claim: &KeyClaim) -> (Arc<str>, Arc<str>) {
    (Arc::clone(&claim.command), Arc::clone(&claim.key))
}

/// What a name stands for that has not expired.
pub(super) fn known(
    state: &State,
    (command, key): (&str, &str),
    now: Timestamp,
) -> Option<KeyClaim> {
    let held = state.keys.get(&(Arc::from(command), Arc::from(key)));
    held.filter(|held| held.expires > now).cloned()
}

/// Forgets names that have expired.
pub(super) fn sweep(state: &mut State, now: Timestamp, limit: usize) -> usize {
    let expired = state.keys.iter().filter(|(_, claim)| claim.expires <= now);
    let expired: Vec<_> = expired.map(|(name, _)| name.clone()).take(limit).collect();
    expired.iter().filter(|name| state.keys.remove(*name).is_some()).count()
}
