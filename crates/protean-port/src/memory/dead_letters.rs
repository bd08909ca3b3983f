//! Dead letters: messages given up.

use std::sync::Arc;

use super::ledger::{Group, Held, next, put_parked};
use super::unit::{Refused, State, Unit};
use crate::message::Timestamp;
use crate::port::{Dead, DeadLetter, DeadLetterRead, MessageRef, Outcome};

/// What is kept of a message given up; the message itself lies in the log.
#[derive(Clone)]
pub(super) struct Grave {
    pub(super) message: MessageRef,
    attempts: u32,
    reason: String,
    time: Timestamp,
}

/// Gives a message up, or takes it out again.
pub(super) fn write(unit: &mut Unit<'_>, dead: &Dead) -> Refused {
    match dead {
        Dead::Add { group, message, attempts, reason, time, in_turn } => {
            let MessageRef { stream, stream_position, .. } = message;
            if *in_turn && next(unit.state(), group, stream) != *stream_position {
                let place = format!("message {stream_position} of {stream}");
                return Err(Outcome::Stale(format!("{group} does not expect {place}")));
            }
            let (message, reason) = (message.clone(), reason.clone());
            put_parked(unit, group, message.position, None);
            put(
                unit,
                group,
                &message.clone(),
                Some(Grave { message, attempts: *attempts, reason, time: *time }),
            );
        }
        Dead::Take { group, message } => {
            let position = message.position;
            if !unit.state().books.dead.contains_key(&(Arc::clone(group), position)) {
                return Err(Outcome::Stale(format!("message {position} is not dead for {group}")));
            }
            put(unit, group, message, None);
        }
    }
    Ok(())
}

/// The one place where a dead message comes or goes, so that its index agrees.
fn put(unit: &mut Unit<'_>, group: &Group, message: &MessageRef, grave: Option<Grave>) {
    let place = (Arc::clone(group), message.stream.name(), message.stream_position, Held::Dead);
    let there = grave.as_ref().map(|_| message.position);
    unit.set(|state| &mut state.books.held, place, there);
    let key = (Arc::clone(group), message.position);
    unit.set(|state| &mut state.books.dead, key, grave);
}

/// Messages given up, in the order of the log.
pub(super) fn read(state: &State, read: &DeadLetterRead) -> Vec<DeadLetter> {
    let group: Group = read.group.as_str().into();
    let first = (Arc::clone(&group), read.after.saturating_add(1));
    let graves = state.books.dead.range(first..=(group, u64::MAX));
    let here = graves.filter(|(_, grave)| {
        *grave.message.category() == read.category && grave.time < read.before
    });
    let letters = here.filter_map(|((_, position), grave)| {
        let recorded = state.log.at(*position)?.clone();
        let Grave { attempts, reason, time, .. } = grave;
        Some(DeadLetter { recorded, attempts: *attempts, reason: reason.clone(), time: *time })
    });
    letters.take(read.limit).collect()
}
