//! Queries of a table.

use super::sort_key::with_key;
use super::{RowCondition, SortKey, Table, Value};

/// The rows to select, their order, and how many. A query sees committed rows only.
///
/// ```text
/// condition ─▶ sorted by `order`, then by the key ─▶ those after `after` ─▶ offset ─▶ limit
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowQuery {
    /// The condition on rows.
    pub condition: RowCondition,
    /// What to sort by, the most significant first; the key decides between equals, see
    /// [`sort_keys`](Self::sort_keys).
    pub order: Vec<SortKey>,
    /// Only rows that are sorted after these values, one for each of the
    /// [`sort_keys`](Self::sort_keys).
    pub after: Option<Vec<Value>>,
    /// How many rows to skip.
    pub offset: usize,
    /// At most this many rows.
    pub limit: Option<usize>,
}

impl RowQuery {
    /// All columns that decide the order of rows. The last of them is the key, in the direction of
    /// the one before, so that an index serves an order and its opposite.
    pub fn sort_keys(&self, table: &Table) -> Vec<SortKey> {
        with_key(&self.order, table.key)
    }

    /// Why no store can run this query on this table.
    pub fn fault(&self, table: &Table) -> Option<String> {
        let (name, count) = (&table.name, table.columns.len());
        let sorted = self.order.iter().map(|key| key.column);
        if let Some(column) =
            self.condition.columns().into_iter().chain(sorted).find(|c| *c >= count)
        {
            return Some(format!(
                "the table '{name}' has {count} columns; there is no column {column}"
            ));
        }
        let (keys, after) = (self.sort_keys(table), self.after.as_ref()?);
        if keys.len() != after.len() {
            let (keys, after) = (keys.len(), after.len());
            return Some(format!(
                "rows of '{name}' are sorted by {keys} columns here, not by {after}"
            ));
        }
        let is_key = |key: &SortKey| key.column == table.key;
        let without_key = keys.iter().zip(after).any(|(key, value)| is_key(key) && value.is_null());
        without_key.then(|| {
            format!("the position to continue from has no key, but every row of '{name}' has one")
        })
    }
}
