//! What a transaction knows: as it was loaded, and as it will be written.

use std::collections::BTreeMap;

/// Values by key in three layers: loaded, changed by units that are kept, and changed by
/// the current unit.
pub(crate) struct StagedMap<K, V> {
    loaded: BTreeMap<K, V>,
    kept: BTreeMap<K, V>,
    fresh: BTreeMap<K, V>,
}

impl<K, V> Default for StagedMap<K, V> {
    fn default() -> Self {
        Self { loaded: BTreeMap::new(), kept: BTreeMap::new(), fresh: BTreeMap::new() }
    }
}

impl<K: Ord, V> StagedMap<K, V> {
    /// Adds a value as the database has it.
    pub(crate) fn load(&mut self, key: K, value: V) {
        self.loaded.insert(key, value);
    }

    /// A value as the database has it, to be added to.
    pub(crate) fn loaded(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.loaded.entry(key).or_default()
    }

    /// The value as the current unit sees it.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.fresh.get(key).or_else(|| self.kept.get(key)).or_else(|| self.loaded.get(key))
    }

    /// Changes a value for the current unit.
    pub(crate) fn set(&mut self, key: K, value: V) {
        self.fresh.insert(key, value);
    }

    /// Keeps the changes of the current unit.
    pub(crate) fn keep(&mut self) {
        // Not `append`, which goes over everything that is kept.
        self.kept.extend(std::mem::take(&mut self.fresh));
    }

    /// Undoes the changes of the current unit.
    pub(crate) fn undo(&mut self) {
        self.fresh.clear();
    }

    /// Takes a change back that is kept; false when there is none.
    pub(crate) fn take_back(&mut self, key: &K) -> bool {
        self.kept.remove(key).is_some()
    }

    /// True when nothing is known and nothing will be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.loaded.is_empty() && self.kept.is_empty() && self.fresh.is_empty()
    }

    /// The changes to write, sorted by key, each with the value that was loaded.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>, &V)> {
        self.kept.iter().map(|(key, value)| (key, self.loaded.get(key), value))
    }

    /// Takes the kept changes as written.
    pub(crate) fn settle(&mut self) {
        self.loaded.extend(std::mem::take(&mut self.kept));
    }

    /// Drops the kept changes, which could not be written.
    pub(crate) fn discard(&mut self) {
        self.kept.clear();
    }
}

/// A list in the same layers, except that nothing is loaded.
pub(crate) struct StagedList<T> {
    items: Vec<T>,
    written: usize,
    kept: usize,
}

impl<T> Default for StagedList<T> {
    fn default() -> Self {
        Self { items: Vec::new(), written: 0, kept: 0 }
    }
}

impl<T> StagedList<T> {
    /// Adds an item for the current unit.
    pub(crate) fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// Every item, as the current unit sees the list.
    pub(crate) fn all(&self) -> &[T] {
        &self.items
    }

    /// The items to write.
    pub(crate) fn changes(&self) -> &[T] {
        &self.items[self.written..self.kept]
    }

    /// Keeps the changes of the current unit.
    pub(crate) fn keep(&mut self) {
        self.kept = self.items.len();
    }

    /// Undoes the changes of the current unit.
    pub(crate) fn undo(&mut self) {
        self.items.truncate(self.kept);
    }

    /// Takes the kept changes as written.
    pub(crate) fn settle(&mut self) {
        self.written = self.kept;
    }

    /// Drops the kept changes, which could not be written.
    pub(crate) fn discard(&mut self) {
        self.kept = self.written;
        self.undo();
    }
}
