//! The ledger: what each group has done with each message.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dead_letters::Grave;
use super::unit::{Refused, State, Unit};
use crate::Violations;
use crate::message::{Category, Priority, Stream, Timestamp};
use crate::port::{
    At, Count, Counter, Delivery, DoneMark, GroupRegistration, GroupStatus, MessageRef, Outcome,
    Park, ParkedPage, ParkedRead, Place, PriorityStatus, ProgressMove, Start,
};

pub(super) type Group = Arc<str>;

/// A priority of a category, as one group reads it.
type GroupLane = (Group, Category, Priority);

/// The books of all groups.
#[derive(Default)]
pub(super) struct Books {
    /// The position after which a group begins in a category.
    starts: BTreeMap<(Group, Category), u64>,
    /// Up to where everything is settled.
    cursors: BTreeMap<GroupLane, u64>,
    /// Messages after the cursor that are settled.
    done: BTreeMap<(GroupLane, u64), ()>,
    /// The stream position an ordered group expects next.
    progress: BTreeMap<(Group, Arc<str>), u64>,
    parked: BTreeMap<(Group, u64), Parked>,
    /// The parked messages that have a time, by it.
    due: BTreeMap<(GroupLane, Timestamp, u64), ()>,
    pub(super) dead: BTreeMap<(Group, u64), Grave>,
    /// Parked and dead messages by their places in their streams.
    pub(super) held: BTreeMap<(Group, Arc<str>, u64, Held), u64>,
    counts: BTreeMap<(Group, Category, Counter), u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    Parked,
    Dead,
}

#[derive(Clone)]
pub(super) struct Parked {
    message: MessageRef,
    attempts: u32,
    due: Option<Timestamp>,
}

/// Writes down where new groups begin; those that are known stay as they are.
pub(super) fn enrol(state: &mut State, registrations: &[GroupRegistration]) {
    let head = state.log.head();
    for registration in registrations {
        let start = match registration.start {
            Start::Beginning => 0,
            Start::Head => head,
        };
        let key = (registration.group.as_str().into(), registration.category.clone());
        state.books.starts.entry(key).or_insert(start);
    }
}

/// Moves an ordered group on by one message.
pub(super) fn advance(unit: &mut Unit<'_>, step: &ProgressMove) -> Refused {
    let next = next(unit.state(), &step.group, &step.stream);
    if next != step.position {
        let (group, stream, position) = (&step.group, &step.stream, step.position);
        let message = format!("{group} expects message {next} of {stream}, not {position}");
        return Err(Outcome::Stale(message));
    }
    let key = (Arc::clone(&step.group), step.stream.name());
    unit.set(|state| &mut state.books.progress, key, Some(next + 1));
    Ok(())
}

/// Settles messages for a group's cursor.
pub(super) fn mark(unit: &mut Unit<'_>, mark: &DoneMark, places: &[Place]) -> Refused {
    let lane = (Arc::clone(&mark.group), mark.category.clone(), mark.priority);
    let cursor = cursor(unit.state(), &lane.0, &lane.1, lane.2);
    match mark.at {
        At::UpTo(position) => move_cursor(unit, lane, cursor.max(position)),
        At::Only(position) => settle(unit, lane, position, cursor),
        At::First(position) => {
            let done = unit.state().books.done.contains_key(&(lane.clone(), position));
            if position <= cursor || done {
                let message = format!("message {position} is settled for {}", mark.group);
                return Err(Outcome::Stale(message));
            }
            settle(unit, lane, position, cursor);
        }
        At::Appended(index) => {
            let Some(Place { position, .. }) = places.get(index).copied() else {
                let message = format!("the unit appends no message {index}");
                return Err(Outcome::Rejected(Violations::of("marks", message)));
            };
            settle(unit, lane, position, cursor);
        }
    }
    Ok(())
}

/// Settles one message: the cursor moves onto it when nothing lies between.
fn settle(unit: &mut Unit<'_>, lane: GroupLane, position: u64, cursor: u64) {
    let log = &unit.state().log;
    if log.positions_after(&lane.1, lane.2, cursor).next() == Some(position) {
        move_cursor(unit, lane, position);
    } else if position > cursor {
        unit.set(|state| &mut state.books.done, (lane, position), Some(()));
    }
}

/// Moves a cursor, and on over all that was settled before.
fn move_cursor(unit: &mut Unit<'_>, lane: GroupLane, position: u64) {
    let (log, books) = (&unit.state().log, &unit.state().books);
    let later = log.positions_after(&lane.1, lane.2, position);
    let settled = later.take_while(|later| books.done.contains_key(&(lane.clone(), *later)));
    let position = settled.last().unwrap_or(position);
    let passed = (lane.clone(), 0)..=(lane.clone(), position);
    let passed: Vec<_> =
        unit.state().books.done.range(passed).map(|(key, ())| key.clone()).collect();
    for key in passed {
        unit.set(|state| &mut state.books.done, key, None);
    }
    unit.set(|state| &mut state.books.cursors, lane, Some(position));
}

