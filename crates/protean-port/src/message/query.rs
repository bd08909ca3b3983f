//! Queries of a table.

use super::{RowCondition, Table, Value};

/// The rows to select, their order, and how many. A query sees committed rows only.
///
/// ```text
/// condition ─▶ sorted by `order`, then by the key ─▶ those after `after` ─▶ offset ─▶ limit
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowQuery {
    /// What must hold of a row.
    pub condition: RowCondition,
    /// What to sort by, the most significant first; the key decides between equals, see
    /// [`sort_keys`](Self::sort_keys).
    pub order: Vec<SortKey>,
    /// Only rows that are sorted after these values, one for each of the
    /// [`sort_keys`](Self::sort_keys).
    pub after: Option<Vec<Value>>,
    /// How many of the first rows to leave out.
    pub offset: usize,
    /// At most this many rows.
    pub limit: Option<usize>,
}

/// A column to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// The index of the column in its table.
    pub column: usize,
    /// Which value comes first.
    pub direction: Direction,
}

/// The direction of an order. `Null` is less than every other value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The smallest value first.
    #[default]
    Ascending,
    /// The greatest value first.
    Descending,
}

impl RowQuery {
    /// All columns that decide the order of rows. The last of them is the key, in the direction of
    /// the one before, so that an index serves an order and its opposite.
    pub fn sort_keys(&self, table: &Table) -> Vec<SortKey> {
        with_key(&self.order, table)
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
        let (keys, after) = (self.sort_keys(table).len(), self.after.as_ref()?.len());
        (keys != after)
            .then(|| format!("rows of '{name}' are sorted by {keys} columns here, not by {after}"))
    }
}

/// These columns up to the key, or with the key after them.
pub(super) fn with_key(order: &[SortKey], table: &Table) -> Vec<SortKey> {
    let key = order.iter().position(|key| key.column == table.key);
    let mut keys = order[..key.map_or(order.len(), |at| at + 1)].to_vec();
    if key.is_none() {
        let direction = keys.last().map_or(Direction::Ascending, |last| last.direction);
        keys.push(SortKey { column: table.key, direction });
    }
    keys
}

impl SortKey {
    /// Sorts from the smallest value to the greatest.
    pub const fn ascending(column: usize) -> Self {
        Self { column, direction: Direction::Ascending }
    }

    /// Sorts from the greatest value to the smallest.
    pub const fn descending(column: usize) -> Self {
        Self { column, direction: Direction::Descending }
    }
}
