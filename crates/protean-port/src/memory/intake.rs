//! What plain programs enqueue.

use super::state::State;
use super::unit::{Refused, Unit};
use crate::message::Kind;
use crate::port::{
    IntakeChange, IntakeEntry, IntakeRead, IntakeReject, IntakeRow, Outcome, left_out,
};

/// Applies a change of the intake.
pub(super) fn write(unit: &mut Unit<'_>, change: &IntakeChange) -> Refused {
    match change {
        IntakeChange::Add(entry) => add(unit, IntakeEntry::clone(entry)),
        IntakeChange::Take(place) => drop(take(unit, *place)?),
        IntakeChange::Reject { place, reason, time } => {
            let entry = take(unit, *place)?;
            let (place, reason, time) = (*place, reason.clone(), *time);
            let reject = IntakeReject { place, entry, reason, time };
            unit.set(|state| &mut state.intake_rejects, place, Some(reject));
        }
        IntakeChange::Retry(place) => {
            let reject = take_reject(unit, *place)?;
            add(unit, reject.entry);
        }
        IntakeChange::Drop(place) => drop(take_reject(unit, *place)?),
    }
    Ok(())
}

fn add(unit: &mut Unit<'_>, entry: IntakeEntry) {
    let place = unit.state().intake_end.get(&()).map_or(1, |last| last + 1);
    unit.set(|state| &mut state.intake_end, (), Some(place));
    unit.set(|state| &mut state.intake, place, Some(entry));
}

fn take(unit: &mut Unit<'_>, place: u64) -> Result<IntakeEntry, Outcome> {
    let entry = unit.state().intake.get(&place).cloned();
    let entry = entry.ok_or_else(|| left_out::not_in_intake(place))?;
    unit.set(|state| &mut state.intake, place, None);
    Ok(entry)
}

fn take_reject(unit: &mut Unit<'_>, place: u64) -> Result<IntakeReject, Outcome> {
    let reject = unit.state().intake_rejects.get(&place).cloned();
    let reject = reject.ok_or_else(|| left_out::not_rejected(place))?;
    unit.set(|state| &mut state.intake_rejects, place, None);
    Ok(reject)
}

pub(super) fn rows(state: &State, read: &IntakeRead) -> Vec<IntakeRow> {
    let after = (std::ops::Bound::Excluded(read.after), std::ops::Bound::Unbounded);
    let (lowest, highest) = read.range();
    let is_wanted = |entry: &IntakeEntry| {
        (lowest..=highest).contains(&entry.priority) && read.domains.has(entry.domain())
    };
    let all = state.intake.range(after);
    let wanted = all.filter(|(_, entry)| is_wanted(entry)).take(read.limit);
    let row = |(place, entry): (&u64, &IntakeEntry)| IntakeRow {
        place: *place,
        entry: entry.clone(),
        is_logged: is_logged(state, &entry.id),
        is_garbled: false,
    };
    let mut page = wanted.map(row).collect();
    IntakeRow::cut(&mut page);
    page
}

fn is_logged(state: &State, id: &str) -> bool {
    let mut messages = state.log.all().map(|recorded| &recorded.message);
    messages.any(|message| message.kind == Kind::Command && &*message.id == id)
}

pub(super) fn rejects(state: &State, after: u64, limit: usize) -> Vec<IntakeReject> {
    let after = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
    state.intake_rejects.range(after).take(limit).map(|(_, reject)| reject.clone()).collect()
}
