//! The messages that one group has received and not settled yet. Pure.

use std::collections::VecDeque;

use protean_port::port::{Entry, EntryRef};

/// How much may wait, in bytes: Redis's own default limit for the output buffer of a
/// slow subscriber.
const MAX_BUFFER_BYTES: usize = 32 * 1024 * 1024;

/// The memory an entry takes beside its data.
const ENTRY_OVERHEAD_BYTES: usize = 256;

/// First in, first out; an entry stays until it is settled.
#[derive(Default)]
pub(super) struct PendingBuffer {
    waiting: VecDeque<Entry>,
    unsettled: Vec<Entry>,
    /// The size of both lists.
    bytes: usize,
    dropped: u64,
}

impl PendingBuffer {
    /// Adds an entry, or drops it when the buffer is full.
    pub(super) fn add(&mut self, entry: Entry) {
        let bytes = self.bytes + size_of_entry(&entry);
        // An empty buffer takes an entry of any size: dropped, it could never be handled.
        if bytes > MAX_BUFFER_BYTES && self.bytes > 0 {
            self.dropped += 1;
            return;
        }
        self.bytes = bytes;
        self.waiting.push_back(entry);
    }

    /// Hands out the next entries, which are unsettled from now on.
    pub(super) fn hand_out(&mut self, limit: usize) -> Vec<Entry> {
        let count = self.waiting.len().min(limit.max(1));
        let entries: Vec<Entry> = self.waiting.drain(..count).collect();
        self.unsettled.extend_from_slice(&entries);
        entries
    }

    /// Empties the buffer and returns all unsettled entries, the oldest first.
    pub(super) fn clear(&mut self) -> Vec<Entry> {
        let Self { unsettled, waiting, .. } = std::mem::take(self);
        unsettled.into_iter().chain(waiting).collect()
    }

    /// True for an entry that was handed out and is not settled.
    pub(super) fn is_unsettled(&self, at: &EntryRef) -> bool {
        self.unsettled.iter().any(|entry| entry.at == *at)
    }

    /// The entries that were handed out and are not settled, the oldest first.
    pub(super) fn unsettled(&self, limit: usize) -> Vec<Entry> {
        self.unsettled.iter().take(limit).cloned().collect()
    }

    pub(super) fn settle(&mut self, entries: &[EntryRef]) {
        let settled = self.unsettled.extract_if(.., |entry| entries.contains(&entry.at));
        self.bytes -= settled.map(|entry| size_of_entry(&entry)).sum::<usize>();
    }

    /// How many entries were dropped since the start, because the buffer was full.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn size_of_entry(entry: &Entry) -> usize {
    ENTRY_OVERHEAD_BYTES + entry.data.as_ref().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use protean_port::port::{Entry, EntryId, EntryRef};

    use super::{MAX_BUFFER_BYTES, PendingBuffer};

    fn entry(id: &str, length: usize) -> Entry {
        let at = EntryRef { stream: "a".into(), id: EntryId::new(id) };
        Entry { at, data: Some(vec![0; length]), others: Vec::new() }
    }

    fn ids(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.at.id.as_str()).collect()
    }

    #[test]
    fn hands_out_each_entry_once_and_keeps_it_until_it_is_settled() {
        let mut buffer = PendingBuffer::default();
        ["1", "2", "3"].iter().for_each(|id| buffer.add(entry(id, 1)));
        let first = buffer.hand_out(2);
        assert_eq!(ids(&first), ["1", "2"]);
        buffer.settle(&[first[0].at.clone()]);
        assert_eq!(ids(&buffer.hand_out(9)), ["3"]);
        assert_eq!(ids(&buffer.unsettled(9)), ["2", "3"]);
        assert_eq!(ids(&buffer.unsettled(1)), ["2"]);
        assert!(buffer.hand_out(9).is_empty());
    }

    #[test]
    fn counts_what_it_drops_and_has_room_again_once_entries_are_settled() {
        let mut buffer = PendingBuffer::default();
        buffer.add(entry("larger than the buffer", MAX_BUFFER_BYTES));
        ["2", "3"].iter().for_each(|id| buffer.add(entry(id, 1)));
        assert_eq!(buffer.dropped(), 2);
        let all = buffer.hand_out(9);
        buffer.add(entry("4", 1));
        assert_eq!((all.len(), buffer.dropped()), (1, 3), "handed out is not settled");
        buffer.settle(&[all[0].at.clone()]);
        ["5", "6"].iter().for_each(|id| buffer.add(entry(id, 1)));
        assert_eq!(ids(&buffer.hand_out(1)), ["5"]);
        assert_eq!((ids(&buffer.clear()), buffer.hand_out(9).len()), (vec!["5", "6"], 0));
    }
}
