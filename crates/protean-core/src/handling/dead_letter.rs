//! Replaying and purging dead letters: pure, as `settle` is.

use std::sync::Arc;

use protean_port::port::{
    Changes, Count, Counter, Dead, DeadLetter, KeyWrite, MessageRef, Park, ProgressMove,
};

use super::group::Group;
use super::idempotency::{NEVER, key_claim};
use super::settle::Moment;

/// Lets a dead message run again, with all its tries before it: parked and due
/// at once. What waits behind it goes on waiting. A command claims its
/// idempotency key again: when another command has it by now, that one was sent in
/// its place, and the unit is left out.
pub fn replay(group: &Group, letter: &DeadLetter, moment: Moment) -> Changes {
    let mut changes = resend(&group.name, letter, moment);
    let named = key_claim(&letter.recorded.message, NEVER);
    changes.keys.extend(named.map(KeyWrite::Claim));
    changes
}

/// Lets a message that a relay has given up go out again, with all its tries
/// before it. Publishing does not claim the idempotency key; handling does.
pub fn resend(relay: &Arc<str>, letter: &DeadLetter, moment: Moment) -> Changes {
    let mut changes = taken(relay, letter, moment);
    changes.parks.push(Park::Keep {
        group: Arc::clone(relay),
        message: MessageRef::from(&letter.recorded),
        attempts: 0,
        due: Some(moment.waits_from),
        reason: format!("replayed; the message had been given up: {}", letter.reason),
    });
    changes
}

/// Drops a dead message for good: it is counted as purged, and an ordered group
/// that expects it (`next` is its place) moves on to those behind it.
pub fn purge(group: &Group, letter: &DeadLetter, next: u64, moment: Moment) -> Changes {
    let mut changes = taken(&group.name, letter, moment);
    let (name, category) = (Arc::clone(&group.name), group.category.clone());
    changes.counts.push(Count { group: name, category, counter: Counter::Purged, count: 1 });
    let position = letter.recorded.stream_position;
    if group.is_ordered() && next == position {
        let stream = letter.recorded.message.stream.clone();
        changes.progress.push(ProgressMove {
            group: Arc::clone(&group.name),
            stream: stream.clone(),
            position,
        });
        let (group, due) = (Arc::clone(&group.name), moment.waits_from);
        changes.parks.push(Park::Release { group, stream, due });
    }
    changes
}

fn taken(group: &Arc<str>, letter: &DeadLetter, moment: Moment) -> Changes {
    let mut changes = Changes::new(moment.lane);
    let message = MessageRef::from(&letter.recorded);
    changes.dead.push(Dead::Take { group: Arc::clone(group), message });
    changes
}
