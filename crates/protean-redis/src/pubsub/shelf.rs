//! What one group has heard and not settled yet. Pure.

use std::collections::VecDeque;

use protean_port::port::{Entry, EntryRef};

/// How much may wait, in bytes: as much as Redis keeps for one that listens and does
/// not read, unless it is told otherwise.
const MOST: usize = 32 * 1024 * 1024;

/// What an entry takes beside its data, in bytes.
const OVERHEAD: usize = 256;

/// First in, first out; an entry stays until it is settled.
#[derive(Default)]
pub(super) struct Shelf {
    waiting: VecDeque<Entry>,
    unsettled: Vec<Entry>,
    /// Of both, in bytes.
    weight: usize,
    /// How many have found no place.
    missed: u64,
}

impl Shelf {
    /// Takes one in, unless too much is waiting.
    pub(super) fn hear(&mut self, entry: Entry) {
        let weight = self.weight + weight(&entry);
        // However large: otherwise nobody would ever hear it.
        if weight > MOST && self.weight > 0 {
            self.missed += 1;
            return;
        }
        self.weight = weight;
        self.waiting.push_back(entry);
    }

    /// The next ones, which are unsettled from now on.
    pub(super) fn next(&mut self, limit: usize) -> Vec<Entry> {
        let count = self.waiting.len().min(limit.max(1));
        let entries: Vec<Entry> = self.waiting.drain(..count).collect();
        self.unsettled.extend_from_slice(&entries);
        entries
    }

    /// All that is not settled, the oldest first; nothing is left.
    pub(super) fn clear(&mut self) -> Vec<Entry> {
        let Self { unsettled, waiting, .. } = std::mem::take(self);
        unsettled.into_iter().chain(waiting).collect()
    }

    /// True for one that was handed out and not settled.
    pub(super) fn has(&self, at: &EntryRef) -> bool {
        self.unsettled.iter().any(|entry| entry.at == *at)
    }

    /// Those that were handed out and not settled, the oldest first.
    pub(super) fn unsettled(&self, limit: usize) -> Vec<Entry> {
        self.unsettled.iter().take(limit).cloned().collect()
    }

    pub(super) fn settle(&mut self, entries: &[EntryRef]) {
        let settled = self.unsettled.extract_if(.., |entry| entries.contains(&entry.at));
        self.weight -= settled.map(|entry| weight(&entry)).sum::<usize>();
    }

    /// How many have found no place in all.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }
}

fn weight(entry: &Entry) -> usize {
    OVERHEAD + entry.data.as_ref().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use protean_port::port::{Entry, EntryId, EntryRef};

    use super::{MOST, Shelf};

    fn entry(id: &str, length: usize) -> Entry {
        let at = EntryRef { stream: "a".into(), id: EntryId::new(id) };
        Entry { at, data: Some(vec![0; length]), others: Vec::new() }
    }

    fn ids(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.at.id.as_str()).collect()
    }

    #[test]
    fn gives_each_once_and_keeps_it_until_it_is_settled() {
        let mut shelf = Shelf::default();
        ["1", "2", "3"].iter().for_each(|id| shelf.hear(entry(id, 1)));
        let first = shelf.next(2);
        assert_eq!(ids(&first), ["1", "2"]);
        shelf.settle(&[first[0].at.clone()]);
        assert_eq!(ids(&shelf.next(9)), ["3"]);
        assert_eq!(ids(&shelf.unsettled(9)), ["2", "3"]);
        assert_eq!(ids(&shelf.unsettled(1)), ["2"]);
        assert!(shelf.next(9).is_empty());
    }

    #[test]
    fn counts_what_finds_no_place_and_has_room_again_once_some_is_settled() {
        let mut shelf = Shelf::default();
        shelf.hear(entry("too large for any shelf", MOST));
        ["2", "3"].iter().for_each(|id| shelf.hear(entry(id, 1)));
        assert_eq!(shelf.missed(), 2);
        let all = shelf.next(9);
        shelf.hear(entry("4", 1));
        assert_eq!((all.len(), shelf.missed()), (1, 3), "handed out is not settled");
        shelf.settle(&[all[0].at.clone()]);
        ["5", "6"].iter().for_each(|id| shelf.hear(entry(id, 1)));
        assert_eq!(ids(&shelf.next(1)), ["5"]);
        assert_eq!((ids(&shelf.clear()), shelf.next(9).len()), (vec!["5", "6"], 0));
    }
}
