//! Rows of state-stored aggregates and projections.

use super::{BoxFuture, Statement};
use crate::Result;
pub use crate::message::{Case, Direction, Operator, RowCondition, RowQuery, SortKey, TextPlace};
use crate::message::{Row, Table};

/// Reads rows. They are written through [`Store::commit`](super::Store::commit).
pub trait Rows: Send + Sync {
    /// The row with this key, with its present or last version.
    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>>;

    /// The rows a query selects.
    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
    ) -> BoxFuture<'a, Result<Vec<RowState>>>;

    /// The number of rows that the condition of a query selects, up to its limit; ignores the rest
    /// of the query.
    fn count<'a>(&'a self, table: &'a Table, query: &'a RowQuery) -> BoxFuture<'a, Result<u64>>;

    /// The statement for a query and the database's plan for it, for people. Does not run the
    /// query.
    fn explain<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
        wanted: Wanted,
    ) -> BoxFuture<'a, Result<String>>;

    /// The committed rows that the user's own SQL selects, each as a JSON object with the names of
    /// the columns.
    fn fetch<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Vec<String>>>;
}

/// What is wanted of the rows that a query selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The rows, see [`Rows::query`].
    Rows,
    /// How many there are, see [`Rows::count`].
    Count,
}

/// A row and its version. A removed row keeps its version, so that a new row with the same
/// identity continues the count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowState {
    /// The values, when the row exists.
    pub row: Option<Row>,
    /// The version of its last change, when it ever existed.
    pub version: Option<u64>,
}
