//! What units have written that no store has yet.
//!
//! Units that commit together see each other's writes here, in the order of the
//! list they commit in. Each entry remembers which unit wrote it, so that a unit
//! that read it is left out when that one is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use protean_port::message::Recorded;
use protean_port::port::RowState;

/// A unit's place in the order of a group's lane.
pub type Sequence = u64;

/// A table and a key.
pub(crate) type RowKey = (Arc<str>, Arc<str>);

/// What one unit has written, as later readers see it.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    pub(crate) streams: HashMap<Arc<str>, Vec<Recorded>>,
    pub(crate) rows: HashMap<RowKey, RowState>,
}

/// The writes of all units since the last commit.
#[derive(Debug, Default)]
pub struct Overlay {
    streams: HashMap<Arc<str>, Entry<Vec<Recorded>>>,
    rows: HashMap<RowKey, Entry<RowState>>,
    blocked: HashMap<Arc<str>, Entry<u64>>,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    writer: Sequence,
}

impl Overlay {
    /// Takes in what the unit `writer` wrote.
    pub fn absorb(&mut self, writer: Sequence, writes: Writes) {
        for (stream, tail) in writes.streams {
            let entry =
                self.streams.entry(stream).or_insert_with(|| Entry { value: Vec::new(), writer });
            entry.value.extend(tail);
            entry.writer = writer;
        }
        for (key, value) in writes.rows {
            self.rows.insert(key, Entry { value, writer });
        }
    }

    /// Notes that the message at `position` of a stream is in the way of later ones.
    pub fn block(&mut self, writer: Sequence, stream: Arc<str>, position: u64) {
        let entry = self.blocked.entry(stream).or_insert(Entry { value: position, writer });
        entry.value = entry.value.min(position);
        entry.writer = writer;
    }

    /// True when a unit here has left a message before `position` in the way.
    pub fn is_blocked(&self, stream: &str, position: u64) -> bool {
        self.blocked.get(stream).is_some_and(|entry| entry.value < position)
    }

    /// Forgets what these units wrote: they were left out of their commit.
    pub fn undo(&mut self, writers: &BTreeMap<Sequence, Sequence>) {
        self.streams.retain(|_, entry| !writers.contains_key(&entry.writer));
        self.rows.retain(|_, entry| !writers.contains_key(&entry.writer));
        self.blocked.retain(|_, entry| !writers.contains_key(&entry.writer));
    }

    /// Forgets what units up to `last` wrote: a store has it now, or never will.
    pub fn forget(&mut self, last: Sequence) {
        self.streams.retain(|_, entry| entry.writer > last);
        self.rows.retain(|_, entry| entry.writer > last);
        self.blocked.retain(|_, entry| entry.writer > last);
    }

    pub(crate) fn tail(
        &self,
        stream: &str,
        readers: &mut BTreeSet<Sequence>,
    ) -> Option<Vec<Recorded>> {
        let entry = self.streams.get(stream)?;
        readers.insert(entry.writer);
        Some(entry.value.clone())
    }

    /// The keys of the rows of a table that were written.
    pub(crate) fn keys(&self, table: &str) -> impl Iterator<Item = Arc<str>> {
        self.rows.keys().filter(move |(of, _)| **of == *table).map(|(_, key)| Arc::clone(key))
    }

    pub(crate) fn row(&self, key: &RowKey, readers: &mut BTreeSet<Sequence>) -> Option<RowState> {
        let entry = self.rows.get(key)?;
        readers.insert(entry.writer);
        Some(entry.value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Overlay, Writes};
    use protean_port::port::RowState;

    fn wrote(key: &str, version: u64) -> Writes {
        let state = RowState { row: None, version: Some(version) };
        let mut writes = Writes::default();
        writes.rows.insert(("t".into(), key.into()), state);
        writes
    }

    fn version(overlay: &Overlay, key: &str, readers: &mut BTreeSet<u64>) -> Option<u64> {
        overlay.row(&("t".into(), key.into()), readers).and_then(|state| state.version)
    }

    #[test]
    fn a_reader_depends_on_the_last_writer() {
        let mut overlay = Overlay::default();
        overlay.absorb(1, wrote("a", 0));
        overlay.absorb(2, wrote("a", 1));
        let mut readers = BTreeSet::new();
        assert_eq!(version(&overlay, "a", &mut readers), Some(1));
        assert_eq!(version(&overlay, "b", &mut readers), None);
        assert_eq!(readers, BTreeSet::from([2]));
    }

    #[test]
    fn forgets_what_is_committed_and_keeps_what_came_after() {
        let mut overlay = Overlay::default();
        overlay.absorb(1, wrote("a", 0));
        overlay.absorb(2, wrote("b", 0));
        overlay.forget(1);
        let mut readers = BTreeSet::new();
        assert_eq!(version(&overlay, "a", &mut readers), None);
        assert_eq!(version(&overlay, "b", &mut readers), Some(0));
    }
}
