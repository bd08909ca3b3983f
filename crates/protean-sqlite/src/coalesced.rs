//! How far groups have come. Cursors and counters are written once at the end of a
//! transaction, however many units change them.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Category, Priority, Stream};
use protean_port::port::{At, Count, Counter, Delivery, DoneMark, Place, left_out};
use protean_sql::{SharedNames, adds_counts, count_messages, signed, unsigned};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::recorded::recorded;
use crate::refusal::Refusal;

/// Cursors and counters of the units that are kept. A copy taken before a unit replaces
/// them when the unit is left out.
#[derive(Clone, Default)]
pub(crate) struct Coalesced {
    cursors: BTreeMap<CursorKey, Cursor>,
    counts: BTreeMap<(Arc<str>, Category, Counter), u64>,
    starts: BTreeMap<(Arc<str>, Category), u64>,
    /// The messages of the log are to be counted.
    adds_counts: bool,
}

type CursorKey = (Arc<str>, Category, Priority);

#[derive(Clone, Copy)]
struct Cursor {
    stored: u64,
    moved: u64,
}

impl Coalesced {
    /// Notes the places of new messages.
    pub(crate) fn appended(&mut self, places: &[Place]) {
        if let (Some(first), Some(last)) = (places.first(), places.last()) {
            self.adds_counts |= adds_counts(first.position..=last.position);
        }
    }

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
                let group = self.group(connection, &mark.group, &mark.category)?;
                if position <= moved || group.is_done(mark.priority, position)? {
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

    /// A group as it is before the units.
    pub(crate) fn group<'a>(
        &mut self,
        connection: &'a Connection,
        group: &'a Arc<str>,
        category: &'a Category,
    ) -> rusqlite::Result<GroupView<'a>> {
        let key = (Arc::clone(group), category.clone());
        if let Some(start) = self.starts.get(&key) {
            return Ok(GroupView { view: connection, group, category, start: *start });
        }
        let view = GroupView::of(connection, group, category)?;
        self.starts.insert(key, view.start);
        Ok(view)
    }

    /// Writes the cursors and counters, sorted by key, and from time to time how many messages
    /// there are.
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
        if self.adds_counts {
            connection.execute(&count_messages("position"), [])?;
        }
        Ok(())
    }

    fn cursor(&mut self, connection: &Connection, mark: &DoneMark) -> rusqlite::Result<Cursor> {
        let key = key(mark);
        if let Some(known) = self.cursors.get(&key) {
            return Ok(*known);
        }
        let group = self.group(connection, &mark.group, &mark.category)?;
        let stored = group.cursor(mark.priority)?;
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

/// A group and a category of the log, in one view of the database.
pub(crate) struct GroupView<'a> {
    pub(crate) view: &'a Connection,
    pub(crate) group: &'a str,
    pub(crate) category: &'a Category,
    /// The position after which the log begins for the group; zero when it is not registered.
    pub(crate) start: u64,
}

impl<'a> GroupView<'a> {
    pub(crate) fn of(
        view: &'a Connection,
        group: &'a str,
        category: &'a Category,
    ) -> rusqlite::Result<Self> {
        let mut statement = view.prepare_cached(include_str!("sql/read_start.sql"))?;
        let start = statement.query_row((group, category.as_str()), |row| row.get(0)).optional()?;
        Ok(Self { view, group, category, start: start.map_or(0, unsigned) })
    }

    /// The cursor for one priority.
    pub(crate) fn cursor(&self, priority: Priority) -> rusqlite::Result<u64> {
        let mut statement = self.view.prepare_cached(include_str!("sql/read_cursor.sql"))?;
        let key = (self.group, self.category.as_str(), priority.value());
        let cursor = statement.query_row(key, |row| row.get(0)).optional()?;
        Ok(cursor.map_or(self.start, unsigned).max(self.start))
    }

    /// True when a message after the cursor has a done mark.
    pub(crate) fn is_done(&self, priority: Priority, position: u64) -> rusqlite::Result<bool> {
        let mark = (self.group, self.category.as_str(), priority.value(), signed(position));
        self.view.prepare_cached(include_str!("sql/is_done.sql"))?.exists(mark)
    }

    /// The position that the group expects next in a stream, if it has moved there.
    pub(crate) fn progress(&self, stream: &Stream) -> rusqlite::Result<Option<u64>> {
        let mut statement = self.view.prepare_cached(include_str!("sql/read_progress.sql"))?;
        let key = (self.group, stream.as_str());
        Ok(statement.query_row(key, |row| row.get(0)).optional()?.map(unsigned))
    }

    /// The position that the group expects first in a stream.
    pub(crate) fn first_expected(&self, stream: &Stream) -> rusqlite::Result<u64> {
        if self.start == 0 {
            return Ok(0);
        }
        let mut statement = self.view.prepare_cached(include_str!("sql/first_after_start.sql"))?;
        let key = (stream.as_str(), signed(self.start));
        let next = statement.query_row(key, |row| row.get(0)).optional()?;
        Ok(next.map_or(0, unsigned))
    }

    /// The position that the group expects next in a stream.
    pub(crate) fn expected(&self, stream: &Stream) -> rusqlite::Result<u64> {
        match self.progress(stream)? {
            Some(next) => Ok(next),
            None => self.first_expected(stream),
        }
    }

    /// True when a message of the stream before `position` is parked or dead, and the group
    /// has not moved past it.
    pub(crate) fn is_blocked(&self, stream: &Stream, position: u64) -> rusqlite::Result<bool> {
        let mut statement = self.view.prepare_cached(include_str!("sql/is_blocked.sql"))?;
        let next = signed(self.expected(stream)?);
        let between = (self.group, stream.as_str(), next, signed(position));
        statement.query_row(between, |row| row.get(0))
    }

    /// A message in a row that goes on with the progress of the group in its stream.
    pub(crate) fn delivery(
        &self,
        names: &mut SharedNames,
        row: &Row<'_>,
    ) -> rusqlite::Result<Delivery> {
        let recorded = recorded(names, row)?;
        let next = match row.get(14)? {
            Some(next) => unsigned(next),
            None => self.first_expected(&recorded.message.stream)?,
        };
        Ok(Delivery { recorded, next, attempts: 0, parked: false })
    }
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

fn done(connection: &Connection, mark: &DoneMark, position: u64) -> rusqlite::Result<()> {
    let row = (&*mark.group, mark.category.as_str(), mark.priority.value(), signed(position));
    connection.prepare_cached(include_str!("sql/mark_done.sql"))?.execute(row).map(drop)
}
