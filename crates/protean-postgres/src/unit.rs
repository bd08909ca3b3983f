//! Decides in memory what one unit of work changes, in a fixed order. The log's lock keeps
//! other writers from changing what the decision depends on.

use std::sync::Arc;

use protean_port::message::{Category, Message, Priority, Stream};
use protean_port::port::{
    Append, Changes, Count, Dead, Expect, KeyClaim, KeyWrite, MessageRef, Outcome, Park, Place,
    ProgressMove, Schedule, left_out,
};

use crate::intake_changes;
use crate::refusal::Refusal;
use crate::touched::Names;
use crate::working_set::{Move, Slot, WorkingSet};

/// Applies a unit, except for its rows, and returns the places of its messages. The caller
/// must undo the changes of a refused unit.
pub(crate) fn apply<'a>(
    working_set: &mut WorkingSet<'a>,
    unit: &'a Changes,
) -> Result<Vec<Place>, Refusal> {
    let present = working_set.correlations;
    if let Some(made_by) = unit.correlated.filter(|made_by| *made_by != present) {
        return Err(Refusal::LeftOut(left_out::correlated_otherwise(made_by, present)));
    }
    for write in &unit.keys {
        write_key(working_set, write)?;
    }
    let appends = unit.appends.iter().map(|append| append_one(working_set, append));
    let places: Vec<Place> = appends.collect::<Result<_, _>>()?;
    for schedule in &unit.schedules {
        write_schedule(working_set, schedule)?;
    }
    for change in &unit.intake {
        intake_changes::decide(working_set, change)?;
    }
    for step in &unit.progress {
        advance(working_set, step)?;
    }
    for mark in &unit.marks {
        let messages = &working_set.messages;
        let appended = |category: &Category, priority: Priority, before: u64| {
            let mut earlier = messages.all().iter().rev().filter(|(at, _)| at.position < before);
            let same_lane = |(_, message): &&(Place, &Message)| {
                message.priority == priority && message.stream.category() == category
            };
            earlier.find(same_lane).map(|(at, _)| at.position)
        };
        working_set.coalesced.mark(mark, &places, &appended)?;
    }
    for park in &unit.parks {
        move_parked(working_set, park)?;
    }
    for dead in &unit.dead {
        move_dead_letter(working_set, dead)?;
    }
    for count in &unit.counts {
        working_set.coalesced.count(count);
    }
    Ok(places)
}

fn write_key(working_set: &mut WorkingSet<'_>, write: &KeyWrite) -> Result<(), Refusal> {
    let (KeyWrite::Claim(claim) | KeyWrite::Settle(claim)) = write;
    let names = (Arc::clone(&claim.command), Arc::clone(&claim.key));
    let known = working_set.keys.get(&names);
    match (write, known) {
        (KeyWrite::Claim(_), Some(known))
            if known.expires > claim.time && known.message_id != claim.message_id =>
        {
            let (message_id, output) = (Arc::clone(&known.message_id), known.output.clone());
            return Err(Refusal::LeftOut(Outcome::Duplicate { message_id, output }));
        }
        (KeyWrite::Claim(_), _) => working_set.keys.set(names, claim.clone()),
        (KeyWrite::Settle(_), Some(known)) if known.message_id == claim.message_id => {
            let (output, expires) = (claim.output.clone(), claim.expires);
            let settled = KeyClaim { output, expires, ..known.clone() };
            working_set.keys.set(names, settled);
        }
        (KeyWrite::Settle(_), _) => {}
    }
    Ok(())
}

fn write_schedule<'a>(
    working_set: &mut WorkingSet<'a>,
    schedule: &'a Schedule,
) -> Result<(), Refusal> {
    let key = schedule.key();
    let known = match working_set.scheduled.get(key) {
        Some(Slot::Kept(known)) => Some(known),
        Some(Slot::New(scheduled)) => Some(&scheduled.message.id),
        Some(Slot::Free) | None => None,
    };
    let is_known = known.is_some();
    let slot = match schedule {
        Schedule::Keep(scheduled) => Slot::New(scheduled),
        Schedule::Take { id, .. } if known != Some(id) => {
            return Err(Refusal::LeftOut(left_out::not_scheduled(key)));
        }
        Schedule::Take { .. } | Schedule::Drop(_) => Slot::Free,
    };
    working_set.scheduled.set(Arc::clone(key), slot);
    for counter in schedule.counters(is_known) {
        working_set.coalesced.count(&Count::of_schedule(counter));
    }
    Ok(())
}

