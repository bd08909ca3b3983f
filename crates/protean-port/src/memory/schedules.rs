//! Messages that wait for their time.

use std::cmp::Reverse;
use std::sync::Arc;

use super::ledger;
use super::state::State;
use super::unit::{Refused, Unit};
use crate::port::{
    Count, IntakeEntry, PendingWork, SCHEDULE, Schedule, ScheduleAccount, Scheduled, ScheduledRead,
    left_out,
};

/// Applies a change of what is scheduled.
pub(super) fn write(unit: &mut Unit<'_>, schedule: &Schedule) -> Refused {
    let key = schedule.key();
    let known = unit.state().scheduled.get(key).map(|known| Arc::clone(&known.message.id));
    if let Schedule::Take { id, .. } = schedule
        && known.as_ref() != Some(id)
    {
        return Err(left_out::not_scheduled(key));
    }
    let kept = match schedule {
        Schedule::Keep(scheduled) => Some(Scheduled::clone(scheduled)),
        Schedule::Take { .. } | Schedule::Drop(_) => None,
    };
    unit.set(|state| &mut state.scheduled, Arc::clone(key), kept);
    for counter in schedule.counters(known.is_some()) {
        ledger::count(unit, &Count::of_schedule(counter));
    }
    Ok(())
}

pub(super) fn account(state: &State) -> ScheduleAccount {
    let counts = state.groups.counts.iter().filter(|((group, ..), _)| **group == *SCHEDULE);
    let counts = counts.map(|((.., counter), count)| (counter.as_str(), *count));
    ScheduleAccount::of(counts.chain([("waiting", state.scheduled.len() as u64)]))
}

pub(super) fn under(state: &State, keys: &[&str]) -> Vec<Scheduled> {
    keys.iter().filter_map(|key| state.scheduled.get(*key).cloned()).collect()
}

pub(super) fn is_pending(state: &State, work: &PendingWork) -> bool {
    let (lowest, highest) = work.range();
    let is_in_range = |priority: i64| (lowest..=highest).contains(&priority);
    let is_due =
        |of: &Scheduled| of.due <= work.until && is_in_range(of.message.priority.value().into());
    let is_wanted = |entry: &IntakeEntry| {
        is_in_range(entry.priority) && work.domains.iter().any(|domain| domain == entry.domain())
    };
    state.scheduled.values().any(is_due) || state.intake.values().any(is_wanted)
}

pub(super) fn read(state: &State, read: &ScheduledRead) -> Vec<Scheduled> {
    let order = |of: &Scheduled| (Reverse(of.message.priority), of.due, Arc::clone(&of.key));
    let after = read.after.as_ref();
    let after = after.map(|after| (Reverse(after.priority), after.due, Arc::clone(&after.key)));
    let is_wanted = |of: &&Scheduled| {
        of.due <= read.until
            && read.takes(of.message.priority)
            && after.as_ref().is_none_or(|after| order(of) > *after)
    };
    let mut found: Vec<Scheduled> = state.scheduled.values().filter(is_wanted).cloned().collect();
    found.sort_by_key(order);
    found.truncate(read.limit);
    found
}