/// Parks messages or takes them out again.
pub(super) fn park(unit: &mut Unit<'_>, park: &Park) -> Refused {
    match park {
        Park::Keep { group, message, attempts, due, reason: _ } => {
            let parked = Parked { message: message.clone(), attempts: *attempts, due: *due };
            put_parked(unit, group, message.position, Some(parked));
        }
        Park::Hold { group, message, attempts, reason: _ } => {
            let MessageRef { stream, stream_position, .. } = message;
            if !blocked(unit.state(), group, stream, *stream_position) {
                return Err(Outcome::Stale(format!(
                    "no message of {stream} before {stream_position} is in the way of {group}"
                )));
            }
            let parked = Parked { message: message.clone(), attempts: *attempts, due: None };
            put_parked(unit, group, message.position, Some(parked));
        }
        Park::Take { group, message } => {
            let key = (Arc::clone(group), message.position);
            if !unit.state().books.parked.contains_key(&key) {
                let position = message.position;
                return Err(Outcome::Stale(format!(
                    "message {position} is not parked for {group}"
                )));
            }
            put_parked(unit, group, message.position, None);
        }
        Park::Release { group, stream, due } => {
            for (position, parked) in waiting(unit.state(), group, stream) {
                put_parked(unit, group, position, Some(Parked { due: Some(*due), ..parked }));
            }
        }
    }
    Ok(())
}

fn waiting(state: &State, group: &Group, stream: &Stream) -> Vec<(u64, Parked)> {
    let first = (Arc::clone(group), stream.name(), 0, Held::Parked);
    let last = (Arc::clone(group), stream.name(), u64::MAX, Held::Dead);
    let held = state.books.held.range(first..=last).filter(|((.., kind), _)| *kind == Held::Parked);
    let parked = held.filter_map(|(_, position)| {
        let parked = state.books.parked.get(&(Arc::clone(group), *position))?;
        parked.due.is_none().then(|| (*position, parked.clone()))
    });
    parked.collect()
}

/// The one place where a parked message comes or goes, so that its indexes agree.
pub(super) fn put_parked(
    unit: &mut Unit<'_>,
    group: &Group,
    position: u64,
    parked: Option<Parked>,
) {
    let key = (Arc::clone(group), position);
    let before = unit.state().books.parked.get(&key).cloned();
    for (parked, there) in [(before.as_ref(), None), (parked.as_ref(), Some(()))] {
        let Some(Parked { message, due, .. }) = parked else { continue };
        let place =
            (Arc::clone(group), message.stream.name(), message.stream_position, Held::Parked);
        unit.set(|state| &mut state.books.held, place, there.map(|()| position));
        if let Some(due) = *due {
            let lane = (Arc::clone(group), message.category().clone(), message.priority);
            let time = (lane, due, position);
            unit.set(|state| &mut state.books.due, time, there);
        }
    }
    unit.set(|state| &mut state.books.parked, key, parked);
}

/// Adds to a counter.
pub(super) fn count(unit: &mut Unit<'_>, count: &Count) {
    let key = (Arc::clone(&count.group), count.category.clone(), count.term);
    let before = unit.state().books.counts.get(&key).copied().unwrap_or(0);
    unit.set(|state| &mut state.books.counts, key, Some(before + count.count));
}

/// The stream position a group expects next: where it stands, else the first one
/// committed after it began.
pub(super) fn next(state: &State, group: &Group, stream: &Stream) -> u64 {
    let key = (Arc::clone(group), stream.name());
    let moved = state.books.progress.get(&key).copied();
    let first = || state.log.length_at(stream, start(state, group, stream.category()));
    moved.unwrap_or_else(first)
}

/// Of the messages at these positions those that are parked or not settled.
pub(super) fn recall(
    state: &State,
    group: &str,
    category: &Category,
    positions: &[u64],
) -> Vec<Delivery> {
    let group: Group = group.into();
    let mut positions = positions.to_vec();
    positions.sort_unstable();
    positions.dedup();
    let recalled = positions.iter().filter_map(|at| {
        let recorded =
            state.log.at(*at).filter(|found| found.message.stream.category() == category)?;
        let priority = recorded.message.priority;
        let settled = *at <= cursor(state, &group, category, priority)
            || is_done(state, &group, category, (priority, *at));
        delivery(state, &group, *at).or_else(|| {
            let next = next(state, &group, &recorded.message.stream);
            let recorded = recorded.clone();
            (!settled).then_some(Delivery { recorded, next, attempts: 0, parked: false })
        })
    });
    recalled.collect()
}

/// Every group there is, with its categories.
pub(super) fn registered_groups(state: &State) -> Vec<(String, Category)> {
    let starts = state.books.starts.keys();
    starts.map(|(group, category)| (group.to_string(), category.clone())).collect()
}

