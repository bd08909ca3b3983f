//! Queries for rows.

use std::marker::PhantomData;
use std::sync::Arc;

use protean_port::message::{Id, Row, RowQuery, Table, Value};
use protean_port::{Error, Result, Violations};

use super::storage::Storage;
use super::unit::Unit;
use crate::model::{Columns, Condition, Sort, Stored};

/// Which rows, in which order, how many. Sees what is committed.
pub struct Selection<T> {
    unit: Arc<Unit>,
    query: RowQuery,
    kept: PhantomData<fn() -> T>,
}

impl<T> Selection<T>
where
    T: Stored,
    T::Storage: Storage<T>,
{
    pub(super) fn new(unit: Arc<Unit>) -> Self {
        Self { unit, query: RowQuery::default(), kept: PhantomData }
    }

    /// Only rows for which this holds, beside the conditions before.
    #[must_use]
    pub fn filter(mut self, condition: Condition<T>) -> Self {
        self.query.filters.push(condition.filter);
        self
    }

    /// Sorts by this among those that the orders before leave equal.
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

    /// How many rows the conditions select, whatever the limit.
    ///
    /// # Errors
    /// When the store cannot be read, or the type has no rows.
    pub async fn count(&self) -> Result<u64> {
        self.unit.store.count(self.table()?, &self.query).await
    }

    /// The table that is asked.
    ///
    /// # Errors
    /// When the type has no rows, or a condition compares with what no row can hold.
    fn table(&self) -> Result<&Table> {
        let table = self.unit.env.catalog.table::<T>()?;
        let odd = self.query.filters.iter().find(|filter| !filter.value.can_be_kept());
        if let Some(filter) = odd {
            let column = table.columns.get(filter.column).map_or("?", |column| &column.name);
            let fault = Violations::of(column, "is compared with a number that no row can hold");
            return Err(Error::invalid(fault));
        }
        Ok(table)
    }
}

impl<T> Selection<T>
where
    T: Stored + Columns,
    T::Storage: Storage<T>,
{
    /// The rows, to read. To change one, [`get`](super::Repository::get) it by its identity.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn all(&self) -> Result<Vec<T>> {
        let table = self.table()?;
        let rows = self.unit.store.query(table, &self.query).await?;
        let rows = rows.into_iter().filter_map(|state| state.row);
        let key = |row: &Row| match row.get(table.key) {
            Some(Value::Text(key)) => Id::from(&**key),
            _ => Id::from("?"),
        };
        rows.map(|row| T::Storage::of_row(&key(&row), &row)).collect()
    }

    /// The first row, when there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn first(self) -> Result<Option<T>> {
        Ok(self.limit(1).all().await?.pop())
    }
}
