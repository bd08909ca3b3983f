//! Searches through the whole log.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_port::message::{Priority, Recorded, Timestamp, Value};
use protean_port::port::{Find, TypeStats};
use protean_sql::{Select, SharedNames, page, stream_of};
use rusqlite::Connection;

use crate::dialect::SqliteDialect;
use crate::recorded::{category_and_type, kind, priorities, recorded};
use crate::value::bound;

/// The messages that meet every condition, in the order of their positions.
pub(crate) fn find(view: &Connection, find: &Find) -> rusqlite::Result<Vec<Recorded>> {
    let mut found = Vec::new();
    for search in searches(view, find)? {
        found.extend(run(view, &search)?);
    }
    Ok(page(found, find))
}

/// The searches that together find everything, each along one index. No two of them
/// find the same message.
fn searches(view: &Connection, find: &Find) -> rusqlite::Result<Vec<Select>> {
    if let Some(id) = &find.message_id {
        let mut statement = view.prepare_cached(include_str!("sql/find_position.sql"))?;
        let positions = statement.query_map((&**id, stream_of(id)), |row| row.get::<_, i64>(0))?;
        let along = |position| search(find, "", &[("position", Value::Integer(position))]);
        return positions.map(|position| position.map(along)).collect();
    }
    if let Some(correlation_id) = &find.correlation_id {
        let chain = [("correlation_id", Value::text(&**correlation_id))];
        return Ok(vec![search(find, " INDEXED BY messages_by_correlation", &chain)]);
    }
    let Some(category) = &find.category else {
        return Ok(vec![search(find, "", &[])]);
    };
    // The index is in the order of the log within one priority only.
    let lane = |priority: Priority| {
        let lane = [
            ("category", Value::text(category.as_str())),
            ("priority", Value::Integer(priority.value().into())),
        ];
        search(find, " INDEXED BY messages_by_lane", &lane)
    };
    Ok(priorities(view, category, Priority::ALL)?.into_iter().map(lane).collect())
}

/// A search along an index, for messages with the given values in its columns.
fn search(find: &Find, index: &str, along: &[(&str, Value)]) -> Select {
    let select = format!("{}{index}", include_str!("sql/find.sql").trim_end());
    Select::messages::<SqliteDialect>(select, find, along)
}

fn run(view: &Connection, search: &Select) -> rusqlite::Result<Vec<Recorded>> {
    let mut statement = view.prepare_cached(&search.sql)?;
    let mut names = SharedNames::default();
    statement.query_map(bound(&search.values), |row| recorded(&mut names, row))?.collect()
}

/// The count and the times of each type. They are added up here, because SQLite would
/// sort the whole log for it.
pub(crate) fn stats(view: &Connection) -> rusqlite::Result<Vec<TypeStats>> {
    let mut statement = view.prepare_cached(include_str!("sql/types.sql"))?;
    let mut rows = statement.query([])?;
    let (mut names, mut found) = (SharedNames::default(), BTreeMap::new());
    while let Some(row) = rows.next()? {
        let (category, type_name) = category_and_type(&mut names, row)?;
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
    use protean_port::message::{Category, Value};
    use protean_port::port::Find;
    use rusqlite::Connection;

    use super::searches;
    use crate::schema;
    use crate::value::bound;

    fn plan(view: &Connection, sql: &str, values: &[Value]) -> String {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let mut statement = view.prepare(&sql).expect("the search compiles");
        let steps =
            statement.query_map(bound(values), |row| row.get::<_, String>(3)).expect("a plan");
        steps.map(|step| step.expect("a step")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_is_looked_up_neither_scans_nor_sorts_the_log() {
        let view = Connection::open_in_memory().expect("a database");
        schema::create(&view, "test.db".as_ref(), &[]).expect("a layout");
        view.execute(
            "INSERT INTO messages VALUES (7, 's', 0, 'c', 0, 'COMMAND', 't', 1, 'i', 'x', '', 0, '', '')",
            [],
        )
        .expect("a message");
        let page = |find: Find| Find { after: Some(9), type_name: Some("t".into()), ..find };
        for first in [Find::first(10), Find::last(10)] {
            let lane = Find { category: Some(Category::named("c")), ..page(first) };
            let chain = Find { correlation_id: Some("x".into()), ..lane.clone() };
            let one = Find { message_id: Some("i".into()), ..chain.clone() };
            for (find, path) in [
                (lane, "INDEX messages_by_lane (category=? AND priority=? AND rowid"),
                (chain, "INDEX messages_by_correlation (correlation_id=? AND rowid"),
                (one, "INTEGER PRIMARY KEY (rowid=?)"),
            ] {
                let searches = searches(&view, &find).expect("searches");
                assert_eq!(searches.len(), 1, "{path}");
                let plan = plan(&view, &searches[0].sql, &searches[0].values);
                assert!(plan.contains(path) && !plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }

    #[test]
    fn a_message_is_found_by_its_id_without_a_scan() {
        let view = Connection::open_in_memory().expect("a database");
        schema::create(&view, "test.db".as_ref(), &[]).expect("a layout");
        let values = [Value::text("i"), Value::text("s")];
        let plan = plan(&view, include_str!("sql/find_position.sql"), &values);
        assert!(!plan.contains("SCAN") && plan.matches("SEARCH").count() == 3, "{plan}");
    }
}
