//! Selects rows of users' tables.

use protean_port::message::{Column, Direction, Operator, SortKey, Table, VERSION_COLUMN, Value};
use protean_port::port::{RowQuery, Wanted};
use protean_port::{Error, Result};

use crate::Dialect;
use crate::clause::{compared, joined};
use crate::number::limit;

/// A `SELECT` composed of declared names, with its values apart.
///
/// ```text
/// Select::row    ─▶ SELECT columns, "_version" … WHERE key = first parameter
/// Select::rows   ─▶ SELECT columns, "_version" … WHERE condition ORDER BY … LIMIT …
/// Select::count  ─▶ SELECT count(*) …            WHERE condition
/// ```
///
/// What comes after a row in an order is composed of ranges, each of which an index finds; for
/// `ORDER BY a, b DESC, id DESC` the rest of the same `a` and `b`, the rest of the same `a`, and the
/// rest:
///
/// ```text
/// a = 1 AND b = 2 AND id < 3   UNION ALL   a = 1 AND b < 2   UNION ALL   a > 1
/// ```
#[derive(Clone, Debug)]
pub struct Select {
    /// The statement, its parameters numbered from one on.
    pub sql: String,
    /// The values of the parameters, in their order.
    pub values: Vec<Value>,
    has_condition: bool,
}

impl Select {
    /// Selects the row whose key is the one parameter; the caller binds it.
    pub fn row<D: Dialect>(table: &Table) -> Self {
        let (columns, name, key) = (columns::<D>(table), &table.name, &table.key_column().name);
        Self::from(format!("SELECT {columns} FROM \"{name}\" WHERE \"{key}\" = {}1", D::PARAMETER))
    }

    /// Selects the rows of a query, each ending in its version. Rows that its order
    /// leaves equal are sorted by their key.
    ///
    /// # Errors
    /// When the query names a column that the table does not have.
    pub fn rows<D: Dialect>(table: &Table, query: &RowQuery) -> Result<Self> {
        check(table, query)?;
        let mut select = Self::from(String::new());
        let condition = select.condition_of::<D>(table, query);
        let (columns, name, keys) = (columns::<D>(table), &table.name, query.sort_keys(table));
        let order = order::<D>(table, &keys);
        let page = select.paged::<D>(query.limit, query.offset);
        let ranges = match &query.after {
            Some(after) => select.ranges::<D>(table, &keys, after),
            None => vec![None],
        };
        let conditions = ranges.into_iter().map(|range| {
            let parts: Vec<String> = condition.iter().cloned().chain(range).collect();
            if parts.is_empty() {
                String::new()
            } else {
                format!(" WHERE {}", joined(parts, "AND", ""))
            }
        });
        let conditions: Vec<String> = conditions.collect();
        select.sql = match &conditions[..] {
            [only] => format!("SELECT {columns} FROM \"{name}\"{only} ORDER BY {order}{page}"),
            several => {
                let limit = select.range_limit::<D>(query);
                let range = |condition| {
                    format!(
                        "SELECT * FROM (SELECT * FROM \"{name}\"{condition} ORDER BY \
                         {order}{limit}) AS \"range\""
                    )
                };
                let ranges: Vec<String> = several.iter().map(range).collect();
                let ranges = ranges.join(" UNION ALL ");
                format!("SELECT {columns} FROM ({ranges}) AS \"{name}\" ORDER BY {order}{page}")
            }
        };
        Ok(select)
    }

    /// Counts the rows for which the condition of a query holds, up to its limit.
    ///
    /// # Errors
    /// When the query names a column that the table does not have.
    pub fn count<D: Dialect>(table: &Table, query: &RowQuery) -> Result<Self> {
        check(table, query)?;
        let (mut select, name) = (Self::from(String::new()), &table.name);
        let condition = select.condition_of::<D>(table, query);
        let condition = condition.map_or_else(String::new, |holds| format!(" WHERE {holds}"));
        select.sql = match query.limit {
            None => format!("SELECT count(*) FROM \"{name}\"{condition}"),
            Some(count) => format!(
                "SELECT count(*) FROM (SELECT 1 FROM \"{name}\"{condition} LIMIT {}) AS \"some\"",
                limit(count)
            ),
        };
        Ok(select)
    }

    /// Selects or counts the rows of a query.
    ///
    /// # Errors
    /// When the query names a column that the table does not have.
    pub fn wanted<D: Dialect>(table: &Table, query: &RowQuery, wanted: Wanted) -> Result<Self> {
        match wanted {
            Wanted::Rows => Self::rows::<D>(table, query),
            Wanted::Count => Self::count::<D>(table, query),
        }
    }

    /// The condition of a query, if it has one.
    fn condition_of<D: Dialect>(&mut self, table: &Table, query: &RowQuery) -> Option<String> {
        let condition = &query.condition;
        (*condition != Default::default()).then(|| self.composed::<D>(table, condition))
    }

