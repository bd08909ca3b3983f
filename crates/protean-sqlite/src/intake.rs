//! The table into which plain programs insert commands.

use std::sync::Arc;

use protean_port::Result;
use protean_port::message::Timestamp;
use protean_port::port::{
    BoxFuture, IntakeEntry, IntakeRead, IntakeReject, IntakeRow, IntakeTable,
};
use protean_sql::{limit, signed, unsigned};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::recorded::text;
use crate::store::SqliteStore;

impl IntakeTable for SqliteStore {
    fn intake_rows(&self, read: IntakeRead) -> BoxFuture<'_, Result<Vec<IntakeRow>>> {
        Box::pin(self.readers.read(move |view| rows(view, &read)))
    }

    fn intake_rejects(&self, after: u64, most: usize) -> BoxFuture<'_, Result<Vec<IntakeReject>>> {
        Box::pin(self.readers.read(move |view| {
            let mut page = view.prepare_cached(include_str!("sql/read_intake_rejects.sql"))?;
            page.query_map((signed(after), limit(most)), reject)?.collect()
        }))
    }
}

fn rows(view: &Connection, read: &IntakeRead) -> rusqlite::Result<Vec<IntakeRow>> {
    let mut levels = view.prepare_cached(include_str!("sql/intake_levels.sql"))?;
    let mut page = view.prepare_cached(include_str!("sql/read_intake.sql"))?;
    let ((lowest, highest), (names, is_read)) = (read.range(), read.domains.names());
    let level = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?));
    let mut found: Vec<IntakeRow> = Vec::new();
    for level in levels.query_map((lowest, highest, json(names), is_read), level)? {
        let (domain, priority) = level?;
        let range = (domain, priority, signed(read.after), limit(read.limit));
        let (mut rows, mut bytes) = (page.query_map(range, waiting)?, 0);
        while bytes < IntakeRead::MAX_BYTES
            && let Some(row) = rows.next().transpose()?
        {
            bytes += row.entry.bytes();
            found.push(row);
        }
    }
    found.sort_by_key(|row| row.place);
    found.truncate(read.limit);
    IntakeRow::cut(&mut found);
    Ok(found)
}

/// These names as a statement takes them.
pub(crate) fn json(texts: &[impl AsRef<str>]) -> String {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    serde_json::json!(texts).to_string()
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<IntakeRow> {
    let (entry, is_garbled) = entry(row, 7)?;
    Ok(IntakeRow { place: unsigned(row.get(0)?), entry, is_logged: row.get(6)?, is_garbled })
}

fn reject(row: &Row<'_>) -> rusqlite::Result<IntakeReject> {
    Ok(IntakeReject {
        place: unsigned(row.get(0)?),
        entry: entry(row, 8)?.0,
        reason: text(row, 6)?.to_owned(),
        time: Timestamp::from_micros(row.get(7)?),
    })
}

/// The inserted row, with its metadata in this column, and whether any column is not valid UTF-8:
/// another program may insert anything.
fn entry(row: &Row<'_>, metadata: usize) -> rusqlite::Result<(IntakeEntry, bool)> {
    let mut is_garbled = false;
    let mut shown = |column: usize| -> rusqlite::Result<Option<Arc<str>>> {
        Ok(match row.get_ref(column)? {
            ValueRef::Null => None,
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                is_garbled |= str::from_utf8(bytes).is_err();
                Some(text.into())
            }
            ValueRef::Integer(number) => Some(number.to_string().into()),
            ValueRef::Real(number) => Some(number.to_string().into()),
        })
    };
    let entry = IntakeEntry {
        id: shown(1)?.unwrap_or_default(),
        type_name: shown(2)?.unwrap_or_default(),
        data: shown(3)?.unwrap_or_default(),
        priority: row.get(4)?,
        key: shown(5)?,
        metadata: shown(metadata)?,
    };
    Ok((entry, is_garbled))
}
