//! Pages of a query, and where the next one begins.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protean_port::message::{ColumnKind, Id, Row, RowQuery, SortKey, Table, Timestamp, Value};
use protean_port::{Error, Result, Violations};
use serde::{Deserialize, Serialize};

/// Some rows of a query, in its order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
    /// The number of rows on all pages, if requested.
    pub total: Option<u64>,
}

/// The position of a row in the order of a query: the next page begins
/// [after](super::Selection::after) it.
///
/// It is a URL-safe string, to be passed to a client and back unchanged. It contains the values
/// that the last row is sorted by and is not encrypted. Any string is safe to accept: the query
/// refuses a cursor of another query when it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// The place of a row.
    pub(super) fn of(table: &Table, query: &RowQuery, row: &Row) -> Self {
        let keys = query.sort_keys(table).into_iter();
        let values = keys.map(|key| row.get(key.column).and_then(text));
        let place = (fingerprint(table, query), values.collect::<Vec<_>>());
        // Strings and nulls can always be written as JSON.
        Self(URL_SAFE_NO_PAD.encode(serde_json::to_string(&place).unwrap_or_default()))
    }

    /// The sort values of the row.
    ///
    /// # Errors
    /// When it is not a cursor of this query.
    pub(super) fn values(&self, table: &Table, query: &RowQuery) -> Result<Vec<Value>> {
        let refused = |why| Error::invalid(Violations::of("after", why));
        let json = URL_SAFE_NO_PAD.decode(&self.0).ok();
        let place = json.and_then(|json| serde_json::from_slice(&json).ok());
        let (of, texts): (String, Vec<Option<String>>) =
            place.ok_or_else(|| refused("is not a cursor: pass `next` of a page unchanged"))?;
        if of != fingerprint(table, query) {
            return Err(refused(
                "is a cursor of another query: use it only with the conditions and the order of \
                 the page it came from",
            ));
        }
        let values = query.sort_keys(table).into_iter().zip(texts);
        let values: Option<Vec<Value>> =
            values.map(|(key, text)| value(table, key, text)).collect();
        values.ok_or_else(|| refused("was changed: pass `next` of a page unchanged"))
    }
}

/// Identifies the query that a cursor belongs to.
fn fingerprint(table: &Table, query: &RowQuery) -> String {
    let about = format!("{:?} {:?}", query.condition, query.sort_keys(table));
    let id = Id::derived(&table.name, &about);
    id.as_str().split('-').take(3).collect()
}

/// A value as text; nothing for null.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Text(text) | Value::Json(text) => text.to_string(),
        Value::Timestamp(moment) => moment.as_micros().to_string(),
        Value::Date(day) => day.to_string(),
    })
}

/// Parses a value; `None` if the column cannot hold it.
fn value(table: &Table, key: SortKey, text: Option<String>) -> Option<Value> {
    let column = table.columns.get(key.column)?;
    let Some(text) = text else {
        return (column.nullable && key.column != table.key).then_some(Value::Null);
    };
    let value = match column.kind {
        ColumnKind::Bool => Value::Bool(text.parse().ok()?),
        ColumnKind::Integer => Value::Integer(text.parse().ok()?),
        ColumnKind::Real => Value::Real(text.parse().ok()?),
        ColumnKind::Decimal => Value::Decimal(text.parse().ok()?),
        ColumnKind::Text => Value::text(text),
        ColumnKind::Timestamp => Value::Timestamp(Timestamp::from_micros(text.parse().ok()?)),
        ColumnKind::Date => Value::Date(text.parse().ok()?),
        ColumnKind::Json => Value::Json(text.into()),
    };
    Some(value).filter(Value::can_be_kept)
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<String> for Cursor {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Cursor {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