    /// The ranges of rows that are sorted after these values.
    fn ranges<D: Dialect>(
        &mut self,
        table: &Table,
        keys: &[SortKey],
        after: &[Value],
    ) -> Vec<Option<String>> {
        let (mut equal, mut ranges): (Vec<String>, Vec<Option<String>>) = Default::default();
        for (number, (key, value)) in keys.iter().zip(after).enumerate() {
            let declared = &table.columns[key.column];
            let column = compared::<D>(table, declared);
            let may_be_null = declared.nullable && key.column != table.key;
            let beyond = match (key.direction, value.is_null()) {
                (Direction::Ascending, true) => Some(format!("{column} IS NOT NULL")),
                (Direction::Ascending, false) => {
                    Some(self.comparison::<D>(&column, Operator::Greater, value))
                }
                // No value sorts after null here.
                (Direction::Descending, true) => None,
                (Direction::Descending, false) => {
                    Some(self.comparison::<D>(&column, Operator::Less, value))
                }
            };
            let descends = key.direction == Direction::Descending && !value.is_null();
            let null = (descends && may_be_null).then(|| format!("{column} IS NULL"));
            ranges.extend(beyond.into_iter().chain(null).map(|beyond| {
                let parts = equal.iter().cloned().chain([beyond]);
                Some(joined(parts.collect(), "AND", ""))
            }));
            // A parameter that no range uses would have no type.
            if number + 1 < keys.len() {
                equal.push(self.comparison::<D>(&column, Operator::Equal, value));
            }
        }
        ranges
    }

    /// The limit and the offset. Pages have few sizes but many offsets, so an offset is a parameter.
    fn paged<D: Dialect>(&mut self, rows: Option<usize>, offset: usize) -> String {
        match (rows, offset) {
            (None, 0) => String::new(),
            (Some(rows), 0) => format!(" LIMIT {}", limit(rows)),
            // SQLite has no offset without a limit.
            (rows, offset) => {
                let offset = self.bind::<D>(&Value::Integer(limit(offset)));
                format!(" LIMIT {} OFFSET {offset}", limit(rows.unwrap_or(usize::MAX)))
            }
        }
    }

    /// The limit of each range of a page.
    fn range_limit<D: Dialect>(&mut self, query: &RowQuery) -> String {
        match (query.limit, query.offset) {
            (None, _) => String::new(),
            (Some(rows), 0) => format!(" LIMIT {}", limit(rows)),
            (Some(rows), offset) => {
                let rows = Value::Integer(limit(rows.saturating_add(offset)));
                format!(" LIMIT {}", self.bind::<D>(&rows))
            }
        }
    }

    /// Adds a value and returns its parameter.
    pub(crate) fn bind<D: Dialect>(&mut self, value: &Value) -> String {
        self.values.push(value.clone());
        format!("{}{}", D::PARAMETER, self.values.len())
    }

    /// Adds a condition that has to hold as well.
    pub(crate) fn condition(&mut self, condition: &str) {
        let word = if self.has_condition { "AND" } else { "WHERE" };
        self.sql.push_str(&format!(" {word} {condition}"));
        self.has_condition = true;
    }
}

impl From<String> for Select {
    /// A statement without conditions and values.
    fn from(sql: String) -> Self {
        Self { sql, values: Vec::new(), has_condition: false }
    }
}

fn check(table: &Table, query: &RowQuery) -> Result {
    query.fault(table).map_or(Ok(()), |fault| Err(Error::misused(fault)))
}

fn columns<D: Dialect>(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(D::selected).collect();
    format!("{}, \"{VERSION_COLUMN}\"", columns.join(", "))
}

