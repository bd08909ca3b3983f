//! Searches through the whole log.

use protean_port::message::{Category, Recorded, Timestamp, Value};
use protean_port::port::{Find, TypeStats};
use protean_sql::{Select, page, stream_of};
use tokio_postgres::Row;

use crate::connection::{Parameter, Session};
use crate::dialect::PostgresDialect;
use crate::error::Fault;
use crate::recorded::{kind, recorded};
use crate::value::{Bound, Text, number, parameters, shared, text};

/// The messages that meet every condition, in the order of their positions.
pub(crate) async fn find(view: &Session, find: &Find) -> Result<Vec<Recorded>, Fault> {
    let mut found = Vec::new();
    for search in searches(view, find).await? {
        found.extend(run(view, &search).await?);
    }
    Ok(page(found, find))
}

/// The searches that together find everything, each along one index. No two of them
/// find the same message.
async fn searches(view: &Session, find: &Find) -> Result<Vec<Select>, Fault> {
    if let Some(id) = &find.message_id {
        let names: [Parameter<'_>; 2] = [&Text(id), &Text(stream_of(id))];
        let rows = view.query(include_str!("sql/find_position.sql"), &names).await?;
        let along = |row: &Row| {
            let position = Value::Integer(row.try_get(0)?);
            Ok(search(find, &[("position", position)]))
        };
        return rows.iter().map(along).collect();
    }
    let Some(category) = find.category.as_ref().filter(|_| find.correlation_id.is_none()) else {
        return Ok(vec![search(find, &[])]);
    };
    // The index is in the order of the log within one priority only.
    let rows = view.query(include_str!("sql/priorities.sql"), &[&Text(category.as_str())]).await?;
    let lane = |row: &Row| {
        let priority: i64 = row.try_get(0)?;
        Ok(search(find, &[("priority", Value::Integer(priority))]))
    };
    rows.iter().map(lane).collect()
}

/// A search for messages with the given values in the columns of one index.
fn search(find: &Find, along: &[(&str, Value)]) -> Select {
    let select = include_str!("sql/find.sql").trim_end().to_owned();
    Select::messages::<PostgresDialect>(select, find, along)
}

async fn run(view: &Session, search: &Select) -> Result<Vec<Recorded>, Fault> {
    let bound = Bound::all(&search.values);
    recorded(&view.query(&search.sql, &parameters(&bound)).await?)
}

/// The count and the times of each type.
pub(crate) fn stats(rows: &[Row]) -> Result<Vec<TypeStats>, Fault> {
    let stats = |row: &Row| {
        Ok(TypeStats {
            category: Category::named(&*text(row, 0)?),
            type_name: shared(row, 1)?,
            kind: kind(row, 2)?,
            count: number(row, 3)?,
            first: Timestamp::from_micros(row.try_get(4)?),
            last: Timestamp::from_micros(row.try_get(5)?),
        })
    };
    rows.iter().map(stats).collect()
}
