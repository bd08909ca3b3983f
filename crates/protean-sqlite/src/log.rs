//! Reads the log.

use protean_port::Result;
use protean_port::message::{Category, Priority, Recorded, Stream};
use protean_port::port::{BoxFuture, Delivery, Find, LaneRead, Log, LogPlace, TypeStats};
use protean_sql::{SharedNames, limit, signed, unsigned};
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
        Box::pin(self.readers.read(move |view| {
            let (sql, mut names) = (include_str!("sql/read_lane.sql"), SharedNames::default());
            read_lanes(view, &read, sql, |group, row| group.delivery(&mut names, row))
        }))
    }

    fn lane_places(&self, read: LaneRead) -> BoxFuture<'_, Result<Vec<LogPlace>>> {
        Box::pin(self.readers.read(move |view| {
            read_lanes(view, &read, include_str!("sql/read_lane_places.sql"), |_, row| place(row))
        }))
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

/// What `sql` finds in each lane of a read, until there is as much as its limit.
fn read_lanes<T>(
    view: &Connection,
    read: &LaneRead,
    sql: &str,
    mut found: impl FnMut(&GroupView<'_>, &Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let group = GroupView::of(view, &read.group, &read.category)?;
    let (mut statement, category) = (view.prepare_cached(sql)?, read.category.as_str());
    let mut all = Vec::new();
    for priority in priorities(view, &read.category, read.range)? {
        if all.len() >= read.limit {
            break;
        }
        let ahead = read.after.iter().filter(|(of, _)| *of == priority).map(|(_, at)| *at).max();
        let after = group.cursor(priority)?.max(ahead.unwrap_or(0));
        let rows = limit(read.limit - all.len());
        let lane = params![group.group, category, priority.value(), signed(after), rows];
        let mut rows = statement.query(lane)?;
        while let Some(row) = rows.next()? {
            all.push(found(&group, row)?);
        }
    }
    Ok(all)
}

fn place(row: &Row<'_>) -> rusqlite::Result<LogPlace> {
    let position = unsigned(row.get(0)?);
    Ok(LogPlace { position, priority: Priority::new(row.get(1)?), id: text(row, 2)?.into() })
}