/// The ORDER BY. A database uses an index only if the order of nulls matches, even if the column
/// has none.
fn order<D: Dialect>(table: &Table, keys: &[SortKey]) -> String {
    let keys = keys.iter().map(|key| {
        let column: &Column = &table.columns[key.column];
        let word = match (key.direction, column.nullable && key.column != table.key) {
            (Direction::Ascending, false) => "ASC",
            (Direction::Descending, false) => "DESC",
            (Direction::Ascending, true) => "ASC NULLS FIRST",
            (Direction::Descending, true) => "DESC NULLS LAST",
        };
        format!("{} {word}", compared::<D>(table, column))
    });
    keys.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use protean_port::message::{Column, ColumnKind, Table, Value};
    use protean_port::port::{Operator, RowCondition, RowQuery, SortKey, TextPlace};

    use super::Select;
    use crate::dialect::tests::Plain;

    fn users() -> Table {
        let column = |name: &str, kind| Column {
            name: name.into(),
            kind,
            nullable: true,
            unique: false,
            default: None,
            renamed_from: Vec::new(),
        };
        let columns = vec![column("id", ColumnKind::Text), column("age", ColumnKind::Integer)];
        Table { name: "users".into(), key: 0, columns, indexes: Vec::new() }
    }

    fn conditions(condition: RowCondition) -> (String, usize) {
        let query = RowQuery { condition, ..RowQuery::default() };
        let select = Select::count::<Plain>(&users(), &query).unwrap();
        let conditions = select.sql.replace("SELECT count(*) FROM \"users\" WHERE ", "");
        (conditions.replace("\"users\".", ""), select.values.len())
    }

    fn contains(column: usize, text: &str) -> RowCondition {
        let case = protean_port::port::Case::Exact;
        RowCondition::Text { column, place: TextPlace::Anywhere, text: text.into(), case }
    }

    fn rows(query: &RowQuery) -> String {
        Select::rows::<Plain>(&users(), query).unwrap().sql.replace("\"users\".", "")
    }

    #[test]
    fn only_values_that_are_compared_become_parameters() {
        let (sql, values) = conditions(RowCondition::All(vec![
            RowCondition::compare(1, Operator::NotEqual, Value::Null),
            RowCondition::compare(1, Operator::AtLeast, Value::Integer(18)),
            contains(0, "a"),
            RowCondition::OneOf { column: 1, values: vec![Value::Null, Value::Integer(3)] },
        ]));
        let expected = "(\"age\" IS NOT NULL AND \"age\" >= $1 AND position_of(\"id\", $2) > 0 \
                        AND (\"age\" = $3 OR \"age\" IS NULL))";
        assert_eq!((sql.as_str(), values), (expected, 3));
    }

    #[test]
    fn what_null_cannot_be_is_never_true() {
        for condition in [
            RowCondition::compare(1, Operator::Less, Value::Null),
            RowCondition::OneOf { column: 1, values: Vec::new() },
            RowCondition::Any(Vec::new()),
            contains(1, "1"),
        ] {
            assert_eq!(conditions(condition.clone()), ("0 = 1".into(), 0), "{condition:?}");
        }
    }

    #[test]
    fn a_negation_of_null_is_true() {
        let age = RowCondition::compare(1, Operator::Less, Value::Integer(18));
        let (sql, _) = conditions(RowCondition::Not(age.or(contains(0, "a")).into()));
        assert_eq!(sql, "((\"age\" < $1 OR position_of(\"id\", $2) > 0)) IS NOT TRUE");
    }

    #[test]
    fn rows_are_sorted_by_their_key_last() {
        let order = vec![SortKey::descending(1)];
        let query = RowQuery { order, limit: Some(3), ..RowQuery::default() };
        let sql = rows(&query);
        assert!(sql.ends_with("ORDER BY \"age\" DESC NULLS LAST, \"id\" DESC LIMIT 3"), "{sql}");
        // As the index of the key is: other words would sort the whole table for each page.
        let order = vec![SortKey::ascending(0), SortKey::ascending(1)];
        let sql = rows(&RowQuery { order, offset: 2, ..RowQuery::default() });
        assert!(sql.ends_with(" ORDER BY \"id\" ASC LIMIT 9223372036854775807 OFFSET $1"), "{sql}");
        let unknown = RowQuery { order: vec![SortKey::ascending(2)], ..RowQuery::default() };
        assert!(Select::rows::<Plain>(&users(), &unknown).is_err());
    }

    #[test]
    fn what_comes_after_a_row_is_ranges_of_an_index() {
        let after = |order: SortKey, value| RowQuery {
            order: vec![order],
            after: Some(vec![value, Value::text("k")]),
            ..RowQuery::default()
        };
        for (query, expected) in [
            (
                after(SortKey::ascending(1), Value::Integer(7)),
                "\"age\" > $1|(\"age\" = $2 AND \"id\" > $3)",
            ),
            (
                after(SortKey::ascending(1), Value::Null),
                "\"age\" IS NOT NULL|(\"age\" IS NULL AND \"id\" > $1)",
            ),
            (
                after(SortKey::descending(1), Value::Integer(7)),
                "\"age\" < $1|\"age\" IS NULL|(\"age\" = $2 AND \"id\" < $3)",
            ),
            (after(SortKey::descending(1), Value::Null), "(\"age\" IS NULL AND \"id\" < $1)"),
        ] {
            let sql = rows(&query);
            let ranges =
                sql.split(" WHERE ").skip(1).map(|range| range.split(" ORDER BY").next().unwrap());
            assert_eq!(ranges.collect::<Vec<_>>().join("|"), expected, "{sql}");
        }
        let short = RowQuery {
            after: Some(vec![Value::Integer(1)]),
            order: vec![SortKey::ascending(1)],
            ..RowQuery::default()
        };
        assert!(Select::rows::<Plain>(&users(), &short).is_err());
        for key in [SortKey::ascending(0), SortKey::descending(0)] {
            let (order, after) = (vec![key], Some(vec![Value::Null]));
            let keyless = RowQuery { order, after, ..RowQuery::default() };
            assert!(Select::rows::<Plain>(&users(), &keyless).is_err());
        }
    }
}
