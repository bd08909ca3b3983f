//! What a transaction writes once, however many units ask for it: cursors,
//! marks and counters.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Category, Priority};
use protean_port::port::{At, Count, Counter, DoneMark, Place};

use crate::layer::Layered;
use crate::refusal::Refusal;

/// A group in a lane's part of the log.
pub(crate) type LaneKey = (Arc<str>, Category, Priority);
/// A message in it.
pub(crate) type DoneKey = (Arc<str>, Category, Priority, u64);

/// Cursors, marks and counters.
#[derive(Default)]
pub(crate) struct Coalesced {
    pub(crate) cursors: Layered<LaneKey, u64>,
    pub(crate) done: Layered<DoneKey, ()>,
    pub(crate) counts: Layered<(Arc<str>, Category, Counter), u64>,
    /// The message before one, in the same part of the log.
    before: BTreeMap<(Category, Priority, u64), u64>,
    /// The last message of a part of the log.
    heads: BTreeMap<(Category, Priority), u64>,
}

/// The message that the units at hand append before a position to the same part of the log.
pub(crate) type Appended<'a> = dyn Fn(&Category, Priority, u64) -> Option<u64> + 'a;

impl Coalesced {
    /// A message and the one before it, as the database has them.
    pub(crate) fn load_place(&mut self, place: (Category, Priority, u64), before: u64) {
        self.before.insert(place, before);
    }

    /// A cursor and the last message, as the database has them.
    pub(crate) fn load_cursor(&mut self, key: LaneKey, cursor: u64, head: u64) {
        self.heads.insert((key.1.clone(), key.2), head);
        self.cursors.load(key, cursor);
    }

    /// Adds to a counter.
    pub(crate) fn count(&mut self, count: &Count) {
        let key = (Arc::clone(&count.group), count.category.clone(), count.term);
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
                    let message = format!("message {position} is settled for {}", mark.group);
                    return Err(Refusal::stale(message));
                }
                self.settle(mark, position);
            }
            At::Appended(index) => {
                let Some(place) = places.get(index) else {
                    let message = format!("the unit appends no message {index}");
                    return Err(Refusal::rejected("marks", message));
                };
                let lane = (mark.category.clone(), mark.priority);
                let before = appended(&mark.category, mark.priority, place.position);
                let before = before.or_else(|| self.heads.get(&lane).copied()).unwrap_or(0);
                self.before.insert((lane.0, lane.1, place.position), before);
                self.settle(mark, place.position);
            }
        }
        Ok(())
    }

    /// Settles one message: the cursor moves onto it when nothing lies between.
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
