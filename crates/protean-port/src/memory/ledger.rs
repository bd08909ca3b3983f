//! The ledger: what each group has done with each message.

use std::sync::Arc;

use super::groups::{GroupLane, GroupName, Held, ParkedMessage};
use super::state::State;
use super::unit::{Refused, Unit};
use crate::message::{Category, Priority, Stream, Timestamp};
use crate::port::{
    At, Count, Counter, Delivery, DoneMark, GroupRegistration, GroupStatus, MessageRef, Park,
    ParkedNote, ParkedPage, ParkedRead, Place, PriorityStatus, ProgressMove, RegisteredGroup,
    Start, left_out,
};

/// A group that starts here has settled every message there will ever be.
pub(super) const RETIRED: u64 = u64::MAX;

/// Registers new groups where they begin; known groups stay unchanged.
pub(super) fn register(state: &mut State, registrations: &[GroupRegistration]) {
    let head = state.log.head();
    for registration in registrations {
        let start = match registration.start {
            Start::Beginning => 0,
            Start::Head => head,
        };
        // A process that has not noticed a swap knows the group by its former id.
        let start = if state.group_ids.is_former(&registration.group) { RETIRED } else { start };
        let key = (registration.group.as_str().into(), registration.category.clone());
        let versions = state.groups.versions.entry(Clone::clone(&key)).or_default();
        versions.add(registration);
        state.groups.starts.entry(key).or_insert(start);
        let GroupRegistration { group, category, correlations, .. } = registration;
        state.correlations.register(group, category, correlations);
    }
}

/// Moves an ordered group on by one message.
pub(super) fn advance(unit: &mut Unit<'_>, step: &ProgressMove) -> Refused {
    let next = next(unit.state(), &step.group, &step.stream);
    if next != step.position {
        return Err(left_out::out_of_turn(&step.group, &step.stream, next, step.position));
    }
    let key = (Arc::clone(&step.group), step.stream.name());
    unit.set(|state| &mut state.groups.progress, key, Some(next + 1));
    Ok(())
}

/// Settles messages of a group.
pub(super) fn mark(unit: &mut Unit<'_>, mark: &DoneMark, places: &[Place]) -> Refused {
    let lane = (Arc::clone(&mark.group), mark.category.clone(), mark.priority);
    let cursor = cursor(unit.state(), &lane.0, &lane.1, lane.2);
    match mark.at {
        At::UpTo(position) => move_cursor(unit, lane, cursor.max(position)),
        At::Only(position) => settle(unit, lane, position, cursor),
        At::First(position) => {
            let done = unit.state().groups.done.contains_key(&(lane.clone(), position));
            if position <= cursor || done {
                return Err(left_out::already_settled(mark, position));
            }
            settle(unit, lane, position, cursor);
        }
        At::Appended(index) => {
            let Some(Place { position, .. }) = places.get(index).copied() else {
                return Err(left_out::not_appended(index, places.len()));
            };
            settle(unit, lane, position, cursor);
        }
    }
    Ok(())
}

/// Settles one message. The cursor moves to it if no unsettled message lies between.
fn settle(unit: &mut Unit<'_>, lane: GroupLane, position: u64, cursor: u64) {
    let log = &unit.state().log;
    if log.positions_after(&lane.1, lane.2, cursor).next() == Some(position) {
        move_cursor(unit, lane, position);
    } else if position > cursor {
        unit.set(|state| &mut state.groups.done, (lane, position), Some(()));
    }
}

/// Moves a cursor, and further past messages that are settled already.
fn move_cursor(unit: &mut Unit<'_>, lane: GroupLane, position: u64) {
    let State { log, groups, .. } = unit.state();
    let later = log.positions_after(&lane.1, lane.2, position);
    let settled = later.take_while(|later| groups.done.contains_key(&(lane.clone(), *later)));
    let position = settled.last().unwrap_or(position);
    let passed = (lane.clone(), 0)..=(lane.clone(), position);
    let passed: Vec<_> =
        unit.state().groups.done.range(passed).map(|(key, ())| key.clone()).collect();
    for key in passed {
        unit.set(|state| &mut state.groups.done, key, None);
    }
    unit.set(|state| &mut state.groups.cursors, lane, Some(position));
}

/// Parks messages, or takes them out again.
pub(super) fn park(unit: &mut Unit<'_>, park: &Park) -> Refused {
    match park {
        Park::Keep { group, message, attempts, due, reason } => {
            let parked = ParkedMessage {
                message: message.clone(),
                attempts: *attempts,
                due: *due,
                reason: reason.clone(),
            };
            put_parked(unit, group, message.position, Some(parked));
        }
        Park::Hold { group, message, attempts, reason } => {
            let MessageRef { stream, stream_position, .. } = message;
            if !blocked(unit.state(), group, stream, *stream_position) {
                return Err(left_out::nothing_to_wait_for(group, message));
            }
            let parked = ParkedMessage {
                message: message.clone(),
                attempts: *attempts,
                due: None,
                reason: reason.clone(),
            };
            put_parked(unit, group, message.position, Some(parked));
        }
        Park::Take { group, message } => {
            let key = (Arc::clone(group), message.position);
            if !unit.state().groups.parked.contains_key(&key) {
                return Err(left_out::not_parked(group, message.position));
            }
            put_parked(unit, group, message.position, None);
        }
        Park::Release { group, stream, due } => {
            for (position, parked) in waiting(unit.state(), group, stream) {
                put_parked(
                    unit,
                    group,
                    position,
                    Some(ParkedMessage { due: Some(*due), ..parked }),
                );
            }
        }
    }
    Ok(())
}

