//! Reads the log.

use std::collections::HashMap;
use std::sync::Arc;

use protean_port::Result;
use protean_port::message::{
    Category, Extensions, Kind, Message, Priority, Recorded, Stream, Timestamp,
};
use protean_port::port::{BoxFuture, Delivery, Find, LaneRead, Log, TypeStats};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, Row, params};

use crate::coalesced::{read_cursor, read_start};
use crate::find;
use crate::store::SqliteStore;
use crate::unit::first_expected;
use crate::value::{limit, signed, unsigned};

impl Log for SqliteStore {
    fn stream<'a>(
        &'a self,
        stream: &'a Stream,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>>> {
        let stream = stream.clone();
        Box::pin(self.readers.read(move |view| read_stream(view, &stream, from, limit)))
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

    fn broken_streams(&self, limit: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.readers.read(move |view| {
            let mut statement = view.prepare_cached(include_str!("sql/broken_streams.sql"))?;
            statement.query_map([crate::value::limit(limit)], |row| row.get(0))?.collect()
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
    let mut names = Names::default();
    let range = (stream.as_str(), signed(from), limit(count));
    statement.query_map(range, |row| names.recorded(row))?.collect()
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

/// The priorities a category has messages of, from high to low.
pub(crate) fn priorities(
    view: &Connection,
    category: &Category,
    lowest: Priority,
    highest: Priority,
) -> rusqlite::Result<Vec<Priority>> {
    let mut statement = view.prepare_cached(include_str!("sql/priorities.sql"))?;
    let range = (category.as_str(), lowest.value(), highest.value());
    statement.query_map(range, |row| row.get(0).map(Priority::new))?.collect()
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
    let mut names = Names::default();
    while let Some(row) = rows.next()? {
        let recorded = names.recorded(row)?;
        let next = next(view, row.get(14)?, recorded.message.stream.as_str(), page.start)?;
        found.push(Delivery { recorded, next, attempts: 0, parked: false });
    }
    Ok(())
}

/// What a group expects next in a stream, from its progress when there is any.
pub(crate) fn next(
    view: &Connection,
    progress: Option<i64>,
    stream: &str,
    start: u64,
) -> rusqlite::Result<u64> {
    progress.map_or_else(|| first_expected(view, stream, start), |next| Ok(unsigned(next)))
}

/// Names that many messages of one page share.
#[derive(Default)]
pub(crate) struct Names {
    categories: HashMap<String, Category>,
    types: HashMap<String, Arc<str>>,
}

impl Names {
    /// The message in a row that begins with the columns of the log.
    pub(crate) fn recorded(&mut self, row: &Row<'_>) -> rusqlite::Result<Recorded> {
        let category = self.category(text(row, 3)?);
        let message = Message {
            id: text(row, 8)?.into(),
            stream: Stream::restored(text(row, 1)?, category),
            kind: kind(row, 5)?,
            type_name: self.type_name(text(row, 6)?),
            version: row.get(7)?,
            priority: Priority::new(row.get(4)?),
            correlation_id: text(row, 9)?.into(),
            causation_id: row.get_ref(10)?.as_str_or_null()?.map(Arc::from),
            time: Timestamp::from_micros(row.get(11)?),
            data: text(row, 12)?.into(),
            extensions: Extensions::from_json(row.get_ref(13)?.as_str_or_null()?)
                .map_err(|e| odd(13, e.to_string()))?,
        };
        let (position, stream_position) = (unsigned(row.get(0)?), unsigned(row.get(2)?));
        Ok(Recorded { position, stream_position, message })
    }

    /// The names in a row that begins with a category and a type.
    pub(crate) fn category_and_type(
        &mut self,
        row: &Row<'_>,
    ) -> rusqlite::Result<(Category, Arc<str>)> {
        Ok((self.category(text(row, 0)?), self.type_name(text(row, 1)?)))
    }

    fn category(&mut self, name: &str) -> Category {
        if !self.categories.contains_key(name) {
            self.categories.insert(name.to_owned(), Category::named(name));
        }
        self.categories[name].clone()
    }

    fn type_name(&mut self, name: &str) -> Arc<str> {
        if !self.types.contains_key(name) {
            self.types.insert(name.to_owned(), Arc::from(name));
        }
        Arc::clone(&self.types[name])
    }
}

/// The kind of message that a column names.
pub(crate) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Kind> {
    let name = text(row, column)?;
    Kind::named(name).ok_or_else(|| odd(column, format!("'{name}' is no kind of message")))
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    row.get_ref(column)?.as_str().map_err(|e| odd(column, e.to_string()))
}

/// A column that does not hold what this program wrote.
pub(crate) fn odd(column: usize, why: String) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, why.into())
}
