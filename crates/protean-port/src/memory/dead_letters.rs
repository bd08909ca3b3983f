//! Dead letters: messages that were given up.

use std::sync::Arc;

use super::groups::{DeadMessage, GroupName, Held};
use super::ledger::{next, put_parked};
use super::state::State;
use super::unit::{Refused, Unit};
use crate::port::{Dead, DeadLetter, DeadLetterRead, MessageRef, left_out};

/// Adds a dead letter, or takes it out again.
pub(super) fn write(unit: &mut Unit<'_>, dead: &Dead) -> Refused {
    match dead {
        Dead::Add { group, message, attempts, reason, time, in_turn } => {
            let MessageRef { stream, stream_position, .. } = message;
            let next = next(unit.state(), group, stream);
            if *in_turn && next != *stream_position {
                return Err(left_out::out_of_turn(group, stream, next, *stream_position));
            }
            let (message, reason) = (message.clone(), reason.clone());
            put_parked(unit, group, message.position, None);
            let dead =
                DeadMessage { message: message.clone(), attempts: *attempts, reason, time: *time };
            put(unit, group, &message, Some(dead));
        }
        Dead::Take { group, message } => {
            let position = message.position;
            if !unit.state().groups.dead.contains_key(&(Arc::clone(group), position)) {
                return Err(left_out::not_dead(group, position));
            }
            put(unit, group, message, None);
        }
    }
    Ok(())
}

/// Adds or removes a dead letter. Nothing else does, so that the index agrees.
fn put(unit: &mut Unit<'_>, group: &GroupName, message: &MessageRef, dead: Option<DeadMessage>) {
    let place = (Arc::clone(group), message.stream.name(), message.stream_position, Held::Dead);
    let there = dead.as_ref().map(|_| message.position);
    unit.set(|state| &mut state.groups.held, place, there);
    let key = (Arc::clone(group), message.position);
    unit.set(|state| &mut state.groups.dead, key, dead);
}

/// The dead letters, in log order.
pub(super) fn read(state: &State, read: &DeadLetterRead) -> Vec<DeadLetter> {
    let group: GroupName = read.group.as_str().into();
    let first = (Arc::clone(&group), read.after.saturating_add(1));
    state
        .groups
        .dead
        .range(first..=(group, u64::MAX))
        .filter(|(_, dead)| *dead.message.category() == read.category && dead.time < read.before)
        .filter_map(|((_, position), dead)| {
            let recorded = state.log.at(*position)?.clone();
            let DeadMessage { attempts, reason, time, .. } = dead;
            Some(DeadLetter { recorded, attempts: *attempts, reason: reason.clone(), time: *time })
        })
        .take(read.limit)
        .collect()
}
