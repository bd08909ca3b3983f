//! Reads rows of users' tables.

use protean_port::message::{ColumnKind, Table, Value};
use protean_port::port::{BoxFuture, Direction, Filter, Operator, Query, RowState, Rows};
use protean_port::{Error, Result};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use crate::log::odd;
use crate::store::SqliteStore;
use crate::value::{self, Bound, limit, unsigned};

impl Rows for SqliteStore {
    fn row<'a>(&'a self, table: &'a Table, key: &'a str) -> BoxFuture<'a, Result<RowState>> {
        let (select, table, key) = (Select::row(table), table.clone(), key.to_owned());
        Box::pin(self.readers.read(move |view| read_row(view, &table, &select, &key)))
    }

    fn query<'a>(
        &'a self,
        table: &'a Table,
        query: &'a Query,
    ) -> BoxFuture<'a, Result<Vec<RowState>>> {
        Box::pin(async move {
            let (select, table) = (Select::rows(table, query)?, table.clone());
            self.readers.read(move |view| read_rows(view, &table, &select)).await
        })
    }

    fn count<'a>(&'a self, table: &'a Table, query: &'a Query) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let select = Select::count(table, query)?;
            let count = move |view: &rusqlite::Transaction<'_>| {
                let mut statement = view.prepare_cached(&select.sql)?;
                let values = params_from_iter(select.values.iter().map(Bound));
                statement.query_row(values, |row| row.get(0)).map(unsigned)
            };
            self.readers.read(count).await
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
    let values = params_from_iter(select.values.iter().map(Bound));
    statement.query_map(values, |row| state(row, table))?.collect()
}

fn state(row: &Row<'_>, table: &Table) -> rusqlite::Result<RowState> {
    let values = table.columns.iter().enumerate().map(|(index, column)| {
        value::read(row.get_ref(index)?, column.kind)
            .map_err(|found| odd(index, format!("'{}.{}' holds {found}", table.name, column.name)))
    });
    let values: Vec<Value> = values.collect::<rusqlite::Result<_>>()?;
    let version = row.get(table.columns.len())?;
    Ok(RowState { row: Some(values.into()), version: Some(unsigned(version)) })
}

/// A statement composed of declared names, with the values apart.
struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    fn row(table: &Table) -> Self {
        let (columns, name, key) = (columns(table), &table.name, &table.key_column().name);
        let sql = format!("SELECT {columns} FROM \"{name}\" WHERE \"{key}\" = ?1");
        Self { sql, values: Vec::new() }
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
            let (column, holder) = (compared(table, filter.column)?, index + 1);
            let condition = match filter.operator {
                // Nothing is neither less nor greater, so here it can only be equal.
                Operator::AtMost | Operator::AtLeast if filter.value.is_null() => {
                    format!("{column} IS ?{holder}")
                }
                Operator::Contains if !is_text(table, filter.column) => {
                    format!("?{holder} IS NULL AND 0")
                }
                Operator::Equal => format!("{column} IS ?{holder}"),
                Operator::NotEqual => format!("{column} IS NOT ?{holder}"),
                Operator::Less => format!("{column} < ?{holder}"),
                Operator::AtMost => format!("{column} <= ?{holder}"),
                Operator::Greater => format!("{column} > ?{holder}"),
                Operator::AtLeast => format!("{column} >= ?{holder}"),
                Operator::Contains => format!("instr({column}, ?{holder}) > 0"),
            };
            self.sql.push_str(&format!(" {word} {condition}"));
            self.values.push(filter.value.clone());
        }
        Ok(())
    }

    fn order(&mut self, table: &Table, order: &[(usize, Direction)]) -> Result {
        self.sql.push_str(" ORDER BY ");
        for (column, direction) in order {
            let word = match direction {
                Direction::Ascending => "ASC",
                Direction::Descending => "DESC",
            };
            self.sql.push_str(&format!("{} {word}, ", compared(table, *column)?));
        }
        self.sql.push_str(&compared(table, table.key)?);
        Ok(())
    }
}

fn columns(table: &Table) -> String {
    let names: Vec<String> =
        table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    format!("{}, \"_version\"", names.join(", "))
}

fn is_text(table: &Table, index: usize) -> bool {
    let kind = table.columns.get(index).map(|column| column.kind);
    matches!(kind, Some(ColumnKind::Text | ColumnKind::Json))
}

/// A column as it is compared: decimals by their value, not their text.
fn compared(table: &Table, index: usize) -> Result<String> {
    let column = table.columns.get(index).ok_or_else(|| {
        let (name, count) = (&table.name, table.columns.len());
        Error::misused(format!(
            "the table '{name}' has {count} columns, none has the index {index}"
        ))
    })?;
    Ok(match column.kind {
        ColumnKind::Decimal => format!("\"{}\" COLLATE decimal", column.name),
        _ => format!("\"{}\"", column.name),
    })
}
