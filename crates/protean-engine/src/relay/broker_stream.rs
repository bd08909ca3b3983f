//! What the relay may put into a stream next, and how. Pure.
//!
//! An entry goes to one process and is settled as a whole. So while little waits it holds one
//! message, and the more wait, the more each entry stands for.

use std::collections::VecDeque;

use protean_core::config::{BackfillEntries, PriorityLanes};
use protean_port::message::{Lane, Positions};
use protean_port::port::BrokerGroupStatus;

use super::window::Window;

/// What waits is divided into about so many entries at least, for processes to share.
const SHARED_ENTRIES: usize = 32;
/// More is published when so few are left, however many messages they stand for: each counts
/// until its last message is settled.
const FEW_ENTRIES: usize = SHARED_ENTRIES / 2;

/// One lane of a category, as the broker has it.
#[derive(Clone, Debug)]
pub(super) struct BrokerStream {
    window: Window,
    entries: BackfillEntries,
    /// How many groups of this domain read it.
    groups: usize,
    /// Groups of other systems read it as well.
    is_shared: bool,
    /// How many messages each entry of positions stands for that was published and is not known
    /// to be gone, the oldest first.
    waiting: VecDeque<usize>,
}

impl BrokerStream {
    /// The stream of a lane that so many groups of this domain read.
    pub(super) fn new(lane: Lane, lanes: &PriorityLanes, groups: usize) -> Self {
        let window = Window::new(lanes.backfill_high_water, lanes.backfill_low_water);
        let entries = match lane {
            Lane::Primary => BackfillEntries::Messages,
            Lane::Backfill => lanes.backfill_entries,
        };
        Self { window, entries, groups, is_shared: false, waiting: VecDeque::new() }
    }

    /// How many messages fit when the stream is as `status` says.
    pub(super) fn room(&mut self, status: &BrokerGroupStatus) -> usize {
        self.is_shared = status.groups > self.groups as u64;
        let length = usize::try_from(status.length).unwrap_or(usize::MAX);
        self.waiting.drain(..self.waiting.len().saturating_sub(length));
        // What an entry of another process stands for is not known.
        let of_unknown = if self.takes_places() { Positions::MAX_WRITTEN } else { 1 };
        let unknown = (length - self.waiting.len()).saturating_mul(of_unknown);
        let messages = self.messages().saturating_add(unknown);
        let few = self.takes_places() && length <= FEW_ENTRIES;
        self.window.room(messages as u64, few)
    }

    /// True when entries say where messages are, and not what.
    pub(super) fn takes_places(&self) -> bool {
        match self.entries {
            BackfillEntries::Auto => !self.is_shared,
            BackfillEntries::Positions => true,
            _ => false,
        }
    }

    /// How many messages each of the next entries stands for, when so many are to be published
    /// by their places.
    pub(super) fn per_entry(&self, messages: usize) -> usize {
        ((self.messages() + messages) / SHARED_ENTRIES).clamp(1, Positions::MAX_WRITTEN)
    }

    /// Entries of positions were published that stand for so many messages each.
    pub(super) fn published(&mut self, entries: impl Iterator<Item = usize>) {
        self.waiting.extend(entries);
    }

    fn messages(&self) -> usize {
        self.waiting.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use protean_core::config::{BackfillEntries, Config};
    use protean_port::message::Lane;
    use protean_port::port::BrokerGroupStatus;

    use super::BrokerStream;

    fn stream(lane: Lane, entries: BackfillEntries) -> BrokerStream {
        let mut lanes = Config::default().server.priority_lanes;
        lanes.backfill_entries = entries;
        (lanes.backfill_high_water, lanes.backfill_low_water) = (1000, 100);
        BrokerStream::new(lane, &lanes, 2)
    }

    fn status(length: u64, groups: u64) -> BrokerGroupStatus {
        BrokerGroupStatus { length, groups, ..BrokerGroupStatus::default() }
    }

    #[test]
    fn entries_hold_positions_where_only_groups_of_this_domain_read_bulk_work() {
        for (lane, entries, groups, takes_places) in [
            (Lane::Backfill, BackfillEntries::Auto, 2, true),
            (Lane::Backfill, BackfillEntries::Auto, 3, false),
            (Lane::Backfill, BackfillEntries::Messages, 2, false),
            (Lane::Backfill, BackfillEntries::Positions, 3, true),
            (Lane::Primary, BackfillEntries::Positions, 2, false),
        ] {
            let mut stream = stream(lane, entries);
            stream.room(&status(0, groups));
            assert_eq!(stream.takes_places(), takes_places, "{lane}, {entries}, {groups} groups");
        }
    }

    #[test]
    fn the_more_messages_wait_the_more_an_entry_stands_for() {
        let mut stream = stream(Lane::Backfill, BackfillEntries::Auto);
        assert_eq!([1, 63, 64].map(|messages| stream.per_entry(messages)), [1, 1, 2]);
        stream.published([16; 32].into_iter());
        assert_eq!([1, 512].map(|messages| stream.per_entry(messages)), [16, 32]);
        stream.room(&status(2, 2));
        assert_eq!(stream.per_entry(32), 2, "thirty of the entries are gone");
        stream.published([256; 40].into_iter());
        assert_eq!(stream.per_entry(512), 256);
    }

    #[test]
    fn the_window_counts_messages() {
        let mut stream = stream(Lane::Backfill, BackfillEntries::Auto);
        assert_eq!(stream.room(&status(0, 2)), 1000);
        stream.published([4; 248].into_iter());
        assert_eq!(stream.room(&status(248, 2)), 8);
        stream.published([4; 2].into_iter());
        assert_eq!(stream.room(&status(250, 2)), 0);
        assert_eq!(stream.room(&status(100, 2)), 0, "it is not down yet");
        assert_eq!(stream.room(&status(25, 2)), 900);
    }

    #[test]
    fn a_few_large_entries_that_stay_do_not_close_the_window() {
        let mut stream = stream(Lane::Backfill, BackfillEntries::Auto);
        stream.published([48; 25].into_iter());
        assert_eq!([25, 17].map(|length| stream.room(&status(length, 2))), [0, 0]);
        assert_eq!(stream.room(&status(16, 2)), 1000 - 16 * 48);
    }

    #[test]
    fn what_another_process_has_published_counts_as_much_as_it_may() {
        let mut stream = stream(Lane::Backfill, BackfillEntries::Auto);
        assert_eq!(stream.room(&status(4, 2)), 0, "they may be positions");
        assert_eq!(stream.room(&status(3, 2)), 1000 - 3 * 256);
        let mut whole = self::stream(Lane::Backfill, BackfillEntries::Messages);
        assert_eq!(whole.room(&status(20, 2)), 980);
        assert_eq!(whole.waiting.len(), 0);
    }
}
