//! The messages of the log, found by position, by stream and by lane.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::message::{Category, Priority, Recorded, Stream, Timestamp};

/// The messages, with indexes by position, stream, category and priority.
#[derive(Default)]
pub(super) struct Messages {
    pub(super) by_position: BTreeMap<u64, Recorded>,
    pub(super) by_stream: BTreeMap<(Arc<str>, u64), u64>,
    /// The messages of a category and priority, numbered, so that counting a range needs only
    /// its two ends.
    pub(super) by_lane: BTreeMap<(Category, Priority, u64), u64>,
}

impl Messages {
    /// The position of the last message, 0 when there is none.
    pub(super) fn head(&self) -> u64 {
        self.by_position.last_key_value().map_or(0, |(position, _)| *position)
    }

    /// The message at a position.
    pub(super) fn at(&self, position: u64) -> Option<&Recorded> {
        self.by_position.get(&position)
    }

    /// Every message, by position.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Recorded> {
        self.by_position.values()
    }

    /// The messages of one stream.
    pub(super) fn stream(&self, stream: &Stream, from: u64, limit: usize) -> Vec<Recorded> {
        let places = self.by_stream.range((stream.name(), from)..=(stream.name(), u64::MAX));
        places.take(limit).filter_map(|(_, position)| self.at(*position)).cloned().collect()
    }

    /// The streams of a category after one of them, by name.
    pub(super) fn streams(
        &self,
        category: &Category,
        after: Option<&Stream>,
        limit: usize,
    ) -> Vec<Stream> {
        let after = after.map_or_else(|| category.as_str().into(), Stream::name);
        let later = self.by_stream.range((after, u64::MAX)..);
        let firsts = later.filter(|((_, in_stream), _)| *in_stream == 0);
        let streams = firsts.filter_map(|(_, position)| Some(&self.at(*position)?.message.stream));
        streams.filter(|stream| stream.category() == category).take(limit).cloned().collect()
    }

    /// The priorities of the messages in a category, the highest first.
    pub(super) fn priorities(
        &self,
        category: &Category,
        (lowest, highest): (Priority, Priority),
    ) -> Vec<Priority> {
        let mut priorities = Vec::new();
        let mut below = (category.clone(), highest, u64::MAX);
        let floor = (category.clone(), lowest, 0);
        while floor <= below {
            let Some(((_, priority, _), _)) = self.by_lane.range(&floor..=&below).next_back()
            else {
                break;
            };
            priorities.push(*priority);
            // No message has position 0, so the next search ends just below this priority.
            below = (category.clone(), *priority, 0);
        }
        priorities
    }

    /// The number of messages of one priority after a position.
    pub(super) fn count_after(&self, category: &Category, priority: Priority, after: u64) -> u64 {
        let number = |up_to: u64| {
            let (first, last) =
                ((category.clone(), priority, 0), (category.clone(), priority, up_to));
            self.by_lane.range(first..=last).next_back().map_or(0, |(_, number)| *number)
        };
        number(u64::MAX) - number(after)
    }

    /// The positions of one priority after a position, in order.
    pub(super) fn positions_after(
        &self,
        category: &Category,
        priority: Priority,
        after: u64,
    ) -> impl Iterator<Item = u64> {
        let first = (category.clone(), priority, after.saturating_add(1));
        let last = (category.clone(), priority, u64::MAX);
        self.by_lane.range(first..=last).map(|((_, _, position), _)| *position)
    }

    /// The position of the last message of one priority, 0 when there is none.
    pub(super) fn lane_head(&self, category: &Category, priority: Priority) -> u64 {
        let (first, last) =
            ((category.clone(), priority, 0), (category.clone(), priority, u64::MAX));
        self.by_lane.range(first..=last).next_back().map_or(0, |((_, _, position), _)| *position)
    }

    /// When the message at a position was created.
    pub(super) fn time(&self, position: u64) -> Option<Timestamp> {
        self.at(position).map(|recorded| recorded.message.time)
    }

    /// The streams whose positions are not 0, 1, 2, ….
    pub(super) fn broken(&self, limit: usize) -> Vec<String> {
        let mut broken: Vec<String> = Vec::new();
        let mut expected: Option<(&Arc<str>, u64)> = None;
        for (stream, position) in self.by_stream.keys() {
            let next = expected.filter(|(name, _)| *name == stream).map_or(0, |(_, next)| next);
            if *position != next && broken.last().is_none_or(|last| **last != **stream) {
                broken.push(stream.to_string());
            }
            expected = Some((stream, position + 1));
        }
        broken.truncate(limit);
        broken
    }

    /// The length of a stream when the log reached a position.
    pub(super) fn length_at(&self, stream: &Stream, position: u64) -> u64 {
        let (mut shortest, mut longest) = (0, self.length(stream));
        while shortest < longest {
            let middle = shortest + (longest - shortest) / 2;
            match self.by_stream.get(&(stream.name(), middle)) {
                Some(at) if *at <= position => shortest = middle + 1,
                _ => longest = middle,
            }
        }
        shortest
    }

    /// The number of messages in a stream.
    pub(super) fn length(&self, stream: &Stream) -> u64 {
        let mut places = self.by_stream.range((stream.name(), 0)..=(stream.name(), u64::MAX));
        places.next_back().map_or(0, |((_, position), _)| position + 1)
    }
}
