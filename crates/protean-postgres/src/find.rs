//! Searches through the whole log.

use protean_port::message::{Category, Recorded, Timestamp, Value};
use protean_port::port::{Direction, Find, TypeStats};
use tokio_postgres::Row;

use crate::connection::{Parameter, Session};
use crate::error::Fault;
use crate::log::{kind, recorded};
use crate::value::{Bound, Text, limit, number, shared, signed, text};

/// The messages for which all that is asked holds, by their positions.
pub(crate) async fn find(view: &Session, find: &Find) -> Result<Vec<Recorded>, Fault> {
    let mut found = Vec::new();
    for search in searches(view, find).await? {
        found.extend(search.run(view).await?);
    }
    found.sort_by_key(|recorded| recorded.position);
    if find.direction == Direction::Descending {
        found.reverse();
    }
    found.truncate(find.limit);
    Ok(found)
}

/// The searches that together find everything, each along one index. Each
/// finds messages of its own.
async fn searches(view: &Session, find: &Find) -> Result<Vec<Search>, Fault> {
    if let Some(id) = &find.message_id {
        let stream = id.rsplit_once('-').map_or("", |(stream, _)| stream);
        let names: [Parameter<'_>; 2] = [&Text(id), &Text(stream)];
        let rows = view.query(include_str!("sql/find_position.sql"), &names).await?;
        let along = |row: &Row| {
            let position = Value::Integer(row.try_get(0)?);
            Ok(Search::new(find, &[("position = ?", position)]))
        };
        return rows.iter().map(along).collect();
    }
    let Some(category) = find.category.as_ref().filter(|_| find.correlation_id.is_none()) else {
        return Ok(vec![Search::new(find, &[])]);
    };
    // The index holds each priority in the order of the log, and only so.
    let rows = view.query(include_str!("sql/priorities.sql"), &[&Text(category.as_str())]).await?;
    let lane = |row: &Row| {
        let priority: i64 = row.try_get(0)?;
        Ok(Search::new(find, &[("priority = ?", Value::Integer(priority))]))
    };
    rows.iter().map(lane).collect()
}

/// A search as a statement, with the values apart.
struct Search {
    sql: String,
    values: Vec<Value>,
}

impl Search {
    /// Searches for messages for which these conditions hold too.
    fn new(find: &Find, along: &[(&str, Value)]) -> Self {
        let sql = include_str!("sql/find.sql").trim_end().to_owned();
        let mut search = Self { sql, values: Vec::new() };
        for (condition, value) in along {
            search.condition(condition, value.clone());
        }
        if let Some(category) = &find.category {
            search.condition("category = ?", Value::text(category.as_str()));
        }
        if let Some(id) = &find.correlation_id {
            search.condition("correlation_id = ?", Value::text(&**id));
        }
        if let Some(name) = &find.type_name {
            let condition = "(type = ? OR strpos(type, '.' || ? || '.v') > 0)";
            search.condition(condition, Value::text(&**name));
        }
        if let Some(since) = find.since {
            search.condition("time >= ?", Value::Integer(since.as_micros()));
        }
        if let Some(until) = find.until {
            search.condition("time < ?", Value::Integer(until.as_micros()));
        }
        search.page(find);
        search
    }

    /// Adds a condition on one value.
    fn condition(&mut self, condition: &str, value: Value) {
        let word = if self.values.is_empty() { "WHERE" } else { "AND" };
        self.values.push(value);
        let condition = condition.replace('?', &format!("${}", self.values.len()));
        self.sql.push_str(&format!(" {word} {condition}"));
    }

    fn page(&mut self, find: &Find) {
        let (beyond, order) = match find.direction {
            Direction::Ascending => ("position > ?", "ORDER BY position"),
            Direction::Descending => ("position < ?", "ORDER BY position DESC"),
        };
        if let Some(after) = find.after {
            self.condition(beyond, Value::Integer(signed(after)));
        }
        self.sql.push_str(&format!(" {order} LIMIT {}", limit(find.limit)));
    }

    async fn run(&self, view: &Session) -> Result<Vec<Recorded>, Fault> {
        let bound: Vec<Bound<'_>> = self.values.iter().map(Bound).collect();
        let parameters: Vec<Parameter<'_>> = bound.iter().map(|value| value as _).collect();
        recorded(&view.query(&self.sql, &parameters).await?)
    }
}

/// What there is of each type.
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
