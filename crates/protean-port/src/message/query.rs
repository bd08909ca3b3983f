//! Questions to a table.

use super::Value;

/// Which rows, in which order, how many. Sees committed rows only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// The first counts most; the key decides between equals.
    pub order: Vec<(usize, Direction)>,
    /// At most this many rows.
    pub limit: Option<usize>,
}

/// A condition on one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The index of the column in its table.
    pub column: usize,
    /// How to compare.
    pub operator: Operator,
    /// What to compare with. `Null` equals only `Null`, and is neither less nor greater.
    pub value: Value,
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The same.
    Equal,
    /// Not the same.
    NotEqual,
    /// Smaller.
    Less,
    /// Smaller or the same.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or the same.
    AtLeast,
    /// Holds this text somewhere, letter for letter.
    Contains,
}

/// Up or down; nothing sorts before everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Small to great.
    Ascending,
    /// Great to small.
    Descending,
}