fn append_one<'a>(working_set: &mut WorkingSet<'a>, append: &'a Append) -> Result<Place, Refusal> {
    let stream = append.message.stream.name();
    let next = working_set.streams.get(&stream).copied().unwrap_or(0);
    match append.expect {
        Expect::At(position) if position < next => {
            let outcome = left_out::position_taken(&append.message.stream, position);
            return Err(Refusal::LeftOut(outcome));
        }
        Expect::At(position) if position > next => {
            let outcome = left_out::position_ahead(&append.message.stream, position);
            return Err(Refusal::LeftOut(outcome));
        }
        Expect::At(_) | Expect::End => {}
    }
    let place = Place { position: working_set.next_position(), stream_position: next };
    working_set.messages.push((place, &append.message));
    working_set.streams.set(stream, next + 1);
    Ok(place)
}

fn advance(working_set: &mut WorkingSet<'_>, step: &ProgressMove) -> Result<(), Refusal> {
    let (group, stream, position) = (&step.group, &step.stream, step.position);
    let next = expected(working_set, group, stream);
    if next != position {
        return Err(Refusal::LeftOut(left_out::out_of_turn(group, stream, next, position)));
    }
    working_set.progress.set(names(group, stream), position + 1);
    Ok(())
}

fn expected(working_set: &WorkingSet<'_>, group: &Arc<str>, stream: &Stream) -> u64 {
    working_set.progress.get(&names(group, stream)).copied().unwrap_or(0)
}

fn names(group: &Arc<str>, stream: &Stream) -> Names {
    (Arc::clone(group), stream.name())
}

fn move_parked<'a>(working_set: &mut WorkingSet<'a>, park: &'a Park) -> Result<(), Refusal> {
    match park {
        Park::Keep { group, message, .. } => keep(working_set, group, message),
        Park::Hold { group, message, .. } => {
            let MessageRef { stream, stream_position, .. } = message;
            if !is_blocked(working_set, group, stream, *stream_position) {
                return Err(Refusal::LeftOut(left_out::nothing_to_wait_for(group, message)));
            }
            keep(working_set, group, message);
        }
        Park::Take { group, message } => {
            let names = names(group, &message.stream);
            let mut parked = working_set.parked.get(&names).cloned().unwrap_or_default();
            if parked.remove(&message.position).is_none() {
                return Err(Refusal::LeftOut(left_out::not_parked(group, message.position)));
            }
            working_set.parked.set(names, parked);
        }
        Park::Release { .. } => {}
    }
    working_set.moves.push(Move::Park(park));
    Ok(())
}

fn keep(working_set: &mut WorkingSet<'_>, group: &Arc<str>, message: &MessageRef) {
    let names = names(group, &message.stream);
    let mut parked = working_set.parked.get(&names).cloned().unwrap_or_default();
    parked.insert(message.position, message.stream_position);
    working_set.parked.set(names, parked);
}

fn is_blocked(
    working_set: &WorkingSet<'_>,
    group: &Arc<str>,
    stream: &Stream,
    position: u64,
) -> bool {
    let (names, next) = (names(group, stream), expected(working_set, group, stream));
    let mut blocking =
        [working_set.parked.get(&names), working_set.dead.get(&names)].into_iter().flatten();
    blocking.any(|places| places.values().any(|at| (next..position).contains(at)))
}

fn move_dead_letter<'a>(working_set: &mut WorkingSet<'a>, dead: &'a Dead) -> Result<(), Refusal> {
    let (Dead::Add { group, message, .. } | Dead::Take { group, message }) = dead;
    let MessageRef { position, stream, stream_position, .. } = message;
    let names = names(group, stream);
    let mut dead_letters = working_set.dead.get(&names).cloned().unwrap_or_default();
    match dead {
        Dead::Add { in_turn, .. } => {
            let (next, found) = (expected(working_set, group, stream), *stream_position);
            if *in_turn && next != found {
                return Err(Refusal::LeftOut(left_out::out_of_turn(group, stream, next, found)));
            }
            dead_letters.insert(*position, *stream_position);
            let mut parked = working_set.parked.get(&names).cloned().unwrap_or_default();
            parked.remove(position);
            working_set.parked.set(names.clone(), parked);
        }
        Dead::Take { .. } => {
            if dead_letters.remove(position).is_none() {
                return Err(Refusal::LeftOut(left_out::not_dead(group, *position)));
            }
        }
    }
    working_set.dead.set(names, dead_letters);
    working_set.moves.push(Move::Dead(dead));
    Ok(())
}
