//! Reads rows of users' tables.

use protean_port::Result;
use protean_port::message::{Table, Value};
use protean_port::port::{BoxFuture, RowQuery, RowState, Rows, Statement, Wanted};
use protean_sql::{Select, unsigned};
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use crate::dialect::SqliteDialect;
use crate::recorded::unreadable;
use crate::statement;
use crate::store::SqliteStore;
use crate::value::{self, bound};

impl Rows for SqliteStore {
    fn fetch<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let statement = statement.clone();
            let read = move |view: &Transaction<'_>| match statement::fetch(view, &statement) {
                Ok(rows) => Ok(Ok(rows)),
                Err(refusal) => statement::explained(refusal).map(Err),
            };
            self.readers.read(read).await?
        })
    }

    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        let select = Select::row::<SqliteDialect>(table);
        let (table, key) = (table.clone(), key.to_owned());
        Box::pin(self.readers.read(move |view| read_row(view, &table, &select, &key)))
    }

    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
    ) -> BoxFuture<'a, Result<Vec<RowState>>> {
        Box::pin(async move {
            let (select, table) = (Select::rows::<SqliteDialect>(table, query)?, table.clone());
            self.readers.read(move |view| read_rows(view, &table, &select)).await
        })
    }

    fn count<'a>(&'a self, table: &'a Table, query: &'a RowQuery) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let select = Select::count::<SqliteDialect>(table, query)?;
            let count = move |view: &Transaction<'_>| {
                let mut statement = view.prepare_cached(&select.sql)?;
                statement.query_row(bound(&select.values), |row| row.get(0)).map(unsigned)
            };
            self.readers.read(count).await
        })
    }

    fn explain<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
        wanted: Wanted,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let select = Select::wanted::<SqliteDialect>(table, query, wanted)?;
            self.readers.read(move |view| plan(view, &select)).await
        })
    }
}

fn read_row(
    view: &Connection,
    table: &Table,
    select: &Select,
    key: &str,
) -> rusqlite::Result<RowState> {
    let mut statement = view.prepare_cached(&select.sql)?;
    let found = statement.query_row([key], |row| state(row, table)).optional()?;
    if let Some(found) = found {
        return Ok(found);
    }
    let mut statement = view.prepare_cached(include_str!("sql/read_removed.sql"))?;
    let version = statement.query_row((&table.name, key), |row| row.get(0)).optional()?;
    Ok(RowState { row: None, version: version.map(unsigned) })
}

fn read_rows(view: &Connection, table: &Table, select: &Select) -> rusqlite::Result<Vec<RowState>> {
    let mut statement = view.prepare_cached(&select.sql)?;
    statement.query_map(bound(&select.values), |row| state(row, table))?.collect()
}

/// The statement, followed by the steps of SQLite's plan for it.
fn plan(view: &Connection, select: &Select) -> rusqlite::Result<String> {
    let mut statement = view.prepare(&format!("EXPLAIN QUERY PLAN {}", select.sql))?;
    let steps = statement.query_map(bound(&select.values), |row| row.get::<_, String>(3))?;
    let lines = std::iter::once(Ok(select.sql.clone())).chain(steps);
    Ok(lines.collect::<rusqlite::Result<Vec<_>>>()?.join("\n"))
}

fn state(row: &Row<'_>, table: &Table) -> rusqlite::Result<RowState> {
    let values = table.columns.iter().enumerate().map(|(index, column)| {
        value::read(row.get_ref(index)?, column.kind).map_err(|found| {
            unreadable(index, format!("'{}.{}' holds {found}", table.name, column.name))
        })
    });
    let values: Vec<Value> = values.collect::<rusqlite::Result<_>>()?;
    let version = row.get(table.columns.len())?;
    Ok(RowState { row: Some(values.into()), version: Some(unsigned(version)) })
}