/// Forgets all about a group.
pub(super) fn forget(state: &mut State, group: &str) {
    let books = &mut state.books;
    books.starts.retain(|(of, _), _| **of != *group);
    books.cursors.retain(|(of, ..), _| **of != *group);
    books.done.retain(|((of, ..), _), ()| **of != *group);
    books.progress.retain(|(of, _), _| **of != *group);
    books.parked.retain(|(of, _), _| **of != *group);
    books.due.retain(|((of, ..), ..), ()| **of != *group);
    books.dead.retain(|(of, _), _| **of != *group);
    books.held.retain(|(of, ..), _| **of != *group);
    books.counts.retain(|(of, ..), _| **of != *group);
}

/// Up to where everything of one priority is settled for a group.
pub(super) fn cursor(state: &State, group: &Group, of: &Category, priority: Priority) -> u64 {
    let lane = (Arc::clone(group), of.clone(), priority);
    let moved = state.books.cursors.get(&lane).copied().unwrap_or(0);
    moved.max(start(state, group, of))
}

fn start(state: &State, group: &Group, category: &Category) -> u64 {
    let key = (Arc::clone(group), category.clone());
    state.books.starts.get(&key).copied().unwrap_or(0)
}

/// True when a message after the cursor is settled.
pub(super) fn is_done(
    state: &State,
    group: &Group,
    category: &Category,
    (priority, position): (Priority, u64),
) -> bool {
    let lane = (Arc::clone(group), category.clone(), priority);
    state.books.done.contains_key(&(lane, position))
}

/// True when a message of the stream before `position` is parked or dead and the
/// group has not moved past it.
pub(super) fn blocked(state: &State, group: &str, stream: &Stream, position: u64) -> bool {
    let group: Group = group.into();
    // A range that ends before it begins would panic.
    let next = next(state, &group, stream).min(position);
    let first = (Arc::clone(&group), stream.name(), next, Held::Parked);
    let end = (group, stream.name(), position, Held::Parked);
    state.books.held.range(first..end).next().is_some()
}

/// The parked messages of a range that are due, and when the next one will be.
pub(super) fn parked(state: &State, read: &ParkedRead) -> ParkedPage {
    let group: Group = read.group.as_str().into();
    let mut times = Vec::new();
    for priority in state.log.priorities(&read.category, read.range) {
        let lane = (Arc::clone(&group), read.category.clone(), priority);
        let first = (lane.clone(), Timestamp::from_micros(i64::MIN), 0);
        let last = (lane, Timestamp::from_micros(i64::MAX), u64::MAX);
        let of_lane = state.books.due.range(first..=last).map(|((_, due, at), ())| (*due, *at));
        // One more than asked for: the first that is not on the page says when to come again.
        times.extend(of_lane.take(read.limit.saturating_add(1)));
    }
    times.sort_unstable();
    let due = times.iter().take_while(|(due, _)| *due <= read.now).count().min(read.limit);
    ParkedPage {
        due: times[..due].iter().filter_map(|(_, at)| delivery(state, &group, *at)).collect(),
        next_due: times.get(due).map(|(due, _)| *due),
    }
}

fn delivery(state: &State, group: &Group, position: u64) -> Option<Delivery> {
    let attempts = state.books.parked.get(&(Arc::clone(group), position))?.attempts;
    let recorded = state.log.at(position)?.clone();
    let next = next(state, group, &recorded.message.stream);
    Some(Delivery { recorded, next, attempts, parked: true })
}

/// Where a group stands in a category.
pub(super) fn standing(state: &State, group: &str, category: &Category) -> GroupStatus {
    let group: Group = group.into();
    let every = (Priority::new(i32::MIN), Priority::new(i32::MAX));
    let priorities = state.log.priorities(category, every);
    let start = start(state, &group, category);
    let committed = priorities.iter().map(|of| state.log.count_after(category, *of, start)).sum();
    let counts = Counter::ALL.into_iter().filter_map(|term| {
        let count = state.books.counts.get(&(Arc::clone(&group), category.clone(), term))?;
        Some((term, *count))
    });
    let counts = counts.collect();
    let lanes = priorities.iter().map(|of| lane_standing(state, &group, category, *of)).collect();
    GroupStatus { committed, counts, lanes }
}

fn lane_standing(
    state: &State,
    group: &Group,
    of: &Category,
    priority: Priority,
) -> PriorityStatus {
    let (log, books) = (&state.log, &state.books);
    let cursor = cursor(state, group, of, priority);
    let lane = (Arc::clone(group), of.clone(), priority);
    let done = books.done.range((lane.clone(), cursor.saturating_add(1))..=(lane, u64::MAX)).count()
        as u64;
    let open = |at: &u64| !is_done(state, group, of, (priority, *at));
    let oldest = log.positions_after(of, priority, cursor).find(open).and_then(|at| log.time(at));
    let everything = (Arc::clone(group), 0)..=(Arc::clone(group), u64::MAX);
    let here = |message: &MessageRef| message.priority == priority && message.category() == of;
    let parked = books.parked.range(everything.clone()).filter(|(_, kept)| here(&kept.message));
    let dead = books.dead.range(everything).filter(|(_, dead)| here(&dead.message));
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
