//! What a transaction writes once, however many units ask for it: cursors,
//! marks and counters.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_core::message::{Category, Priority};
use protean_core::port::{At, Count, Mark, Place, Term};

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
    pub(crate) counts: Layered<(Arc<str>, Category, Term), u64>,
    stretches: BTreeMap<(Category, Priority), Vec<Stretch>>,
}

/// The first messages of a priority after a position.
pub(crate) struct Stretch {
    pub(crate) after: u64,
    pub(crate) positions: Vec<u64>,
    /// True when there are no more.
    pub(crate) complete: bool,
}

/// What the units at hand append, and where.
pub(crate) type Appended<'a> = dyn Fn(&Category, Priority, u64) -> Option<u64> + 'a;

impl Coalesced {
    /// A part of the log, as the database has it.
    pub(crate) fn load(&mut self, lane: (Category, Priority), stretch: Stretch) {
        self.stretches.entry(lane).or_default().push(stretch);
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
        mark: &Mark,
        places: &[Place],
        appended: &Appended<'_>,
    ) -> Result<(), Refusal> {
        match mark.at {
            At::UpTo(position) => self.move_to(mark, position),
            At::Only(position) => self.settle(mark, position, appended),
            At::First(position) => {
                if position <= self.cursor(mark) || self.done.get(&done(mark, position)).is_some() {
                    let message = format!("message {position} is settled for {}", mark.group);
                    return Err(Refusal::stale(message));
                }
                self.settle(mark, position, appended);
            }
            At::Appended(index) => {
                let Some(place) = places.get(index) else {
                    let message = format!("the unit appends no message {index}");
                    return Err(Refusal::rejected("marks", message));
                };
                self.settle(mark, place.position, appended);
            }
        }
        Ok(())
    }

    /// Settles one message: the cursor moves onto it when nothing lies between.
    fn settle(&mut self, mark: &Mark, position: u64, appended: &Appended<'_>) {
        let cursor = self.cursor(mark);
        if position <= cursor {
            return;
        }
        if self.first_after(mark, cursor, appended) == Some(position) {
            self.move_to(mark, position);
        } else {
            self.done.set(done(mark, position), ());
        }
    }

    /// The first message after `cursor` with the category and priority of the
    /// mark; nothing too when it lies beyond what was loaded.
    fn first_after(&self, mark: &Mark, cursor: u64, appended: &Appended<'_>) -> Option<u64> {
        let lane = (mark.category.clone(), mark.priority);
        let stretches = self.stretches.get(&lane).map_or(&[][..], Vec::as_slice);
        let known = stretches.iter().filter(|stretch| stretch.after <= cursor);
        let found = known.clone().filter_map(|stretch| {
            stretch.positions.get(stretch.positions.partition_point(|at| *at <= cursor)).copied()
        });
        let complete = known.clone().any(|stretch| stretch.complete);
        found.min().or_else(|| {
            if complete { appended(&mark.category, mark.priority, cursor) } else { None }
        })
    }

    fn cursor(&self, mark: &Mark) -> u64 {
        self.cursors.get(&key(mark)).copied().unwrap_or(0)
    }

    fn move_to(&mut self, mark: &Mark, position: u64) {
        let moved = self.cursor(mark).max(position);
        self.cursors.set(key(mark), moved);
    }
}

/// The cursor that a mark may move.
pub(crate) fn key(mark: &Mark) -> LaneKey {
    (Arc::clone(&mark.group), mark.category.clone(), mark.priority)
}

fn done(mark: &Mark, position: u64) -> DoneKey {
    (Arc::clone(&mark.group), mark.category.clone(), mark.priority, position)
}
