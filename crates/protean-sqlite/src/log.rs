//! Reads the log.

use protean_port::Result;
use protean_port::message::{Category, Priority, Recorded, Stream};
use protean_port::port::{BoxFuture, Delivery, Find, LaneRead, Log, TypeStats};
use protean_sql::{SharedNames, limit, signed};
use rusqlite::{Connection, Row, params};

use crate::coalesced::GroupView;
use crate::find;
use crate::recorded::{priorities, recorded, text};
use crate::store::SqliteStore;

impl Log for SqliteStore {
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        count: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>>> {
        let stream = stream.clone();
        Box::pin(self.readers.read(move |view| read_stream(view, &stream, from, count)))
    }

    fn lane(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<Delivery>>> {
        Box::pin(self.readers.read(move |view| read_lanes(view, &read)))
    }

    fn streams<'a>(
        &'a self,
        category: &'a Category,
        after: Option<&'a Stream>,
        count: usize,
    ) -> BoxFuture<'a, Result<Vec<Stream>>> {
        let (category, after) = (category.clone(), after.cloned());
        Box::pin(self.readers.read(move |view| {
            let mut statement = view.prepare_cached(include_str!("sql/read_streams.sql"))?;
            let after = after.as_ref().map_or(category.as_str(), Stream::as_str);
            let range = (category.as_str(), after, limit(count));
            let named = |row: &Row<'_>| Ok(Stream::restored(text(row, 0)?, category.clone()));
            statement.query_map(range, named)?.collect()
        }))
    }

    fn broken_streams(&self, count: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.readers.read(move |view| {
            let mut statement = view.prepare_cached(include_str!("sql/broken_streams.sql"))?;
            statement.query_map([limit(count)], |row| row.get(0))?.collect()
        }))
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<Recorded>>> {
        Box::pin(self.readers.read(move |view| find::find(view, &find)))
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<TypeStats>>> {
        Box::pin(self.readers.read(|view| find::stats(view)))
    }
}

fn read_stream(
    view: &Connection,
    stream: &Stream,
    from: u64,
    count: usize,
) -> rusqlite::Result<Vec<Recorded>> {
    let mut statement = view.prepare_cached(include_str!("sql/read_stream.sql"))?;
    let mut names = SharedNames::default();
    let range = (stream.as_str(), signed(from), limit(count));
    statement.query_map(range, |row| recorded(&mut names, row))?.collect()
}

fn read_lanes(view: &Connection, read: &LaneRead) -> rusqlite::Result<Vec<Delivery>> {
    let group = GroupView::of(view, &read.group, &read.category)?;
    let mut found = Vec::new();
    for priority in priorities(view, &read.category, read.range)? {
        if found.len() >= read.limit {
            break;
        }
        let ahead = read.after.iter().filter(|(of, _)| *of == priority).map(|(_, at)| *at).max();
        let after = group.cursor(priority)?.max(ahead.unwrap_or(0));
        read_lane(&group, priority, after, read.limit, &mut found)?;
    }
    Ok(found)
}

/// Adds the messages of a lane after a position, until `found` has as many as the limit.
fn read_lane(
    group: &GroupView<'_>,
    priority: Priority,
    after: u64,
    most: usize,
    found: &mut Vec<Delivery>,
) -> rusqlite::Result<()> {
    let mut statement = group.view.prepare_cached(include_str!("sql/read_lane.sql"))?;
    let (category, rows) = (group.category.as_str(), limit(most - found.len()));
    let lane = params![group.group, category, priority.value(), signed(after), rows];
    let mut rows = statement.query(lane)?;
    let mut names = SharedNames::default();
    while let Some(row) = rows.next()? {
        found.push(group.delivery(&mut names, row)?);
    }
    Ok(())
}
