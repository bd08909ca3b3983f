//! Reads messages out of rows of the log.

use std::sync::Arc;

use protean_port::message::{
    Category, Extensions, Kind, Message, Priority, Recorded, Stream, Timestamp,
};
use protean_sql::{SharedNames, unsigned};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, Row};

/// The message in a row that begins with the columns of the log.
pub(crate) fn recorded(names: &mut SharedNames, row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let category = names.category(text(row, 3)?);
    let mut extensions =
        Extensions::from_json(row.get_ref(13)?.as_str_or_null().unwrap_or(Some("")));
    // A column of text holds whatever another program has put there.
    let data = row.get_ref(12)?.as_str().unwrap_or_else(|fault| {
        extensions.unreadable.get_or_insert_with(|| format!("its data is no text: {fault}").into());
        ""
    });
    let message = Message {
        id: text(row, 8)?.into(),
        stream: Stream::restored(text(row, 1)?, category),
        kind: kind(row, 5)?,
        type_name: names.type_name(text(row, 6)?),
        version: row.get(7)?,
        priority: Priority::new(row.get(4)?),
        correlation_id: text(row, 9)?.into(),
        causation_id: row.get_ref(10)?.as_str_or_null()?.map(Arc::from),
        time: Timestamp::from_micros(row.get(11)?),
        data: data.into(),
        extensions,
    };
    let (position, stream_position) = (unsigned(row.get(0)?), unsigned(row.get(2)?));
    Ok(Recorded { position, stream_position, message })
}

/// The category and the type that a row begins with.
pub(crate) fn category_and_type(
    names: &mut SharedNames,
    row: &Row<'_>,
) -> rusqlite::Result<(Category, Arc<str>)> {
    Ok((names.category(text(row, 0)?), names.type_name(text(row, 1)?)))
}

/// The priorities of the messages in a category, from high to low.
pub(crate) fn priorities(
    view: &Connection,
    category: &Category,
    (lowest, highest): (Priority, Priority),
) -> rusqlite::Result<Vec<Priority>> {
    let mut statement = view.prepare_cached(include_str!("sql/priorities.sql"))?;
    let range = (category.as_str(), lowest.value(), highest.value());
    statement.query_map(range, |row| row.get(0).map(Priority::new))?.collect()
}

/// The kind of message that a column names.
pub(crate) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Kind> {
    let name = text(row, column)?;
    Kind::named(name)
        .ok_or_else(|| unreadable(column, format!("'{name}' is not a kind of message")))
}

pub(crate) fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    row.get_ref(column)?.as_str().map_err(|e| unreadable(column, e.to_string()))
}

/// The error for a column that holds something this program never writes.
pub(crate) fn unreadable(column: usize, why: String) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, why.into())
}
