//! Pages of a query, and where the next one begins.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protean_port::message::{Row, RowQuery, SortKey, Table, Value};
use protean_port::{Error, Result, Violations};
use serde::{Deserialize, Serialize};

use super::fingerprint::fingerprint;
use super::value_text::{text, value};

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
        Self::encoded(&serde_json::to_string(&place).unwrap_or_default())
    }

    fn encoded(json: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(json))
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
        let keys = query.sort_keys(table);
        let of_column = |(key, text): (&SortKey, &Option<String>)| {
            let column = table.columns.get(key.column)?;
            match text {
                Some(text) => value(column, text),
                None => (column.nullable && key.column != table.key).then_some(Value::Null),
            }
        };
        let values: Option<Vec<Value>> = keys.iter().zip(&texts).map(of_column).collect();
        let values = values.filter(|_| keys.len() == texts.len());
        values.ok_or_else(|| refused("was changed: pass `next` of a page unchanged"))
    }
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

#[cfg(test)]
mod tests {
    use protean_port::message::{Column, ColumnKind, RowQuery, SortKey, Table, Value};

    use super::Cursor;

    /// Users, and the query that sorts them by a nullable column.
    fn users() -> (Table, RowQuery) {
        let column = |(name, nullable): (&str, bool)| Column {
            name: name.to_owned(),
            kind: ColumnKind::Text,
            nullable,
            unique: false,
            default: None,
            renamed_from: Vec::new(),
        };
        let columns = [("id", false), ("city", true)].map(column).into();
        let table = Table { name: "users".into(), key: 0, columns, indexes: Vec::new() };
        (table, RowQuery { order: vec![SortKey::ascending(1)], ..RowQuery::default() })
    }

    #[test]
    fn a_cursor_has_one_value_for_each_column_of_the_order() {
        let (table, query) = users();
        let row = |city| vec![Value::text("a"), city].into();
        for city in [Value::text("Bath"), Value::Null] {
            let cursor = Cursor::of(&table, &query, &row(city.clone()));
            assert_eq!(cursor.values(&table, &query).unwrap(), [city, Value::text("a")]);
        }
        let of = super::fingerprint(&table, &query);
        for texts in ["[]", "[\"Bath\"]", "[\"Bath\", null]", "[\"Bath\", \"a\", \"b\"]"] {
            let changed = Cursor::encoded(&format!("[\"{of}\", {texts}]"));
            let error = changed.values(&table, &query).unwrap_err();
            assert!(error.violations().is_some(), "{error}");
            assert!(error.to_string().contains("was changed"), "{error}");
        }
    }
}
