//! Reads rows of users' tables.

use protean_port::message::{ColumnKind, Table, Value};
use protean_port::port::{BoxFuture, Direction, Filter, Operator, Query, RowState, Rows};
use protean_port::{Error, Result};
use tokio_postgres::Row;

use crate::connection::{Parameter, Session};
use crate::error::Fault;
use crate::store::PostgresStore;
use crate::value::{self, Bound, Text, limit, number, selected};

impl Rows for PostgresStore {
    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        Box::pin(async move {
            let view = self.readers.view().await?;
            let found = read_row(&view, table, key).await;
            view.end().await;
            found.map_err(|fault| self.settings.told(fault))
        })
    }

    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a Query,
    ) -> BoxFuture<'a, Result<Vec<RowState>>> {
        Box::pin(async move {
            let select = Select::rows(table, query)?;
            let session = self.readers.one().await?;
            let rows = session.query(&select.sql, &parameters(&bound(&select))).await;
            let rows = rows.and_then(|rows| rows.iter().map(|row| state(row, table)).collect());
            rows.map_err(|fault| self.settings.told(fault))
        })
    }

    fn count<'a>(&'a self, table: &'a Table, query: &'a Query) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let select = Select::count(table, query)?;
            let session = self.readers.one().await?;
            let row = session.first(&select.sql, &parameters(&bound(&select))).await;
            let count = row.and_then(|row| row.map_or(Ok(0), |row| number(&row, 0)));
            count.map_err(|fault| self.settings.told(fault))
        })
    }
}

async fn read_row(view: &Session, table: &Table, key: &str) -> Result<RowState, Fault> {
    let select = Select::row(table, key);
    if let Some(row) = view.first(&select.sql, &parameters(&bound(&select))).await? {
        return state(&row, table);
    }
    let names: [Parameter<'_>; 2] = [&Text(&table.name), &Text(key)];
    let removed = view.first(include_str!("sql/read_removed.sql"), &names).await?;
    let version = removed.map(|row| number(&row, 0)).transpose()?;
    Ok(RowState { row: None, version })
}

fn bound(select: &Select) -> Vec<Bound<'_>> {
    select.values.iter().map(Bound).collect()
}

fn parameters<'a>(bound: &'a [Bound<'a>]) -> Vec<Parameter<'a>> {
    bound.iter().map(|value| value as Parameter<'a>).collect()
}

fn state(row: &Row, table: &Table) -> Result<RowState, Fault> {
    let values = table.columns.iter().enumerate().map(|(index, column)| {
        value::read(row, index, column.kind)
            .map_err(|fault| Fault::Odd(format!("'{}.{}': {fault:?}", table.name, column.name)))
    });
    let values: Vec<Value> = values.collect::<Result<_, _>>()?;
    let version = number(row, table.columns.len())?;
    Ok(RowState { row: Some(values.into()), version: Some(version) })
}

/// A statement composed of declared names, with the values apart.
struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    fn row(table: &Table, key: &str) -> Self {
        let (columns, name, column) = (columns(table), &table.name, &table.key_column().name);
        let sql = format!("SELECT {columns} FROM \"{name}\" WHERE \"{column}\" = $1");
        Self { sql, values: vec![Value::text(key)] }
    }

    fn rows(table: &Table, query: &Query) -> Result<Self> {
        let sql = format!("SELECT {} FROM \"{}\"", columns(table), table.name);
        let mut select = Self { sql, values: Vec::new() };
        select.filter(table, &query.filters)?;
        select.order(table, &query.order)?;
        if let Some(count) = query.limit {
            select.sql.push_str(&format!(" LIMIT {}", limit(count)));
        }
        Ok(select)
    }

    fn count(table: &Table, query: &Query) -> Result<Self> {
        let sql = format!("SELECT count(*) FROM \"{}\"", table.name);
        let mut select = Self { sql, values: Vec::new() };
        select.filter(table, &query.filters)?;
        Ok(select)
    }

    fn filter(&mut self, table: &Table, filters: &[Filter]) -> Result {
        for (index, filter) in filters.iter().enumerate() {
            let word = if index == 0 { "WHERE" } else { "AND" };
            let column = column(table, filter.column)?;
            let nothing = filter.value.is_null();
            let condition = match filter.operator {
                // Nothing is neither less nor greater, so here it can only be equal.
                Operator::Equal | Operator::AtMost | Operator::AtLeast if nothing => {
                    format!("{column} IS NULL")
                }
                Operator::NotEqual if nothing => format!("{column} IS NOT NULL"),
                Operator::Contains if nothing || !is_text(table, filter.column) => "false".into(),
                Operator::Less | Operator::Greater if nothing => "false".into(),
                Operator::Contains => format!("strpos({column}, {}) > 0", self.hold(filter)),
                Operator::Equal => format!("{column} = {}", self.hold(filter)),
                Operator::NotEqual => format!("{column} IS DISTINCT FROM {}", self.hold(filter)),
                Operator::Less => format!("{column} < {}", self.hold(filter)),
                Operator::AtMost => format!("{column} <= {}", self.hold(filter)),
                Operator::Greater => format!("{column} > {}", self.hold(filter)),
                Operator::AtLeast => format!("{column} >= {}", self.hold(filter)),
            };
            self.sql.push_str(&format!(" {word} {condition}"));
        }
        Ok(())
    }

    /// The place of one more value.
    fn hold(&mut self, filter: &Filter) -> String {
        self.values.push(filter.value.clone());
        format!("${}", self.values.len())
    }

    fn order(&mut self, table: &Table, order: &[(usize, Direction)]) -> Result {
        self.sql.push_str(" ORDER BY ");
        for (index, direction) in order {
            let word = match direction {
                Direction::Ascending => "ASC NULLS FIRST",
                Direction::Descending => "DESC NULLS LAST",
            };
            self.sql.push_str(&format!("{} {word}, ", column(table, *index)?));
        }
        self.sql.push_str(&column(table, table.key)?);
        Ok(())
    }
}

fn columns(table: &Table) -> String {
    let columns = table.columns.iter();
    let names: Vec<String> = columns.map(|column| selected(&column.name, column.kind)).collect();
    format!("{}, \"_version\"", names.join(", "))
}

fn is_text(table: &Table, index: usize) -> bool {
    let kind = table.columns.get(index).map(|column| column.kind);
    matches!(kind, Some(ColumnKind::Text | ColumnKind::Json))
}

fn column(table: &Table, index: usize) -> Result<String> {
    let column = table.columns.get(index).ok_or_else(|| {
        let (name, count) = (&table.name, table.columns.len());
        Error::misused(format!(
            "the table '{name}' has {count} columns, none has the index {index}"
        ))
    })?;
    // With the table before it, since a name alone would be that of what is selected.
    Ok(format!("\"{}\".\"{}\"", table.name, column.name))
}
