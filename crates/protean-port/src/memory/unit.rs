//! A unit of work, written to the state as a whole or not at all.

use std::collections::BTreeMap;

use super::state::State;
use crate::port::Outcome;

/// The result of a write; the error is why the unit is left out.
pub(super) type Refused<T = ()> = Result<T, Outcome>;

/// Selects one map of the state.
type Map<K, V> = fn(&mut State) -> &mut BTreeMap<K, V>;

/// Undoes one write.
type Undo = Box<dyn FnOnce(&mut State)>;

/// A unit that is being written. Dropping it undoes its writes, unless it is kept.
pub(super) struct Unit<'s> {
    state: &'s mut State,
    undo: Vec<Undo>,
}

impl<'s> Unit<'s> {
    pub(super) fn begin(state: &'s mut State) -> Self {
        Self { state, undo: Vec::new() }
    }

    /// The state with what the unit has written so far.
    pub(super) fn state(&self) -> &State {
        self.state
    }

    /// Sets or removes the value of a key. Every write goes through here, so undoing is
    /// complete.
    pub(super) fn set<K, V>(&mut self, map: Map<K, V>, key: K, value: Option<V>)
    where
        K: Ord + Clone + 'static,
        V: 'static,
    {
        let before = replace(map(self.state), key.clone(), value);
        self.undo.push(Box::new(move |state| {
            replace(map(state), key, before);
        }));
    }

    /// Makes the writes permanent.
    pub(super) fn keep(mut self) {
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

fn replace<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}
