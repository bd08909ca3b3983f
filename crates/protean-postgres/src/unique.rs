//! Finds units that may conflict in a unique column, or in columns that are unique together.
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

use crate::connection::{Parameter, Session};
use crate::dialect::PostgresDialect;
use crate::error::Fault;
use crate::value::{Text, text, unescaped, words};

/// The keys of the rows that take each value of a column, or values of several.
type Takers = BTreeMap<Vec<String>, BTreeSet<Arc<str>>>;

/// What units take and give up in one table.
struct Taken {
    gives: bool,
    /// The columns that are unique, together or alone, and who takes their values.
    sets: Vec<(Vec<usize>, Takers)>,
}

/// True when a unit may take a value of a row that another unit writes.
pub(crate) async fn may_collide(session: &Session, units: &[&Changes]) -> Result<bool, Fault> {
    let tables = taken(units);
    let giving = tables.values().filter(|(_, taken)| taken.gives);
    let sets = giving.flat_map(|(table, taken)| {
        taken.sets.iter().map(move |(columns, takers)| (table, &**columns, takers))
    });
    if sets.clone().any(|(.., takers)| takers.values().any(|keys| keys.len() > 1)) {
        return Ok(true);
    }
    let held = sets.map(|(table, columns, takers)| is_held(session, table, columns, takers));
    Ok(try_join_all(held).await?.contains(&true))
}

fn taken(units: &[&Changes]) -> BTreeMap<String, (Arc<Table>, Taken)> {
    let mut tables: BTreeMap<String, (Arc<Table>, Taken)> = BTreeMap::new();
    let chains = units
        .iter()
        .flat_map(|unit| std::iter::successors(Some(*unit), |unit| unit.otherwise.as_deref()));
    for write in chains.flat_map(|unit| &unit.rows) {
        let fresh = || {
            let sets = write.table.unique_sets().into_iter();
            let sets = sets.map(|columns| (columns, Takers::new())).collect();
            (Arc::clone(&write.table), Taken { gives: false, sets })
        };
        let (table, taken) = tables.entry(write.table.name.clone()).or_insert_with(fresh);
        taken.gives |= write.expected.is_some();
        let RowChange::Put(row) = &write.change else { continue };
        for (columns, takers) in &mut taken.sets {
            let values = columns.iter().map(|column| {
                let value = words(row.get(*column)?)?;
                Some(plain(table.columns[*column].kind, &value))
            });
            if let Some(values) = values.collect::<Option<Vec<_>>>() {
                takers.entry(values).or_default().insert(Arc::clone(&write.key));
            }
        }
    }
    tables
}

/// True when one of the values belongs to a row that does not take it itself.
async fn is_held(
    session: &Session,
    table: &Table,
    columns: &[usize],
    takers: &Takers,
) -> Result<bool, Fault> {
    let (name, key) = (&table.name, &table.key_column().name);
    let columns: Vec<&Column> = columns.iter().map(|column| &table.columns[*column]).collect();
    let listed = |of: &dyn Fn(usize, &Column) -> String, separator: &str| {
        let parts = columns.iter().enumerate().map(|(number, column)| of(number + 1, column));
        parts.collect::<Vec<_>>().join(separator)
    };
    let arrays = listed(
        &|number, column| {
            format!("${number}::text[]::{}[]", PostgresDialect::declared_type(column.kind))
        },
        ", ",
    );
    let sql = format!(
        "SELECT present.\"{key}\"::text, {selected} FROM \"{name}\" AS present \
         JOIN unnest({arrays}) AS taken({names}) ON {equal}",
        selected = listed(&|_, column| format!("present.\"{}\"::text", column.name), ", "),
        names = listed(&|number, _| format!("value_{number}"), ", "),
        equal = listed(
            &|number, column| format!("present.\"{}\" = taken.value_{number}", column.name),
            " AND "
        ),
    );
    let unescaped = |number: usize| {
        takers.keys().map(move |values| unescaped(&values[number])).collect::<Vec<Cow<'_, str>>>()
    };
    let values: Vec<Vec<Cow<'_, str>>> = (0..columns.len()).map(unescaped).collect();
    let values: Vec<Vec<Text<'_>>> = values
        .iter()
        .map(|of_column| of_column.iter().map(|value| Text(value)).collect())
        .collect();
    let values: Vec<Parameter<'_>> =
        values.iter().map(|of_column| of_column as Parameter<'_>).collect();
    for row in &session.query(&sql, &values).await? {
        let held = columns
            .iter()
            .enumerate()
            .map(|(number, column)| Ok(plain(column.kind, row.try_get(number + 1)?)));
        let (held, owner) = (held.collect::<Result<Vec<_>, Fault>>()?, text(row, 0)?);
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
