//! Units of work on the state, each whole or not at all.

use std::collections::BTreeMap;

use super::dead_letters;
use super::keys::{self, Keys};
use super::ledger::{self, Books};
use super::log::{self, Messages};
use super::rows::{self, Tables};
use crate::Violations;
use crate::port::{Changes, Outcome, Place};

/// Everything a store keeps.
#[derive(Default)]
pub(super) struct State {
    pub(super) log: Messages,
    pub(super) rows: Tables,
    pub(super) books: Books,
    pub(super) keys: Keys,
}

/// Why a unit, or a part of one, cannot be applied.
pub(super) type Refused<T = ()> = Result<T, Outcome>;

/// Finds one map of the state.
type Map<K, V> = fn(&mut State) -> &mut BTreeMap<K, V>;

/// Takes one write back.
type Undo = Box<dyn FnOnce(&mut State)>;

/// A unit in the making. Unless it is kept, dropping it takes back what it wrote.
pub(super) struct Unit<'s> {
    state: &'s mut State,
    undo: Vec<Undo>,
}

impl<'s> Unit<'s> {
    fn begin(state: &'s mut State) -> Self {
        Self { state, undo: Vec::new() }
    }

    /// The state with what the unit has written so far.
    pub(super) fn state(&self) -> &State {
        self.state
    }

    /// Puts a value under a key, or removes the key. This is the only way a unit
    /// writes, which is why undoing it is complete.
    pub(super) fn set<K, V>(&mut self, map: Map<K, V>, key: K, value: Option<V>)
    where
        K: Ord + Clone + 'static,
        V: 'static,
    {
        let before = exchange(map(self.state), key.clone(), value);
        self.undo.push(Box::new(move |state| {
            exchange(map(state), key, before);
        }));
    }

    fn keep(mut self) {
        self.undo.clear();
    }
}

impl Drop for Unit<'_> {
    fn drop(&mut self) {
        while let Some(undo) = self.undo.pop() {
            undo(self.state);
        }
    }
}

fn exchange<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}

/// Applies the units in order; a unit left out is replaced by its alternative.
pub(super) fn apply_all(state: &mut State, units: &[Changes]) -> (Vec<Outcome>, bool) {
    let mut outcomes = Vec::with_capacity(units.len());
    let mut written = false;
    for changes in units {
        let outcome = apply(state, changes, &outcomes);
        if is_committed(&outcome) {
            written = true;
        } else if let Some(otherwise) = &changes.otherwise {
            written |= is_committed(&apply(state, otherwise, &outcomes));
        }
        outcomes.push(outcome);
    }
    (outcomes, written)
}

fn apply(state: &mut State, changes: &Changes, earlier: &[Outcome]) -> Outcome {
    let holds = |index: &usize| earlier.get(*index).is_some_and(is_committed);
    if !changes.depends_on.iter().all(holds) {
        return Outcome::Dependent;
    }
    let mut unit = Unit::begin(state);
    match write(&mut unit, changes) {
        Ok(places) => {
            unit.keep();
            Outcome::Committed(places)
        }
        Err(refused) => refused,
    }
}

fn write(unit: &mut Unit<'_>, changes: &Changes) -> Refused<Vec<Place>> {
    if !changes.statements.is_empty() {
        let message = "the memory store has no SQL; use another database for statements";
        return Err(Outcome::Rejected(Violations::of("statement", message)));
    }
    let mut places = Vec::with_capacity(changes.appends.len());
    for append in &changes.appends {
        places.push(log::append(unit, append)?);
    }
    changes.rows.iter().try_for_each(|row| rows::write(unit, row))?;
    changes.keys.iter().try_for_each(|write| keys::write(unit, write))?;
    changes.progress.iter().try_for_each(|step| ledger::advance(unit, step))?;
    changes.marks.iter().try_for_each(|mark| ledger::mark(unit, mark, &places))?;
    changes.parks.iter().try_for_each(|park| ledger::park(unit, park))?;
    changes.dead.iter().try_for_each(|dead| dead_letters::write(unit, dead))?;
    changes.counts.iter().for_each(|count| ledger::count(unit, count));
    Ok(places)
}

fn is_committed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Committed(_))
}
