//! What a transaction knows: as it was loaded, and as it will be.

use std::collections::BTreeMap;

/// Values by key in three layers: loaded, changed by units that are kept, and
/// changed by the unit at hand.
pub(crate) struct Layered<K, V> {
    loaded: BTreeMap<K, V>,
    kept: BTreeMap<K, V>,
    fresh: BTreeMap<K, V>,
}

impl<K, V> Default for Layered<K, V> {
    fn default() -> Self {
        Self { loaded: BTreeMap::new(), kept: BTreeMap::new(), fresh: BTreeMap::new() }
    }
}

impl<K: Ord, V> Layered<K, V> {
    /// As the database has it.
    pub(crate) fn load(&mut self, key: K, value: V) {
        self.loaded.insert(key, value);
    }

    /// As the unit at hand sees it.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.fresh.get(key).or_else(|| self.kept.get(key)).or_else(|| self.loaded.get(key))
    }

    /// Changed by the unit at hand.
    pub(crate) fn set(&mut self, key: K, value: V) {
        self.fresh.insert(key, value);
    }

    /// The unit at hand is kept.
    pub(crate) fn keep(&mut self) {
        self.kept.append(&mut self.fresh);
    }

    /// The unit at hand is left out.
    pub(crate) fn undo(&mut self) {
        self.fresh.clear();
    }

    /// What is to be written, keys sorted, each with what was loaded.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>, &V)> {
        self.kept.iter().map(|(key, value)| (key, self.loaded.get(key), value))
    }

    /// What was to be written is written.
    pub(crate) fn settle(&mut self) {
        self.loaded.extend(std::mem::take(&mut self.kept));
    }

    /// What was to be written could not be.
    pub(crate) fn discard(&mut self) {
        self.kept.clear();
    }
}

/// A list in the same layers, but for what is loaded.
pub(crate) struct Listed<T> {
    items: Vec<T>,
    written: usize,
    kept: usize,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), written: 0, kept: 0 }
    }
}

impl<T> Listed<T> {
    /// Added by the unit at hand.
    pub(crate) fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// Everything, as the unit at hand sees it.
    pub(crate) fn all(&self) -> &[T] {
        &self.items
    }

    /// What is to be written.
    pub(crate) fn changes(&self) -> &[T] {
        &self.items[self.written..self.kept]
    }

    /// The unit at hand is kept.
    pub(crate) fn keep(&mut self) {
        self.kept = self.items.len();
    }

    /// The unit at hand is left out.
    pub(crate) fn undo(&mut self) {
        self.items.truncate(self.kept);
    }

    /// What was to be written is written.
    pub(crate) fn settle(&mut self) {
        self.written = self.kept;
    }

    /// What was to be written could not be.
    pub(crate) fn discard(&mut self) {
        self.kept = self.written;
        self.undo();
    }
}
