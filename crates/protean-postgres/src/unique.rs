//! Finds units that may collide in a unique column.
//!
//! Rows are written once, as they are at the end of a transaction. A unique value that one
//! unit gives up and another takes must not seem free too early, so such units are applied
//! one by one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::try_join_all;
use protean_port::message::{Column, ColumnKind, Table};
use protean_port::port::{Changes, RowChange};
use protean_sql::Dialect;

use crate::connection::Session;
use crate::dialect::PostgresDialect;
use crate::error::Fault;
use crate::value::{Text, text, unescaped, words};

/// The keys of the rows that take each value of a column.
type Takers = BTreeMap<String, BTreeSet<Arc<str>>>;

/// What units take and give up in one table.
#[derive(Default)]
struct Taken {
    gives: bool,
    columns: BTreeMap<usize, Takers>,
}

/// True when a unit may take a value of a row that another unit writes.
pub(crate) async fn may_collide(session: &Session, units: &[&Changes]) -> Result<bool, Fault> {
    let tables = taken(units);
    let giving = tables.values().filter(|(_, taken)| taken.gives);
    let columns = giving.flat_map(|(table, taken)| {
        taken.columns.iter().map(move |(column, takers)| (table, *column, takers))
    });
    if columns.clone().any(|(.., takers)| takers.values().any(|keys| keys.len() > 1)) {
        return Ok(true);
    }
    let held = columns.map(|(table, column, takers)| is_held(session, table, column, takers));
    Ok(try_join_all(held).await?.contains(&true))
}

fn taken(units: &[&Changes]) -> BTreeMap<String, (Arc<Table>, Taken)> {
    let mut tables: BTreeMap<String, (Arc<Table>, Taken)> = BTreeMap::new();
    let chains = units
        .iter()
        .flat_map(|unit| std::iter::successors(Some(*unit), |unit| unit.otherwise.as_deref()));
    for write in chains.flat_map(|unit| &unit.rows) {
        let fresh = || (Arc::clone(&write.table), Taken::default());
        let (table, taken) = tables.entry(write.table.name.clone()).or_insert_with(fresh);
        taken.gives |= write.expected.is_some();
        let RowChange::Put(row) = &write.change else { continue };
        for (index, column) in table.columns.iter().enumerate() {
            if !column.unique || index == table.key {
                continue;
            }
            if let Some(value) = row.get(index).and_then(words) {
                let takers = taken.columns.entry(index).or_default();
                takers
                    .entry(plain(column.kind, &value))
                    .or_default()
                    .insert(Arc::clone(&write.key));
            }
        }
    }
    tables
}

/// True when one of the values belongs to a row that does not take it itself.
async fn is_held(
    session: &Session,
    table: &Table,
    column: usize,
    takers: &Takers,
) -> Result<bool, Fault> {
    let (name, key) = (&table.name, &table.key_column().name);
    let Column { name: column, kind, .. } = &table.columns[column];
    let declared = PostgresDialect::declared_type(*kind);
    let sql = format!(
        "SELECT \"{key}\"::text, \"{column}\"::text FROM \"{name}\" \
         WHERE \"{column}\" = ANY ($1::text[]::{declared}[])"
    );
    let unescaped: Vec<Cow<'_, str>> = takers.keys().map(|value| unescaped(value)).collect();
    let values: Vec<Text<'_>> = unescaped.iter().map(|value| Text(value)).collect();
    for row in &session.query(&sql, &[&values]).await? {
        let held = plain(*kind, row.try_get(1)?);
        let owner = text(row, 0)?;
        if !takers.get(&held).is_some_and(|keys| keys.contains(&*owner)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Equal decimals have many texts; this one is without trailing zeros.
fn plain(kind: ColumnKind, words: &str) -> String {
    let zeros = kind == ColumnKind::Decimal && words.contains('.');
    let plain = if zeros { words.trim_end_matches('0').trim_end_matches('.') } else { words };
    plain.to_owned()
}
