//! Cursors, marks and counters: written once in a transaction, however many units change
//! them.

use std::collections::{BTreeMap, BTreeSet};
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
    /// The message after a given one, in the same part of the log.
    after: BTreeMap<(Category, Priority, u64), u64>,
    /// The cursors with marks beyond them in the database.
    marked: BTreeSet<LaneKey>,
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
        self.after.insert((category.clone(), priority, before), position);
        self.before.insert((category, priority, position), before);
    }

    /// A cursor, whether marks lie beyond it, and the last message, as the database has them.
    pub(crate) fn load_cursor(&mut self, key: LaneKey, cursor: u64, is_marked: bool, head: u64) {
        self.heads.insert((key.1.clone(), key.2), head);
        if is_marked {
            self.marked.insert(key.clone());
        }
        self.cursors.load(key, cursor);
    }

    /// Moves cursors past the kept marks next to them, which then need not be written.
    pub(crate) fn pass_marks(&mut self) {
        let cursors = self.cursors.changes().map(|(key, _, cursor)| (key.clone(), *cursor));
        for (key, cursor) in Vec::from_iter(cursors) {
            let (group, category, priority) = key.clone();
            let mut reached = cursor;
            while let Some(next) = self.after.get(&(category.clone(), priority, reached)) {
                let mark = (Arc::clone(&group), category.clone(), priority, *next);
                if !self.done.take_back(&mark) {
                    break;
                }
                reached = *next;
            }
            if reached > cursor {
                self.cursors.set(key, reached);
            }
        }
        self.cursors.keep();
    }

    /// True when marks may lie beyond a cursor.
    pub(crate) fn has_marks(&self, key: &LaneKey) -> bool {
        !self.done.is_empty() || self.marked.contains(key)
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
                self.load_place(lane.0, lane.1, place.position, before);
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

#[cfg(test)]
mod tests {
    use protean_port::message::{Category, Priority};
    use protean_port::port::{At, DoneMark};

    use super::Coalesced;

    const LANE: Priority = Priority::BULK;

    fn mark(position: u64) -> DoneMark {
        DoneMark {
            group: "d.H".into(),
            category: Category::named("d::c"),
            priority: LANE,
            at: At::First(position),
        }
    }

    /// A lane whose cursor is at 10, with messages at 12, 15 and 16.
    fn loaded(is_marked: bool) -> Coalesced {
        let mut coalesced = Coalesced::default();
        let lane = ("d.H".into(), Category::named("d::c"), LANE);
        coalesced.load_cursor(lane, 10, is_marked, 16);
        for (before, position) in [(10, 12), (12, 15), (15, 16)] {
            coalesced.load_place(Category::named("d::c"), LANE, position, before);
        }
        coalesced
    }

    fn settle(coalesced: &mut Coalesced, positions: &[u64]) {
        for position in positions {
            let settled = coalesced.mark(&mark(*position), &[], &|_, _, _| None);
            assert!(settled.is_ok());
            coalesced.cursors.keep();
            coalesced.done.keep();
        }
        coalesced.pass_marks();
    }

    fn cursor(coalesced: &Coalesced) -> Option<u64> {
        coalesced.cursors.changes().map(|(.., now)| *now).next()
    }

    fn marks(coalesced: &Coalesced) -> Vec<u64> {
        coalesced.done.changes().map(|((.., position), ..)| *position).collect()
    }

    #[test]
    fn a_cursor_passes_the_marks_next_to_it_so_they_are_not_written() {
        let mut coalesced = loaded(false);
        settle(&mut coalesced, &[15, 16]);
        assert_eq!((cursor(&coalesced), marks(&coalesced)), (None, vec![15, 16]));
        settle(&mut coalesced, &[12]);
        assert_eq!((cursor(&coalesced), marks(&coalesced)), (Some(16), Vec::new()));
    }

    #[test]
    fn a_mark_behind_a_message_that_is_not_settled_stays() {
        let mut coalesced = loaded(false);
        settle(&mut coalesced, &[16, 12]);
        assert_eq!((cursor(&coalesced), marks(&coalesced)), (Some(12), vec![16]));
    }

    #[test]
    fn marks_are_looked_for_in_the_database_only_where_there_are_some() {
        let lane = ("d.H".into(), Category::named("d::c"), LANE);
        let mut coalesced = loaded(false);
        settle(&mut coalesced, &[12]);
        assert!(!coalesced.has_marks(&lane));
        assert!(loaded(true).has_marks(&lane));
        settle(&mut coalesced, &[16]);
        assert!(coalesced.has_marks(&lane), "one is written now");
    }
}
