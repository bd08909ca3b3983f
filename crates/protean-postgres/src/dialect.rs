//! How PostgreSQL words statements.

use protean_port::message::{Column, ColumnKind, Direction, Value};
use protean_sql::{Dialect, Redefinition, quoted};

use crate::value::plain_words;

/// The words of PostgreSQL.
pub(crate) enum PostgresDialect {}

impl Dialect for PostgresDialect {
    const PARAMETER: char = '$';
    const FIND_TEXT: &'static str = "strpos";
    const UNINDEXED: &'static str = "";
    const MAX_NAME_BYTES: Option<usize> = Some(63);
    const VERSION_TYPE: &'static str = "bigint";
    const TABLE_OPTIONS: &'static str = "";
    const CONCURRENTLY: &'static str = " CONCURRENTLY";

    fn declared_type(kind: ColumnKind) -> &'static str {
        match kind {
            ColumnKind::Bool => "boolean",
            ColumnKind::Integer | ColumnKind::Timestamp => "bigint",
            ColumnKind::Real => "double precision",
            ColumnKind::Decimal => "numeric",
            ColumnKind::Text | ColumnKind::Json => "text",
            ColumnKind::Date => "date",
        }
    }

    /// Text sorts by its bytes, as in every other store.
    fn declared_collation(kind: ColumnKind) -> &'static str {
        match kind {
            ColumnKind::Text | ColumnKind::Json => " COLLATE \"C\"",
            _ => "",
        }
    }

    fn compared_collation(_: ColumnKind) -> &'static str {
        ""
    }

    fn index_nulls(direction: Direction) -> &'static str {
        match direction {
            Direction::Ascending => " NULLS FIRST",
            Direction::Descending => " NULLS LAST",
        }
    }

    /// In this collation only ASCII letters have a case.
    fn folded(text: &str) -> String {
        format!("lower({text} COLLATE \"C\")")
    }

    fn ends_with(text: &str, end: &str) -> String {
        format!("right({text}, char_length({end}::text)) = {end}::text")
    }

    /// As `json`, in which an element keeps its text; `jsonb` takes no NUL. A condition is not always
    /// tested from left to right, so a number is read as one inside of a `CASE`. Only a `numeric` of
    /// limited size can be read.
    fn list_has(list: &str, element: &str) -> String {
        let is_number = |text: &str| {
            format!(
                "{text} ~ '^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]{{1,3}})?$' \
                 AND octet_length({text}) <= 100"
            )
        };
        let (found, wanted) = ("element.value::text", format!("{element}::text"));
        format!(
            "CASE WHEN json_typeof({list}::json) = 'array' THEN EXISTS (SELECT 1 FROM \
             json_array_elements({list}::json) AS element(value) WHERE {found} = {wanted} \
             OR CASE WHEN {} AND {} THEN {found}::numeric = {wanted}::numeric ELSE false END) \
             ELSE false END",
            is_number(found),
            is_number(&wanted),
        )
    }

    /// An array in the server's text format.
    fn array(values: &[&Value]) -> Option<Value> {
        let elements = values.iter().filter_map(|value| plain_words(value)).map(|words| {
            let words = words.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{words}\"")
        });
        Some(Value::text(format!("{{{}}}", elements.collect::<Vec<_>>().join(","))))
    }

    /// Decimals and days are read as text, in which they are exact.
    fn selected(column: &Column) -> String {
        let name = &column.name;
        match column.kind {
            ColumnKind::Decimal | ColumnKind::Date => format!("\"{name}\"::text"),
            _ => format!("\"{name}\""),
        }
    }

    /// A text in quotes has the type of the column it is for.
    fn literal(value: &Value) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Bool(truth) => truth.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Timestamp(moment) => moment.as_micros().to_string(),
            Value::Real(number) => quoted(&number.to_string()),
            Value::Decimal(number) => quoted(&number.to_string()),
            Value::Date(day) => quoted(&day.to_string()),
            Value::Text(text) | Value::Json(text) => quoted(text),
        }
    }

    fn unique_value(column: &Column) -> String {
        format!("\"{}\"", column.name)
    }

    fn rename_index(from: &str, to: &str) -> Option<String> {
        Some(format!("ALTER INDEX \"{from}\" RENAME TO \"{to}\""))
    }

    fn redefine(table: &str, change: &Redefinition<'_>) -> Vec<String> {
        let Redefinition { column, found, .. } = change;
        let (name, mut statements) = (&column.name, Vec::new());
        let alter = |what: &str| format!("ALTER TABLE \"{table}\" {what}");
        if !found.kind.eq_ignore_ascii_case(Self::declared_type(column.kind)) {
            let value = converted(name, &found.kind, column.kind);
            let kind = format!("ALTER COLUMN \"{name}\" TYPE {} USING {value}", change.kind);
            let drop = format!("ALTER COLUMN \"{name}\" DROP DEFAULT, ");
            statements
                .push(alter(&format!("{}{kind}", if found.has_default { &drop } else { "" })));
        }
        if let Some(value) = &change.missing {
            let missing = format!("SET \"{name}\" = {value} WHERE \"{name}\" IS NULL");
            statements.push(format!("UPDATE \"{table}\" {missing}"));
            statements.push(alter(&format!("ALTER COLUMN \"{name}\" SET NOT NULL")));
        }
        if column.nullable && found.required {
            statements.push(alter(&format!("ALTER COLUMN \"{name}\" DROP NOT NULL")));
        }
        statements
    }
}

/// A column of one type as a value of another. Where PostgreSQL knows no way, it says so.
fn converted(name: &str, from: &str, to: ColumnKind) -> String {
    let kind = PostgresDialect::declared_type(to);
    match (from, to) {
        ("boolean", ColumnKind::Integer | ColumnKind::Real | ColumnKind::Decimal) => {
            format!("\"{name}\"::integer::{kind}")
        }
        ("bigint" | "double precision" | "numeric", ColumnKind::Bool) => {
            format!("\"{name}\" <> 0")
        }
        _ => format!("\"{name}\"::{kind}"),
    }
}

#[cfg(test)]
mod tests {
    use protean_port::message::{Column, ColumnKind, Table, Value};
    use protean_port::port::{RowCondition, RowQuery};
    use protean_sql::Select;

    use super::PostgresDialect;

    /// The statements of a query for some values, from an offset on.
    fn statement(values: &[&str], offset: usize) -> (String, usize) {
        let (name, kind) = ("id".into(), ColumnKind::Text);
        let (nullable, unique, default, renamed_from) = (false, false, None, Vec::new());
        let id = Column { name, kind, nullable, unique, default, renamed_from };
        let table = Table { name: "users".into(), key: 0, columns: vec![id], indexes: Vec::new() };
        let values = values.iter().map(|value| Value::text(*value)).collect();
        let condition = RowCondition::OneOf { column: 0, values };
        let query = RowQuery { condition, offset, limit: Some(20), ..RowQuery::default() };
        let select = Select::rows::<PostgresDialect>(&table, &query).unwrap();
        (select.sql, select.values.len())
    }

    #[test]
    fn neither_the_number_of_values_nor_an_offset_makes_another_statement() {
        let one = statement(&["a", "b"], 20);
        assert_eq!(one, statement(&["a", "\"", "\\", ","], 40));
        assert!(one.0.contains("= ANY($") && one.1 == 2, "{one:?}");
        assert!(statement(&["a"], 0).0.contains("\"id\" = $1"));
    }
}
