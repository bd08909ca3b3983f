//! Searches the whole log.

use protean_port::message::{Recorded, Value};
use protean_port::port::{Direction, Find};

use crate::number::{limit, signed};
use crate::{Dialect, Select};

impl Select {
    /// Selects messages for which everything in `find` holds but its message id, which the
    /// adapter looks up. `select` ends before its conditions; `along` names columns
    /// of one index with their values, so that the database searches along it.
    pub fn messages<D: Dialect>(select: String, find: &Find, along: &[(&str, Value)]) -> Self {
        let mut search = Self::from(select);
        for (column, value) in along {
            search.compare::<D>(column, "=", value);
        }
        let unindexed = |column: &str| format!("{}{column}", D::UNINDEXED);
        if let Some(category) = &find.category {
            search.compare::<D>(&unindexed("category"), "=", &Value::text(category.as_str()));
        }
        if let Some(id) = &find.correlation_id {
            search.compare::<D>(&unindexed("correlation_id"), "=", &Value::text(&**id));
        }
        if let Some(name) = &find.type_name {
            let name = search.bind::<D>(&Value::text(&**name));
            let find_text = D::FIND_TEXT;
            search.condition(&format!(
                "(type = {name} OR {find_text}(type, '.' || {name} || '.v') > 0)"
            ));
        }
        if let Some(since) = find.since {
            search.compare::<D>("time", ">=", &Value::Integer(since.as_micros()));
        }
        if let Some(until) = find.until {
            search.compare::<D>("time", "<", &Value::Integer(until.as_micros()));
        }
        let (beyond, order) = match find.direction {
            Direction::Ascending => (">", "ORDER BY position"),
            Direction::Descending => ("<", "ORDER BY position DESC"),
        };
        if let Some(after) = find.after {
            search.compare::<D>("position", beyond, &Value::Integer(signed(after)));
        }
        search.sql.push_str(&format!(" {order} LIMIT {}", limit(find.limit)));
        search
    }

    fn compare<D: Dialect>(&mut self, column: &str, operator: &str, value: &Value) {
        let parameter = self.bind::<D>(value);
        self.condition(&format!("{column} {operator} {parameter}"));
    }
}

/// The requested page, out of the results of several searches.
pub fn page(mut found: Vec<Recorded>, find: &Find) -> Vec<Recorded> {
    found.sort_by_key(|recorded| recorded.position);
    if find.direction == Direction::Descending {
        found.reverse();
    }
    found.truncate(find.limit);
    found
}

/// The stream that the id of a message names, if it does.
pub fn stream_of(message_id: &str) -> &str {
    message_id.rsplit_once('-').map_or("", |(stream, _)| stream)
}