fn waiting(state: &State, group: &GroupName, stream: &Stream) -> Vec<(u64, ParkedMessage)> {
    let first = (Arc::clone(group), stream.name(), 0, Held::Parked);
    let last = (Arc::clone(group), stream.name(), u64::MAX, Held::Dead);
    let held =
        state.groups.held.range(first..=last).filter(|((.., kind), _)| *kind == Held::Parked);
    let parked = held.filter_map(|(_, position)| {
        let parked = state.groups.parked.get(&(Arc::clone(group), *position))?;
        parked.due.is_none().then(|| (*position, parked.clone()))
    });
    parked.collect()
}

/// Adds or removes a parked message. Nothing else does, so that the indexes agree.
pub(super) fn put_parked(
    unit: &mut Unit<'_>,
    group: &GroupName,
    position: u64,
    parked: Option<ParkedMessage>,
) {
    let key = (Arc::clone(group), position);
    let before = unit.state().groups.parked.get(&key).cloned();
    for (parked, there) in [(before.as_ref(), None), (parked.as_ref(), Some(()))] {
        let Some(ParkedMessage { message, due, .. }) = parked else { continue };
        let place =
            (Arc::clone(group), message.stream.name(), message.stream_position, Held::Parked);
        unit.set(|state| &mut state.groups.held, place, there.map(|()| position));
        if let Some(due) = *due {
            let lane = (Arc::clone(group), message.category().clone(), message.priority);
            let time = (lane, due, position);
            unit.set(|state| &mut state.groups.due, time, there);
        }
    }
    unit.set(|state| &mut state.groups.parked, key, parked);
}

/// Adds to a counter.
pub(super) fn count(unit: &mut Unit<'_>, count: &Count) {
    let key = (Arc::clone(&count.group), count.category.clone(), count.counter);
    let before = unit.state().groups.counts.get(&key).copied().unwrap_or(0);
    unit.set(|state| &mut state.groups.counts, key, Some(before + count.count));
}

/// The stream position that a group expects next: the one after its progress, or else the
/// first one committed after the group began.
pub(super) fn next(state: &State, group: &GroupName, stream: &Stream) -> u64 {
    let key = (Arc::clone(group), stream.name());
    let moved = state.groups.progress.get(&key).copied();
    let first = || state.log.length_at(stream, start(state, group, stream.category()));
    moved.unwrap_or_else(first)
}

/// Those of the messages at these positions that are parked or not settled.
pub(super) fn recall(
    state: &State,
    group: &str,
    category: &Category,
    positions: &[u64],
) -> Vec<Delivery> {
    let group: GroupName = group.into();
    let mut positions = positions.to_vec();
    positions.sort_unstable();
    positions.dedup();
    let recalled = positions.iter().filter_map(|at| {
        let recorded =
            state.log.at(*at).filter(|found| found.message.stream.category() == category)?;
        let priority = recorded.message.priority;
        let settled = *at <= cursor(state, &group, category, priority)
            || is_done(state, &group, category, priority, *at);
        delivery(state, &group, *at).or_else(|| {
            let next = next(state, &group, &recorded.message.stream);
            let recorded = recorded.clone();
            (!settled).then_some(Delivery { recorded, next, attempts: 0, parked: false })
        })
    });
    recalled.collect()
}

/// Every registered group with its categories.
pub(super) fn registered_groups(state: &State) -> Vec<RegisteredGroup> {
    let versions = state.groups.versions.iter();
    let registered = versions.map(|((group, category), versions)| RegisteredGroup {
        group: group.to_string(),
        category: category.clone(),
        versions: versions.clone(),
    });
    registered.collect()
}

/// Deletes everything about a group.
pub(super) fn forget(state: &mut State, group: &str) {
    forget_work(state, group);
    state.groups.starts.retain(|(of, _), _| **of != *group);
    state.groups.versions.retain(|(of, _), _| **of != *group);
    state.correlations.forget(group);
}

/// Deletes everything about a group but its registration.
pub(super) fn forget_work(state: &mut State, group: &str) {
    let groups = &mut state.groups;
    groups.cursors.retain(|(of, ..), _| **of != *group);
    groups.done.retain(|((of, ..), _), ()| **of != *group);
    groups.progress.retain(|(of, _), _| **of != *group);
    groups.parked.retain(|(of, _), _| **of != *group);
    groups.due.retain(|((of, ..), ..), ()| **of != *group);
    groups.dead.retain(|(of, _), _| **of != *group);
    groups.held.retain(|(of, ..), _| **of != *group);
    groups.counts.retain(|(of, ..), _| **of != *group);
}

