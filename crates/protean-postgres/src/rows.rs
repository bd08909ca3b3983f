//! Reads rows of users' tables.

use protean_port::Result;
use protean_port::message::{Table, Value};
use protean_port::port::{BoxFuture, RowQuery, RowState, Rows};
use protean_sql::Select;
use tokio_postgres::Row;

use crate::connection::{Parameter, Session};
use crate::dialect::PostgresDialect;
use crate::error::Fault;
use crate::store::PostgresStore;
use crate::value::{self, Bound, Text, number, parameters};

impl Rows for PostgresStore {
    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        Box::pin(async move {
            let view = self.readers.view().await?;
            let found = read_row(&view, table, key).await;
            view.end().await;
            self.explained(found)
        })
    }

    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
    ) -> BoxFuture<'a, Result<Vec<RowState>>> {
        Box::pin(async move {
            let select = Select::rows::<PostgresDialect>(table, query)?;
            let bound = Bound::all(&select.values);
            let rows = self.read(&select.sql, &parameters(&bound)).await?;
            self.explained(rows.iter().map(|row| state(row, table)).collect())
        })
    }

    fn count<'a>(&'a self, table: &'a Table, query: &'a RowQuery) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let select = Select::count::<PostgresDialect>(table, query)?;
            let bound = Bound::all(&select.values);
            let rows = self.read(&select.sql, &parameters(&bound)).await?;
            self.explained(rows.first().map_or(Ok(0), |row| number(row, 0)))
        })
    }
}

async fn read_row(view: &Session, table: &Table, key: &str) -> Result<RowState, Fault> {
    let select = Select::row::<PostgresDialect>(table);
    if let Some(row) = view.first(&select.sql, &[&Bound(&Value::text(key))]).await? {
        return state(&row, table);
    }
    let names: [Parameter<'_>; 2] = [&Text(&table.name), &Text(key)];
    let removed = view.first(include_str!("sql/read_removed.sql"), &names).await?;
    let version = removed.map(|row| number(&row, 0)).transpose()?;
    Ok(RowState { row: None, version })
}

fn state(row: &Row, table: &Table) -> Result<RowState, Fault> {
    let values = table.columns.iter().enumerate().map(|(index, column)| {
        value::read(row, index, column.kind).map_err(|fault| {
            Fault::Unreadable(format!("'{}.{}': {fault:?}", table.name, column.name))
        })
    });
    let values: Vec<Value> = values.collect::<Result<_, _>>()?;
    let version = number(row, table.columns.len())?;
    Ok(RowState { row: Some(values.into()), version: Some(version) })
}
