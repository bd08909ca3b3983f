//! Cursors and counters: written once at the end of a transaction, however many units
//! change them.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Category, Priority};
use protean_port::port::{At, Count, Counter, DoneMark, Place, left_out};
use protean_sql::{signed, unsigned};
use rusqlite::{Connection, OptionalExtension};

use crate::refusal::Refusal;

/// Cursors and counters of the units that are kept. A copy taken before a unit replaces
/// them when the unit is left out.
#[derive(Clone, Default)]
pub(crate) struct Coalesced {
    cursors: BTreeMap<CursorKey, Cursor>,
    counts: BTreeMap<(Arc<str>, Category, Counter), u64>,
    starts: BTreeMap<(Arc<str>, Category), u64>,
}

type CursorKey = (Arc<str>, Category, Priority);

#[derive(Clone, Copy)]
struct Cursor {
    stored: u64,
    moved: u64,
}

impl Coalesced {
    /// Adds to a counter.
    pub(crate) fn count(&mut self, count: &Count) {
        let key = (Arc::clone(&count.group), count.category.clone(), count.counter);
        *self.counts.entry(key).or_default() += count.count;
    }

    /// Settles the messages of a mark; `places` are those of the unit's own messages.
    pub(crate) fn mark(
        &mut self,
        connection: &Connection,
        mark: &DoneMark,
        places: &[Place],
    ) -> Result<(), Refusal> {
        let moved = self.cursor(connection, mark)?.moved;
        match mark.at {
            At::UpTo(position) => self.move_to(mark, position),
            At::Only(position) => self.settle(connection, mark, position)?,
            At::First(position) => {
                if position <= moved || is_done(connection, mark, position)? {
                    return Err(Refusal::LeftOut(left_out::already_settled(mark, position)));
                }
                self.settle(connection, mark, position)?;
            }
            At::Appended(index) => {
                let Some(place) = places.get(index) else {
                    let outcome = left_out::not_appended(index, places.len());
                    return Err(Refusal::LeftOut(outcome));
                };
                self.settle(connection, mark, place.position)?;
            }
        }
        Ok(())
    }

    /// Settles one message: the cursor moves to it when no other message lies between.
    fn settle(
        &mut self,
        connection: &Connection,
        mark: &DoneMark,
        position: u64,
    ) -> rusqlite::Result<()> {
        let moved = self.cursor(connection, mark)?.moved;
        if position <= moved {
            return Ok(());
        }
        if first_after(connection, mark, moved)? == Some(position) {
            self.move_to(mark, position);
            return Ok(());
        }
        done(connection, mark, position)
    }

    /// Where a group began in a category.
    pub(crate) fn start(
        &mut self,
        connection: &Connection,
        group: &Arc<str>,
        category: &Category,
    ) -> rusqlite::Result<u64> {
        let key = (Arc::clone(group), category.clone());
        if let Some(known) = self.starts.get(&key) {
            return Ok(*known);
        }
        let start = read_start(connection, group, category)?;
        self.starts.insert(key, start);
        Ok(start)
    }

    /// Writes the cursors and counters, sorted by key.
    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        for ((group, category, priority), cursor) in &self.cursors {
            if cursor.moved > cursor.stored {
                let moved = past_settled(connection, group, category, *priority, cursor.moved)?;
                let row = (&**group, category.as_str(), priority.value(), signed(moved));
                connection.prepare_cached(include_str!("sql/move_cursor.sql"))?.execute(row)?;
                connection.prepare_cached(include_str!("sql/fold_done.sql"))?.execute(row)?;
            }
        }
        for ((group, category, counter), count) in &self.counts {
            let row = (&**group, category.as_str(), counter.as_str(), signed(*count));
            connection.prepare_cached(include_str!("sql/count.sql"))?.execute(row)?;
        }
        Ok(())
    }

    fn cursor(&mut self, connection: &Connection, mark: &DoneMark) -> rusqlite::Result<Cursor> {
        let key = key(mark);
        if let Some(known) = self.cursors.get(&key) {
            return Ok(*known);
        }
        let start = self.start(connection, &mark.group, &mark.category)?;
        let at = read_cursor(connection, &mark.group, &mark.category, mark.priority)?;
        let stored = at.unwrap_or(start).max(start);
        let cursor = Cursor { stored, moved: stored };
        self.cursors.insert(key, cursor);
        Ok(cursor)
    }

    fn move_to(&mut self, mark: &DoneMark, position: u64) {
        if let Some(cursor) = self.cursors.get_mut(&key(mark)) {
            cursor.moved = cursor.moved.max(position);
        }
    }
}

/// Where a group began in a category; zero when it is not registered.
pub(crate) fn read_start(
    connection: &Connection,
    group: &str,
    category: &Category,
) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(include_str!("sql/read_start.sql"))?;
    let start = statement.query_row((group, category.as_str()), |row| row.get(0)).optional()?;
    Ok(start.map_or(0, unsigned))
}

/// The cursor of a group for one priority, if it has moved.
pub(crate) fn read_cursor(
    connection: &Connection,
    group: &str,
    category: &Category,
    priority: Priority,
) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached(include_str!("sql/read_cursor.sql"))?;
    let key = (group, category.as_str(), priority.value());
    Ok(statement.query_row(key, |row| row.get(0)).optional()?.map(unsigned))
}

/// Where a cursor that was moved to `moved` ends up: past the messages behind it that
/// are already settled.
fn past_settled(
    connection: &Connection,
    group: &str,
    category: &Category,
    priority: Priority,
    moved: u64,
) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(include_str!("sql/last_settled.sql"))?;
    let row = (group, category.as_str(), priority.value(), signed(moved));
    let last: Option<i64> = statement.query_row(row, |row| row.get(0))?;
    Ok(last.map_or(moved, unsigned))
}

fn key(mark: &DoneMark) -> CursorKey {
    (Arc::clone(&mark.group), mark.category.clone(), mark.priority)
}

/// The first message after `cursor` with the category and priority of the mark.
fn first_after(
    connection: &Connection,
    mark: &DoneMark,
    cursor: u64,
) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached(include_str!("sql/first_in_lane.sql"))?;
    let key = (mark.category.as_str(), mark.priority.value(), signed(cursor));
    Ok(statement.query_row(key, |row| row.get::<_, Option<i64>>(0))?.map(unsigned))
}

fn is_done(connection: &Connection, mark: &DoneMark, position: u64) -> rusqlite::Result<bool> {
    let row = (&*mark.group, mark.category.as_str(), mark.priority.value(), signed(position));
    connection.prepare_cached(include_str!("sql/is_done.sql"))?.exists(row)
}

fn done(connection: &Connection, mark: &DoneMark, position: u64) -> rusqlite::Result<()> {
    let row = (&*mark.group, mark.category.as_str(), mark.priority.value(), signed(position));
    connection.prepare_cached(include_str!("sql/mark_done.sql"))?.execute(row).map(drop)
}