/// The position up to which a group has settled every message of a priority.
pub(super) fn cursor(state: &State, group: &GroupName, of: &Category, priority: Priority) -> u64 {
    let lane = (Arc::clone(group), of.clone(), priority);
    let moved = state.groups.cursors.get(&lane).copied().unwrap_or(0);
    moved.max(start(state, group, of))
}

fn start(state: &State, group: &GroupName, category: &Category) -> u64 {
    let key = (Arc::clone(group), category.clone());
    state.groups.starts.get(&key).copied().unwrap_or(0)
}

/// True when a message after the cursor is settled.
pub(super) fn is_done(
    state: &State,
    group: &GroupName,
    category: &Category,
    priority: Priority,
    position: u64,
) -> bool {
    let lane = (Arc::clone(group), category.clone(), priority);
    state.groups.done.contains_key(&(lane, position))
}

/// True when an earlier message of the stream is parked or dead, and the group has not moved
/// past it.
pub(super) fn blocked(state: &State, group: &str, stream: &Stream, position: u64) -> bool {
    let group: GroupName = group.into();
    // A range that ends before its start would panic.
    let next = next(state, &group, stream).min(position);
    let first = (Arc::clone(&group), stream.name(), next, Held::Parked);
    let end = (group, stream.name(), position, Held::Parked);
    state.groups.held.range(first..end).next().is_some()
}

/// The parked messages of a range that are due, and when the next one is.
pub(super) fn parked(state: &State, read: &ParkedRead) -> ParkedPage {
    let group: GroupName = read.group.as_str().into();
    let mut times = Vec::new();
    for priority in state.log.priorities(&read.category, read.range) {
        let lane = (Arc::clone(&group), read.category.clone(), priority);
        let first = (lane.clone(), Timestamp::from_micros(i64::MIN), 0);
        let last = (lane, Timestamp::from_micros(i64::MAX), u64::MAX);
        let of_lane = state.groups.due.range(first..=last).map(|((_, due, at), ())| (*due, *at));
        // One more than requested: the first message beyond the page says when to read again.
        times.extend(of_lane.take(read.limit.saturating_add(1)));
    }
    times.sort_unstable();
    let due = times.iter().take_while(|(due, _)| *due <= read.now).count().min(read.limit);
    ParkedPage {
        due: times[..due].iter().filter_map(|(_, at)| delivery(state, &group, *at)).collect(),
        next_due: times.get(due).map(|(due, _)| *due),
    }
}

/// What is noted about a parked message.
pub(super) fn parked_note(state: &State, group: &str, position: u64) -> Option<ParkedNote> {
    let parked = state.groups.parked.get(&(group.into(), position))?;
    let ParkedMessage { attempts, due, reason, .. } = parked.clone();
    Some(ParkedNote { attempts, due, reason })
}

fn delivery(state: &State, group: &GroupName, position: u64) -> Option<Delivery> {
    let attempts = state.groups.parked.get(&(Arc::clone(group), position))?.attempts;
    let recorded = state.log.at(position)?.clone();
    let next = next(state, group, &recorded.message.stream);
    Some(Delivery { recorded, next, attempts, parked: true })
}

/// The status of a group in a category.
pub(super) fn status(state: &State, group: &str, category: &Category) -> GroupStatus {
    let group: GroupName = group.into();
    let priorities = state.log.priorities(category, Priority::ALL);
    let start = start(state, &group, category);
    let committed = priorities.iter().map(|of| state.log.count_after(category, *of, start)).sum();
    let counts = Counter::ALL
        .into_iter()
        .filter_map(|counter| {
            let key = (Arc::clone(&group), category.clone(), counter);
            Some((counter, *state.groups.counts.get(&key)?))
        })
        .collect();
    let lanes = priorities.iter().map(|of| priority_status(state, &group, category, *of)).collect();
    GroupStatus { committed, counts, lanes }
}

fn priority_status(
    state: &State,
    group: &GroupName,
    of: &Category,
    priority: Priority,
) -> PriorityStatus {
    let State { log, groups, .. } = state;
    let cursor = cursor(state, group, of, priority);
    let lane = (Arc::clone(group), of.clone(), priority);
    let done =
        groups.done.range((lane.clone(), cursor.saturating_add(1))..=(lane, u64::MAX)).count()
            as u64;
    let open = |at: &u64| !is_done(state, group, of, priority, *at);
    let oldest = log.positions_after(of, priority, cursor).find(open).and_then(|at| log.time(at));
    let everything = (Arc::clone(group), 0)..=(Arc::clone(group), u64::MAX);
    let here = |message: &MessageRef| message.priority == priority && message.category() == of;
    let parked = groups.parked.range(everything.clone()).filter(|(_, kept)| here(&kept.message));
    let dead = groups.dead.range(everything).filter(|(_, dead)| here(&dead.message));
    PriorityStatus {
        priority,
        lag: log.count_after(of, priority, cursor).saturating_sub(done),
        oldest,
        parked: parked.count() as u64,
        dead: dead.count() as u64,
        cursor,
        head: log.lane_head(of, priority),
    }
}
