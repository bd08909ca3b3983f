//! Reads rows of users' tables.

use protean_port::message::{Table, Value};
use protean_port::port::{BoxFuture, Outcome, RowQuery, RowState, Rows, Statement, Wanted};
use protean_port::{Error, Result};
use protean_sql::{Select, unsigned};
use tokio_postgres::Row;

use crate::connection::{Parameter, Session};
use crate::dialect::PostgresDialect;
use crate::error::Fault;
use crate::refusal::Refusal;
use crate::statement;
use crate::store::PostgresStore;
use crate::value::{self, Bound, Text, number, parameters};

impl Rows for PostgresStore {
    fn fetch<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let session = self.readers.alone().await?;
            let found = statement::view(&session, statement).await;
            session.end().await;
            match found {
                Ok(rows) => Ok(rows),
                Err(Refusal::LeftOut(Outcome::Rejected(violations))) => {
                    Err(Error::invalid(violations))
                }
                Err(Refusal::LeftOut(outcome)) => Err(Error::unavailable(format!("{outcome:?}"))),
                Err(Refusal::Broken(fault)) => self.explained(Err(fault)),
            }
        })
    }

    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        Box::pin(async move {
            // One statement, so that one view answers for the row and for what was removed.
            let select = Select::row::<PostgresDialect>(table).sql;
            let sql = format!(include_str!("sql/read_row.sql"), select = select);
            let names: [Parameter<'_>; 3] =
                [&Bound(&Value::text(key)), &Text(&table.name), &Text(key)];
            let rows = self.read(&sql, &names).await?;
            let absent = Ok(RowState { row: None, version: None });
            self.explained(rows.first().map_or(absent, |row| present_or_removed(row, table)))
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

    fn explain<'a>(
        &'a self,
        table: &'a Table,
        query: &'a RowQuery,
        wanted: Wanted,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let Select { sql, values, .. } =
                Select::wanted::<PostgresDialect>(table, query, wanted)?;
            let view = self.readers.view().await?;
            let plan = self.explained(plan(&view, &sql, values.len()).await)?;
            view.end().await;
            Ok(format!("{sql}\n{plan}"))
        })
    }
}

/// The plan for a statement, compiled as queries are: it is the same for all values.
async fn plan(session: &Session, sql: &str, parameters: usize) -> Result<String, Fault> {
    session.batch(&format!("PREPARE explained AS {sql}")).await?;
    let values = match parameters {
        0 => String::new(),
        count => format!("({})", vec!["NULL"; count].join(", ")),
    };
    let rows = session.query(&format!("EXPLAIN EXECUTE explained{values}"), &[]).await?;
    session.batch("DEALLOCATE explained").await?;
    let lines = rows.iter().map(|row| row.try_get::<_, &str>(0));
    Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// A row and, behind its own version, the one of a row that was removed.
fn present_or_removed(row: &Row, table: &Table) -> Result<RowState, Fault> {
    let version = table.columns.len();
    if row.try_get::<_, Option<i64>>(version)?.is_some() {
        return state(row, table);
    }
    let removed = row.try_get::<_, Option<i64>>(version + 1)?;
    Ok(RowState { row: None, version: removed.map(unsigned) })
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
