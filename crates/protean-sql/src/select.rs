//! Selects rows of users' tables.

use protean_port::message::{Column, ColumnKind, Table, VERSION_COLUMN, Value};
use protean_port::port::{Direction, Filter, Operator, RowQuery};
use protean_port::{Error, Result};

use crate::Dialect;
use crate::number::limit;

/// A `SELECT` composed of declared names, with its values apart.
///
/// ```text
/// Select::row    ─▶ SELECT columns, "_version" … WHERE key = first parameter
/// Select::rows   ─▶ SELECT columns, "_version" … WHERE filters ORDER BY … LIMIT …
/// Select::count  ─▶ SELECT count(*) …            WHERE filters
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
        let (columns, name) = (columns::<D>(table), &table.name);
        let mut select = Self::from(format!("SELECT {columns} FROM \"{name}\""));
        select.filter::<D>(table, &query.filters)?;
        select.order::<D>(table, &query.order)?;
        if let Some(count) = query.limit {
            select.sql.push_str(&format!(" LIMIT {}", limit(count)));
        }
        Ok(select)
    }

    /// Counts the rows for which the filters of a query hold.
    ///
    /// # Errors
    /// When the query names a column that the table does not have.
    pub fn count<D: Dialect>(table: &Table, query: &RowQuery) -> Result<Self> {
        let mut select = Self::from(format!("SELECT count(*) FROM \"{}\"", table.name));
        select.filter::<D>(table, &query.filters)?;
        Ok(select)
    }

    fn filter<D: Dialect>(&mut self, table: &Table, filters: &[Filter]) -> Result {
        for Filter { column: index, operator, value } in filters {
            let declared = declared(table, *index)?;
            let (column, null) = (compared::<D>(table, declared), value.is_null());
            let is_text = matches!(declared.kind, ColumnKind::Text | ColumnKind::Json);
            let condition = match operator {
                // Null is neither less nor greater than anything, so here it is at most equal.
                Operator::Equal | Operator::AtMost | Operator::AtLeast if null => {
                    format!("{column} IS NULL")
                }
                Operator::NotEqual if null => format!("{column} IS NOT NULL"),
                Operator::Less | Operator::Greater if null => "0 = 1".to_owned(),
                Operator::Contains if null || !is_text => "0 = 1".to_owned(),
                Operator::Contains => {
                    format!("{}({column}, {}) > 0", D::FIND_TEXT, self.bind::<D>(value))
                }
                Operator::Equal => format!("{column} = {}", self.bind::<D>(value)),
                Operator::NotEqual => {
                    format!("{column} IS DISTINCT FROM {}", self.bind::<D>(value))
                }
                Operator::Less => format!("{column} < {}", self.bind::<D>(value)),
                Operator::AtMost => format!("{column} <= {}", self.bind::<D>(value)),
                Operator::Greater => format!("{column} > {}", self.bind::<D>(value)),
                Operator::AtLeast => format!("{column} >= {}", self.bind::<D>(value)),
            };
            self.condition(&condition);
        }
        Ok(())
    }

    fn order<D: Dialect>(&mut self, table: &Table, order: &[(usize, Direction)]) -> Result {
        self.sql.push_str(" ORDER BY ");
        for (index, direction) in order {
            let declared = declared(table, *index)?;
            // An index is used only in its own order of nulls, even where there are none.
            let word = match (direction, declared.nullable && *index != table.key) {
                (Direction::Ascending, false) => "ASC",
                (Direction::Descending, false) => "DESC",
                (Direction::Ascending, true) => "ASC NULLS FIRST",
                (Direction::Descending, true) => "DESC NULLS LAST",
            };
            self.sql.push_str(&format!("{} {word}", compared::<D>(table, declared)));
            if *index == table.key {
                return Ok(());
            }
            self.sql.push_str(", ");
        }
        self.sql.push_str(&compared::<D>(table, declared(table, table.key)?));
        Ok(())
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

fn columns<D: Dialect>(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(D::selected).collect();
    format!("{}, \"{VERSION_COLUMN}\"", columns.join(", "))
}

fn declared(table: &Table, index: usize) -> Result<&Column> {
    table.columns.get(index).ok_or_else(|| {
        let (name, count) = (&table.name, table.columns.len());
        Error::misused(format!(
            "the table '{name}' has {count} columns; there is no column {index}"
        ))
    })
}

/// A column as it is compared. The table stands before it, since a name alone would
/// be that of what is selected.
fn compared<D: Dialect>(table: &Table, column: &Column) -> String {
    format!("\"{}\".\"{}\"{}", table.name, column.name, D::compared_collation(column.kind))
}

#[cfg(test)]
mod tests {
    use protean_port::message::{Column, ColumnKind, Table, Value};
    use protean_port::port::{Direction, Filter, Operator, RowQuery};

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
        Table { name: "users".into(), key: 0, columns }
    }

    fn conditions(filters: Vec<Filter>) -> (String, usize) {
        let query = RowQuery { filters, ..RowQuery::default() };
        let select = Select::count::<Plain>(&users(), &query).unwrap();
        let conditions = select.sql.replace("SELECT count(*) FROM \"users\" WHERE ", "");
        (conditions, select.values.len())
    }

    #[test]
    fn only_values_that_are_compared_become_parameters() {
        let filter = |column, operator, value| Filter { column, operator, value };
        let (sql, values) = conditions(vec![
            filter(1, Operator::NotEqual, Value::Null),
            filter(1, Operator::AtLeast, Value::Integer(18)),
            filter(0, Operator::Contains, Value::text("a")),
        ]);
        let expected = "\"users\".\"age\" IS NOT NULL AND \"users\".\"age\" >= $1 \
                        AND position_of(\"users\".\"id\", $2) > 0";
        assert_eq!((sql.as_str(), values), (expected, 2));
    }

    #[test]
    fn nothing_is_less_than_null_and_no_number_contains_a_text() {
        for (column, operator, value) in [
            (1, Operator::Less, Value::Null),
            (0, Operator::Contains, Value::Null),
            (1, Operator::Contains, Value::text("1")),
        ] {
            let filter = Filter { column, operator, value };
            assert_eq!(conditions(vec![filter]), ("0 = 1".into(), 0));
        }
    }

    #[test]
    fn rows_are_sorted_by_their_key_last() {
        let order = vec![(1, Direction::Descending)];
        let query = RowQuery { order, limit: Some(3), ..RowQuery::default() };
        let select = Select::rows::<Plain>(&users(), &query).unwrap();
        let expected = "ORDER BY \"users\".\"age\" DESC NULLS LAST, \"users\".\"id\" LIMIT 3";
        assert!(select.sql.ends_with(expected), "{}", select.sql);
        // As the index of the key is: other words would sort the whole table for each page.
        let order = vec![(0, Direction::Ascending), (1, Direction::Ascending)];
        let by_key = RowQuery { order, ..RowQuery::default() };
        let select = Select::rows::<Plain>(&users(), &by_key).unwrap();
        assert!(select.sql.ends_with("ORDER BY \"users\".\"id\" ASC"), "{}", select.sql);
        let unknown = RowQuery { order: vec![(2, Direction::Ascending)], ..RowQuery::default() };
        assert!(Select::rows::<Plain>(&users(), &unknown).is_err());
    }
}
