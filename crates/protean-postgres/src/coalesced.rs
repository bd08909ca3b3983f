//! Cursors, marks and counters: written once in a transaction, however many units change
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Category, Priority};
use protean_port::port::{At, Count, Counter, DoneMark, Place, left_out};

use crate::refusal::Refusal;
use crate::staged::StagedMap;

/// A group and the part of the log that one lane reads: a category and a priority.
pub(crate) type LaneKey = (Arc<str>, Category, Priority);
/// A message in that part of the log.
pub(crate) type DoneKey = (Arc<str>, Category, Priority, u64);

/// The cursors, marks and counters that a transaction changes.
#[derive(Default)]
pub(crate) struct Coalesced {
    pub(crate) cursors: StagedMap<LaneKey, u64>,
    pub(crate) done: StagedMap<DoneKey, ()>,
    pub(crate) counts: StagedMap<(Arc<str>, Category, Counter), u64>,
    /// The message before a given one, in the same part of the log.
    before: BTreeMap<(Category, Priority, u64), u64>,
    /// The last message of a part of the log.
    heads: BTreeMap<(Category, Priority), u64>,
}

/// Finds the last message that the units append before a position to a part of the log.
pub(crate) type Appended<'a> = dyn Fn(&Category, Priority, u64) -> Option<u64> + 'a;

impl Coalesced {
    /// A message and the one before it, as the database has them.
    pub(crate) fn load_place(
        &mut self,
        category: Category,
        priority: Priority,
        position: u64,
        before: u64,
    ) {
        self.before.insert((category, priority, position), before);
    }

    /// A cursor and the last message, as the database has them.
    pub(crate) fn load_cursor(&mut self, key: LaneKey, cursor: u64, head: u64) {
        self.heads.insert((key.1.clone(), key.2), head);
        self.cursors.load(key, cursor);
    }

    /// Adds to a counter.
    pub(crate) fn count(&mut self, count: &Count) {
        let key = (Arc::clone(&count.group), count.category.clone(), count.counter);
        let counted = self.counts.get(&key).copied().unwrap_or(0);
        self.counts.set(key, counted + count.count);
    }

    /// Settles the messages of a mark; `places` are those of the unit's own messages.
    pub(crate) fn mark(
        &mut self,
        mark: &DoneMark,
        places: &[Place],
        appended: &Appended<'_>,
    ) -> Result<(), Refusal> {
        match mark.at {
            At::UpTo(position) => self.move_to(mark, position),
            At::Only(position) => self.settle(mark, position),
            At::First(position) => {
                if position <= self.cursor(mark) || self.done.get(&done(mark, position)).is_some() {
                    return Err(Refusal::LeftOut(left_out::already_settled(mark, position)));
                }
                self.settle(mark, position);
            }
            At::Appended(index) => {
                let Some(place) = places.get(index) else {
                    let outcome = left_out::not_appended(index, places.len());
                    return Err(Refusal::LeftOut(outcome));
                };
                let lane = (mark.category.clone(), mark.priority);
                let before = appended(&mark.category, mark.priority, place.position)
                    .or_else(|| self.heads.get(&lane).copied())
                    .unwrap_or(0);
                self.before.insert((lane.0, lane.1, place.position), before);
                self.settle(mark, place.position);
            }
        }
        Ok(())
    }

    /// Settles one message: the cursor moves to it when no other message lies between.
    fn settle(&mut self, mark: &DoneMark, position: u64) {
        let cursor = self.cursor(mark);
        if position <= cursor {
            return;
        }
        let before = self.before.get(&(mark.category.clone(), mark.priority, position));
        if before.is_some_and(|before| *before <= cursor) {
            self.move_to(mark, position);
        } else {
            self.done.set(done(mark, position), ());
        }
    }

    fn cursor(&self, mark: &DoneMark) -> u64 {
        self.cursors.get(&key(mark)).copied().unwrap_or(0)
    }

    fn move_to(&mut self, mark: &DoneMark, position: u64) {
        let moved = self.cursor(mark).max(position);
        self.cursors.set(key(mark), moved);
    }
}

/// The cursor that a mark may move.
pub(crate) fn key(mark: &DoneMark) -> LaneKey {
    (Arc::clone(&mark.group), mark.category.clone(), mark.priority)
}

fn done(mark: &DoneMark, position: u64) -> DoneKey {
    (Arc::clone(&mark.group), mark.category.clone(), mark.priority, position)
}
