//! Names of groups, and tables that take the place of others.

use super::ledger;
use super::state::State;
use crate::Result;
use crate::port::{GroupIds, Naming, TableSwap};

/// Gives a group another name.
pub(super) fn rename(state: &mut State, name: &str, to: &str) -> Result {
    let changes = state.group_ids.renaming(name, to)?;
    if !changes.is_empty() && state.group_ids.id(name) != to {
        GroupIds::check_unused(to, has_state(state, to))?;
        ledger::forget(state, to);
    }
    changes.into_iter().for_each(|(name, naming)| state.group_ids.insert(name, naming));
    Ok(())
}

fn has_state(state: &State, group: &str) -> bool {
    let groups = &state.groups;
    groups.cursors.keys().any(|(of, ..)| **of == *group)
        || groups.done.keys().any(|((of, ..), _)| **of == *group)
        || groups.progress.keys().any(|(of, _)| **of == *group)
        || groups.parked.keys().any(|(of, _)| **of == *group)
        || groups.dead.keys().any(|(of, _)| **of == *group)
}

/// Makes the successor the table.
pub(super) fn swap(state: &mut State, swap: &TableSwap) -> Result {
    swap.check_ids(&state.group_ids)?;
    for group in &swap.groups {
        let parked = state.groups.parked.keys().filter(|(of, _)| **of == *group.after).count();
        let dead = state.groups.dead.keys().filter(|(of, _)| **of == *group.after).count();
        group.check_held(parked as u64, dead as u64)?;
    }
    state.tables.rename(&swap.table.name, &swap.former);
    state.tables.rename(&swap.successor, &swap.table.name);
    for group in &swap.groups {
        for ((of, _), start) in &mut state.groups.starts {
            if **of == *group.before {
                *start = ledger::RETIRED;
            }
        }
        ledger::forget_work(state, &group.before);
        state.group_ids.insert(&*group.name, Naming::Id((&*group.after).into()));
    }
    Ok(())
}

/// Deletes what a swap has left.
pub(super) fn clear(state: &mut State, swap: &TableSwap) {
    state.tables.remove(&swap.former);
    for group in &swap.groups {
        if state.group_ids.name(&group.before).is_none() {
            ledger::forget_work(state, &group.before);
        }
    }
}

/// Deletes a successor, and what its groups have done.
pub(super) fn abandon(state: &mut State, swap: &TableSwap) {
    state.tables.remove(&swap.successor);
    for group in &swap.groups {
        if state.group_ids.name(&group.after).is_none() {
            ledger::forget(state, &group.after);
        }
    }
}
