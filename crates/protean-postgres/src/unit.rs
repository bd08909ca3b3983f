//! Decides what one unit of work changes, in one fixed order and in memory:
//! while the transaction lasts nobody else changes what it rests on.

use std::sync::Arc;

use protean_port::message::{Category, Priority, Stream};
use protean_port::port::{
    Append, Changes, Dead, Expect, KeyClaim, KeyWrite, MessageRef, Outcome, Park, Place,
    ProgressMove,
};

use crate::picture::{Move, Names, Picture};
use crate::refusal::Refusal;

/// Applies a unit but for its rows and says where its messages land. Whatever a
/// refused unit has changed must be undone.
pub(crate) fn apply<'a>(
    picture: &mut Picture<'a>,
    unit: &'a Changes,
) -> Result<Vec<Place>, Refusal> {
    for write in &unit.keys {
        write_key(picture, write)?;
    }
    let appends = unit.appends.iter().map(|append| append_one(picture, append));
    let places: Vec<Place> = appends.collect::<Result<_, _>>()?;
    for step in &unit.progress {
        advance(picture, step)?;
    }
    for mark in &unit.marks {
        let messages = &picture.messages;
        let appended = |category: &Category, priority: Priority, before: u64| {
            let earlier = messages.all().iter().rev().filter(|(at, _)| at.position < before);
            let mut lane = earlier.filter(|(_, message)| {
                message.priority == priority && message.stream.category() == category
            });
            lane.next().map(|(at, _)| at.position)
        };
        picture.coalesced.mark(mark, &places, &appended)?;
    }
    for park in &unit.parks {
        move_parked(picture, park)?;
    }
    for dead in &unit.dead {
        move_dead(picture, dead)?;
    }
    for count in &unit.counts {
        picture.coalesced.count(count);
    }
    Ok(places)
}

fn write_key(picture: &mut Picture<'_>, write: &KeyWrite) -> Result<(), Refusal> {
    let (KeyWrite::Claim(claim) | KeyWrite::Settle(claim)) = write;
    let names = (Arc::clone(&claim.command), Arc::clone(&claim.key));
    let known = picture.keys.get(&names);
    match (write, known) {
        (KeyWrite::Claim(_), Some(known))
            if known.expires > claim.time && known.message_id != claim.message_id =>
        {
            let (message_id, output) = (Arc::clone(&known.message_id), known.output.clone());
            return Err(Refusal::LeftOut(Outcome::Duplicate { message_id, output }));
        }
        (KeyWrite::Claim(_), _) => picture.keys.set(names, claim.clone()),
        (KeyWrite::Settle(_), Some(known)) if known.message_id == claim.message_id => {
            let (output, expires) = (claim.output.clone(), claim.expires);
            let settled = KeyClaim { output, expires, ..known.clone() };
            picture.keys.set(names, settled);
        }
        (KeyWrite::Settle(_), _) => {}
    }
    Ok(())
}

fn append_one<'a>(picture: &mut Picture<'a>, append: &'a Append) -> Result<Place, Refusal> {
    let stream = append.message.stream.name();
    let next = picture.streams.get(&stream).copied().unwrap_or(0);
    match append.expect {
        Expect::At(position) if position < next => {
            return Err(Refusal::stale(format!(
                "'{stream}' has a message at position {position} already"
            )));
        }
        Expect::At(position) if position > next => {
            return Err(Refusal::stale(format!(
                "'{stream}' has no message before position {position}"
            )));
        }
        Expect::At(_) | Expect::End => {}
    }
    let place = Place { position: picture.next_position(), stream_position: next };
    picture.messages.push((place, &append.message));
    picture.streams.set(stream, next + 1);
    Ok(place)
}

fn advance(picture: &mut Picture<'_>, step: &ProgressMove) -> Result<(), Refusal> {
    let (group, stream, position) = (&step.group, &step.stream, step.position);
    let next = expected(picture, group, stream);
    if next != position {
        return Err(Refusal::stale(format!(
            "'{group}' expects message {next} of '{stream}', not {position}"
        )));
    }
    picture.progress.set(names(group, stream), position + 1);
    Ok(())
}

fn expected(picture: &Picture<'_>, group: &Arc<str>, stream: &Stream) -> u64 {
    picture.progress.get(&names(group, stream)).copied().unwrap_or(0)
}

fn names(group: &Arc<str>, stream: &Stream) -> Names {
    (Arc::clone(group), stream.name())
}

fn move_parked<'a>(picture: &mut Picture<'a>, park: &'a Park) -> Result<(), Refusal> {
    match park {
        Park::Keep { group, message, .. } => keep(picture, group, message),
        Park::Hold { group, message, .. } => {
            let MessageRef { stream, stream_position, .. } = message;
            if !is_blocked(picture, group, stream, *stream_position) {
                return Err(Refusal::stale(format!(
                    "no message of {stream} before {stream_position} is in the way of '{group}'"
                )));
            }
            keep(picture, group, message);
        }
        Park::Take { group, message } => {
            let names = names(group, &message.stream);
            let mut parked = picture.parked.get(&names).cloned().unwrap_or_default();
            if parked.remove(&message.position).is_none() {
                let position = message.position;
                let told = format!("message {position} is not parked for '{group}'");
                return Err(Refusal::stale(told));
            }
            picture.parked.set(names, parked);
        }
        Park::Release { .. } => {}
    }
    picture.moves.push(Move::Park(park));
    Ok(())
}

fn keep(picture: &mut Picture<'_>, group: &Arc<str>, message: &MessageRef) {
    let names = names(group, &message.stream);
    let mut parked = picture.parked.get(&names).cloned().unwrap_or_default();
    parked.insert(message.position, message.stream_position);
    picture.parked.set(names, parked);
}

fn is_blocked(picture: &Picture<'_>, group: &Arc<str>, stream: &Stream, position: u64) -> bool {
    let (names, next) = (names(group, stream), expected(picture, group, stream));
    let mut ways = [picture.parked.get(&names), picture.dead.get(&names)].into_iter().flatten();
    ways.any(|places| places.values().any(|at| (next..position).contains(at)))
}

fn move_dead<'a>(picture: &mut Picture<'a>, dead: &'a Dead) -> Result<(), Refusal> {
    let (Dead::Add { group, message, .. } | Dead::Take { group, message }) = dead;
    let MessageRef { position, stream, stream_position, .. } = message;
    let names = names(group, stream);
    let mut buried = picture.dead.get(&names).cloned().unwrap_or_default();
    match dead {
        Dead::Add { in_turn, .. } => {
            if *in_turn && expected(picture, group, stream) != *stream_position {
                let place = format!("message {stream_position} of '{stream}'");
                return Err(Refusal::stale(format!("'{group}' does not expect {place}")));
            }
            buried.insert(*position, *stream_position);
            let mut parked = picture.parked.get(&names).cloned().unwrap_or_default();
            parked.remove(position);
            picture.parked.set(names.clone(), parked);
        }
        Dead::Take { .. } => {
            if buried.remove(position).is_none() {
                let told = format!("message {position} is not dead for '{group}'");
                return Err(Refusal::stale(told));
            }
        }
    }
    picture.dead.set(names, buried);
    picture.moves.push(Move::Dead(dead));
    Ok(())
}
