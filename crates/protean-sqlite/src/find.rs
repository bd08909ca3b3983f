//! Searches through the whole log.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Priority, Recorded, Timestamp};
use protean_port::port::{Direction, Find, TypeStats};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::log::{Names, kind, priorities};
use crate::value::{limit, signed};

const ALL: (Priority, Priority) = (Priority::new(i32::MIN), Priority::new(i32::MAX));

/// The messages for which all that is asked holds, by their positions.
pub(crate) fn find(view: &Connection, find: &Find) -> rusqlite::Result<Vec<Recorded>> {
    let mut found = Vec::new();
    for search in searches(view, find)? {
        found.extend(search.run(view)?);
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
fn searches(view: &Connection, find: &Find) -> rusqlite::Result<Vec<Search>> {
    if let Some(id) = &find.message_id {
        let mut statement = view.prepare_cached(include_str!("sql/find_position.sql"))?;
        let stream = id.rsplit_once('-').map_or("", |(stream, _)| stream);
        let positions = statement.query_map((&**id, stream), |row| row.get::<_, i64>(0))?;
        let along = |position| Search::new(find, "", &[("position", Value::Integer(position))]);
        return positions.map(|position| position.map(along)).collect();
    }
    if let Some(correlation_id) = &find.correlation_id {
        let chain = [("correlation_id", text(correlation_id))];
        return Ok(vec![Search::new(find, " INDEXED BY messages_by_correlation", &chain)]);
    }
    let Some(category) = &find.category else {
        return Ok(vec![Search::new(find, "", &[])]);
    };
    // The index holds each priority in the order of the log, and only so.
    let lane = |priority: Priority| {
        let lane = [
            ("category", text(category.as_str())),
            ("priority", Value::Integer(priority.value().into())),
        ];
        Search::new(find, " INDEXED BY messages_by_lane", &lane)
    };
    Ok(priorities(view, category, ALL.0, ALL.1)?.into_iter().map(lane).collect())
}

/// A search as a statement, with the values apart.
struct Search {
    sql: String,
    values: Vec<Value>,
}

impl Search {
    /// Searches along an index, for messages with these values in its columns.
    fn new(find: &Find, index: &str, along: &[(&str, Value)]) -> Self {
        let sql = format!("{}{index}", include_str!("sql/find.sql").trim_end());
        let mut search = Self { sql, values: Vec::new() };
        for (column, value) in along {
            search.condition(&format!("{column} = ?"), value.clone());
        }
        // The sign keeps a condition from being taken for the way to search.
        if let Some(category) = &find.category {
            search.condition("+category = ?", text(category.as_str()));
        }
        if let Some(id) = &find.correlation_id {
            search.condition("+correlation_id = ?", text(id));
        }
        if let Some(name) = &find.type_name {
            search.condition("(type = ? OR instr(type, '.' || ? || '.v') > 0)", text(name));
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
        let condition = condition.replace('?', &format!("?{}", self.values.len()));
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

    fn run(&self, view: &Connection) -> rusqlite::Result<Vec<Recorded>> {
        let mut statement = view.prepare_cached(&self.sql)?;
        let mut names = Names::default();
        let values = params_from_iter(&self.values);
        statement.query_map(values, |row| names.recorded(row))?.collect()
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// What there is of each type. Added up here, since SQLite would sort the
/// whole log for it.
pub(crate) fn stats(view: &Connection) -> rusqlite::Result<Vec<TypeStats>> {
    let mut statement = view.prepare_cached(include_str!("sql/types.sql"))?;
    let mut rows = statement.query([])?;
    let (mut names, mut found) = (Names::default(), BTreeMap::new());
    while let Some(row) = rows.next()? {
        let (category, type_name) = names.category_and_type(row)?;
        let (kind, time) = (kind(row, 2)?, Timestamp::from_micros(row.get(3)?));
        let key = (category.clone(), Arc::clone(&type_name), kind.as_str());
        let stats = found.entry(key).or_insert_with(|| TypeStats {
            category,
            type_name,
            kind,
            count: 0,
            first: time,
            last: time,
        });
        stats.count += 1;
        stats.first = stats.first.min(time);
        stats.last = stats.last.max(time);
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use protean_port::message::Category;
    use protean_port::port::Find;
    use rusqlite::{Connection, params_from_iter};

    use super::{Search, searches};
    use crate::schema;

    fn plan(view: &Connection, search: &Search) -> String {
        let sql = format!("EXPLAIN QUERY PLAN {}", search.sql);
        let mut statement = view.prepare(&sql).expect("the search compiles");
        let values = params_from_iter(&search.values);
        let steps = statement.query_map(values, |row| row.get::<_, String>(3)).expect("a plan");
        steps.map(|step| step.expect("a step")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_is_looked_up_neither_scans_nor_sorts_the_log() {
        let view = Connection::open_in_memory().expect("a database");
        schema::create(&view, "test.db".as_ref()).expect("a layout");
        view.execute(
            "INSERT INTO messages VALUES (7, 's', 0, 'c', 0, 'COMMAND', 't', 1, 'i', 'x', '', 0, '', '')",
            [],
        )
        .expect("a message");
        let page = |find: Find| Find { after: Some(9), type_name: Some("t".into()), ..find };
        for first in [Find::first(10), Find::last(10)] {
            let asked = Find { category: Some(Category::named("c")), ..page(first) };
            let chain = Find { correlation_id: Some("x".into()), ..asked.clone() };
            let one = Find { message_id: Some("i".into()), ..chain.clone() };
            for (find, path) in [
                (asked, "INDEX messages_by_lane (category=? AND priority=? AND rowid"),
                (chain, "INDEX messages_by_correlation (correlation_id=? AND rowid"),
                (one, "INTEGER PRIMARY KEY (rowid=?)"),
            ] {
                let searches = searches(&view, &find).expect("searches");
                assert_eq!(searches.len(), 1, "{path}");
                let plan = plan(&view, &searches[0]);
                assert!(plan.contains(path) && !plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }

    #[test]
    fn a_message_is_found_by_its_id_without_a_scan() {
        let view = Connection::open_in_memory().expect("a database");
        schema::create(&view, "test.db".as_ref()).expect("a layout");
        let sql = include_str!("sql/find_position.sql").to_owned();
        let values = vec![super::text("i"), super::text("s")];
        let plan = plan(&view, &Search { sql, values });
        assert!(!plan.contains("SCAN") && plan.matches("SEARCH").count() == 3, "{plan}");
    }
}
