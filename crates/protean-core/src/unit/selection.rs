//! Queries for rows.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use protean_port::message::{Id, Row, RowCondition, RowQuery, Table, Value};
use protean_port::port::Wanted;
use protean_port::{Error, Result, Violations};

use super::page::{Cursor, Page};
use super::storage::Queryable;
use super::unit::Unit;
use crate::model::{Condition, Sort, Stored};

/// The maximum number of comparisons and values in a query: databases have different limits.
const MAX_COMPARISONS: usize = 10_000;

/// The maximum nesting depth of conditions.
const MAX_DEPTH: usize = 50;

/// Which rows, in which order, how many. Sees what is committed.
pub struct Selection<T> {
    unit: Arc<Unit>,
    query: RowQuery,
    after: Option<Cursor>,
    is_total_wanted: bool,
    kept: PhantomData<fn() -> T>,
}

impl<T> Selection<T>
where
    T: Stored,
    T::Storage: Queryable<T>,
{
    pub(super) fn new(unit: Arc<Unit>) -> Self {
        let query = RowQuery::default();
        Self { unit, query, after: None, is_total_wanted: false, kept: PhantomData }
    }

    /// Only rows for which this holds, beside the conditions before.
    #[must_use]
    pub fn filter(mut self, condition: Condition<T>) -> Self {
        self.query.condition = self.query.condition.and(condition.of_row);
        self
    }

    /// Sorts by this; earlier calls take precedence. Rows that are equal in all of them are sorted
    /// by their identity, in the direction of the last order.
    #[must_use]
    pub fn order_by(mut self, sort: Sort<T>) -> Self {
        self.query.order.push(sort.by);
        self
    }

    /// At most this many rows.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.query.limit = Some(rows);
        self
    }

    /// Skips this many rows. The database still reads them, and rows that are inserted or removed
    /// shift the others: [`after`](Self::after) avoids both.
    #[must_use]
    pub fn offset(mut self, rows: usize) -> Self {
        self.query.offset = rows;
        self
    }

    /// Selects only rows after this one in the order; all rows for `None`. Page by page, each row
    /// that stays is seen exactly once, whatever is inserted and removed meanwhile.
    #[must_use]
    pub fn after(mut self, cursor: impl Into<Option<Cursor>>) -> Self {
        self.after = cursor.into();
        self
    }

    /// Also counts the rows of all [pages](Self::page), which reads each of them.
    #[must_use]
    pub fn with_total(mut self) -> Self {
        self.is_total_wanted = true;
        self
    }

    /// How many rows the conditions select, whatever the limit.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count(&self) -> Result<u64> {
        let condition = self.query.condition.clone();
        let all = RowQuery { condition, ..RowQuery::default() };
        self.unit.count(self.table()?, &all).await
    }

    /// Whether the conditions select any row. Stops at the first one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn exists(&self) -> Result<bool> {
        let condition = self.query.condition.clone();
        let one = RowQuery { condition, limit: Some(1), ..RowQuery::default() };
        Ok(self.unit.count(self.table()?, &one).await? > 0)
    }

    /// The statement and the database's plan for it, for people to see whether it uses an index.
    /// With the log target `protean::query` at `debug`, every query logs its plan.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn explain(&self) -> Result<String> {
        let table = self.table()?;
        let query = self.resolved(table)?;
        self.unit.store.explain(table, &query, Wanted::Rows).await
    }

    /// The table that is asked.
    ///
    /// # Errors
    /// If a condition compares with a value that no row can hold, or exceeds the limits of
    /// databases.
    fn table(&self) -> Result<&Arc<Table>> {
        let table = self.unit.env.catalog.table::<T>()?;
        check(table, &self.query.condition)?;
        Ok(table)
    }

    /// The query, with the sort values of its cursor.
    fn resolved(&self, table: &Table) -> Result<Cow<'_, RowQuery>> {
        let Some(cursor) = &self.after else { return Ok(Cow::Borrowed(&self.query)) };
        let after = Some(cursor.values(table, &self.query)?);
        Ok(Cow::Owned(RowQuery { after, ..self.query.clone() }))
    }

    /// The rows, to read. To change one, [`get`](super::Repository::get) it by its identity.
    ///
    /// # Errors
    /// When the store cannot be read; a violation of `after` when its cursor is not of this query.
    pub async fn all(&self) -> Result<Vec<T>> {
        let table = self.table()?;
        let query = self.resolved(table)?;
        let rows = self.unit.query(table, &query).await?;
        rows.iter().filter_map(|state| state.row.as_ref()).map(|row| of_row(table, row)).collect()
    }

    /// The first row, when there is one.
    ///
    /// # Errors
    /// When the store cannot be read; a violation of `after` when its cursor is not of this query.
    pub async fn first(self) -> Result<Option<T>> {
        Ok(self.limit(1).all().await?.pop())
    }

    /// The next rows, at most this many but at least one, and a cursor for the page after them. Ignores
    /// the limit of the query.
    ///
    /// # Errors
    /// When the store cannot be read; a violation of `after` when its cursor is not of this query.
    pub async fn page(&self, size: usize) -> Result<Page<T>> {
        let (table, size) = (self.table()?, size.max(1));
        let limit = Some(size.saturating_add(1));
        let query = RowQuery { limit, ..self.resolved(table)?.into_owned() };
        let mut rows = self.unit.query(table, &query).await?;
        let is_last = rows.len() <= size;
        rows.truncate(size);
        let rows: Vec<Row> = rows.into_iter().filter_map(|state| state.row).collect();
        let last = rows.last().filter(|_| !is_last);
        let next = last.map(|row| Cursor::of(table, &query, row));
        let total = if self.is_total_wanted { Some(self.count().await?) } else { None };
        let rows = rows.iter().map(|row| of_row(table, row)).collect::<Result<_>>()?;
        Ok(Page { rows, next, total })
    }
}

/// Makes sure that every store can run a condition.
///
/// # Errors
/// If it compares with a value that no row can hold, or exceeds the limits of databases.
pub(super) fn check(table: &Table, condition: &RowCondition) -> Result {
    let values = condition.values();
    if let Some((column, _)) = values.iter().find(|(_, value)| !value.can_be_kept()) {
        let column = table.columns.get(*column).map_or("?", |column| &column.name);
        let fault = Violations::of(column, "is compared with a number that no row can hold");
        return Err(Error::invalid(fault));
    }
    let (count, depth) = (values.len().max(condition.columns().len()), condition.depth());
    if count > MAX_COMPARISONS || depth > MAX_DEPTH {
        return Err(Error::misused(format!(
            "a query of '{}' has {count} values in conditions nested {depth} deep: at most \
             {MAX_COMPARISONS} and {MAX_DEPTH} are allowed, so split it into several queries",
            table.name
        )));
    }
    Ok(())
}

fn of_row<T>(table: &Table, row: &Row) -> Result<T>
where
    T: Stored,
    T::Storage: Queryable<T>,
{
    T::Storage::of_row(&Id::from(key_of(table, row)), row)
}

/// The identity of a row.
pub(super) fn key_of(table: &Table, row: &[Value]) -> String {
    match row.get(table.key) {
        Some(Value::Text(key)) => key.to_string(),
        _ => "?".to_owned(),
    }
}
