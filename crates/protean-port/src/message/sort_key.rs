//! What rows and the entries of an index are sorted by.

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

/// These columns up to the one of the key, or with that after them.
pub(super) fn with_key(order: &[SortKey], key_column: usize) -> Vec<SortKey> {
    let key = order.iter().position(|key| key.column == key_column);
    let mut keys = order[..key.map_or(order.len(), |at| at + 1)].to_vec();
    if key.is_none() {
        let direction = keys.last().map_or(Direction::Ascending, |last| last.direction);
        keys.push(SortKey { column: key_column, direction });
    }
    keys
}
