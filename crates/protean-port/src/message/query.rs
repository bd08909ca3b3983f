//! Queries of a table.

use super::Value;

/// The rows to select, their order, and how many. A query sees committed rows only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowQuery {
    /// The conditions, all of which must hold.
    pub filters: Vec<Filter>,
    /// The columns to sort by, the most significant first; the key decides between equals.
    pub order: Vec<(usize, Direction)>,
    /// At most this many rows.
    pub limit: Option<usize>,
}

/// A condition on one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The index of the column in its table.
    pub column: usize,
    /// The comparison.
    pub operator: Operator,
    /// The value to compare with. `Null` equals only `Null`, and is neither less nor greater.
    pub value: Value,
}

/// A comparison of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The column equals the value.
    Equal,
    /// The column differs from the value.
    NotEqual,
    /// The column is less than the value.
    Less,
    /// The column is less than the value, or equal.
    AtMost,
    /// The column is greater than the value.
    Greater,
    /// The column is greater than the value, or equal.
    AtLeast,
    /// The column contains the text, case-sensitively.
    Contains,
}

/// The direction of an order. `Null` sorts before every other value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The smallest value first.
    #[default]
    Ascending,
    /// The greatest value first.
    Descending,
}
