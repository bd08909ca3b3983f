//! Appends to the log, and reads it for a group.

use std::sync::Arc;

use super::ledger;
use super::state::State;
use super::unit::{Refused, Unit};
use crate::message::Recorded;
use crate::port::{Append, Delivery, Expect, LaneRead, Place, left_out};

/// Appends a message, if its stream has the expected length.
pub(super) fn append(unit: &mut Unit<'_>, append: &Append) -> Refused<Place> {
    let (log, message) = (&unit.state().log, &append.message);
    let (category, priority) = (message.stream.category().clone(), message.priority);
    let stream_position = log.length(&message.stream);
    if let Expect::At(expected) = append.expect
        && expected != stream_position
    {
        let stream = &message.stream;
        return Err(match expected < stream_position {
            true => left_out::position_taken(stream, expected),
            false => left_out::position_ahead(stream, expected),
        });
    }
    let position = log.head() + 1;
    let number = log.count_after(&category, priority, 0) + 1;
    let recorded = Recorded { position, stream_position, message: message.clone() };
    unit.set(|state| &mut state.log.by_position, position, Some(recorded));
    let in_stream = (message.stream.name(), stream_position);
    unit.set(|state| &mut state.log.by_stream, in_stream, Some(position));
    unit.set(|state| &mut state.log.by_lane, (category, priority, position), Some(number));
    Ok(Place { position, stream_position })
}

/// The messages that a group has not settled, the highest priority first.
pub(super) fn lane(state: &State, read: &LaneRead) -> Vec<Delivery> {
    let group: Arc<str> = read.group.as_str().into();
    let mut deliveries = Vec::new();
    for priority in state.log.priorities(&read.category, read.range) {
        let read_to = read.after.iter().find(|(of, _)| *of == priority).map_or(0, |(_, at)| *at);
        let from = read_to.max(ledger::cursor(state, &group, &read.category, priority));
        let positions = state
            .log
            .positions_after(&read.category, priority, from)
            .filter(|at| !ledger::is_done(state, &group, &read.category, priority, *at))
            .take(read.limit - deliveries.len());
        deliveries.extend(positions.filter_map(|at| delivery(state, &group, at)));
        if deliveries.len() >= read.limit {
            break;
        }
    }
    deliveries
}

fn delivery(state: &State, group: &Arc<str>, position: u64) -> Option<Delivery> {
    let recorded = state.log.at(position)?.clone();
    let next = ledger::next(state, group, &recorded.message.stream);
    Some(Delivery { recorded, next, attempts: 0, parked: false })
}
