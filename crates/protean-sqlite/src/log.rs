//! Reads the log.

use protean_port::Result;
use protean_port::message::{Category, Priority, Recorded, Stream};
use protean_port::port::{BoxFuture, Delivery, Find, LaneRead, Log, TypeStats};
use protean_sql::{SharedNames, limit, signed, unsigned};
use rusqlite::{Connection, Row, params};

use crate::coalesced::{read_cursor, read_start};
use crate::find;
use crate::recorded::{priorities, recorded, text};
use crate::store::SqliteStore;
use crate::unit::first_expected;

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
    let (lowest, highest) = read.range;
    let start = read_start(view, &read.group, &read.category)?;
    let mut found = Vec::new();
    for priority in priorities(view, &read.category, lowest, highest)? {
        if found.len() >= read.limit {
            break;
        }
        let cursor = read_cursor(view, &read.group, &read.category, priority)?;
        let ahead = read.after.iter().filter(|(of, _)| *of == priority).map(|(_, at)| *at).max();
        let after = cursor.unwrap_or(start).max(start).max(ahead.unwrap_or(0));
        read_lane(view, read, Page { priority, after, start }, &mut found)?;
    }
    Ok(found)
}

struct Page {
    priority: Priority,
    after: u64,
    start: u64,
}

fn read_lane(
    view: &Connection,
    read: &LaneRead,
    page: Page,
    found: &mut Vec<Delivery>,
) -> rusqlite::Result<()> {
    let mut statement = view.prepare_cached(include_str!("sql/read_lane.sql"))?;
    let mut rows = statement.query(params![
        read.group,
        read.category.as_str(),
        page.priority.value(),
        signed(page.after),
        limit(read.limit - found.len())
    ])?;
    let mut names = SharedNames::default();
    while let Some(row) = rows.next()? {
        let recorded = recorded(&mut names, row)?;
        let next = next(view, row.get(14)?, recorded.message.stream.as_str(), page.start)?;
        found.push(Delivery { recorded, next, attempts: 0, parked: false });
    }
    Ok(())
}

/// The position that a group expects next in a stream, from its progress if it has any.
pub(crate) fn next(
    view: &Connection,
    progress: Option<i64>,
    stream: &str,
    start: u64,
) -> rusqlite::Result<u64> {
    progress.map_or_else(|| first_expected(view, stream, start), |next| Ok(unsigned(next)))
}
