//! How PostgreSQL words statements.

use protean_port::message::{Column, ColumnKind, Direction, Value};
use protean_sql::{Dialect, Redefinition, quoted};

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
    /// tested from left to right, so a number is read as one inside of a `CASE`.
    fn list_has(list: &str, element: &str) -> String {
        let is_number = "json_typeof(element.value) = 'number'";
        let looks_like_number = format!("{element}::text ~ '^-?[0-9]'");
        format!(
            "CASE WHEN json_typeof({list}::json) = 'array' THEN EXISTS (SELECT 1 FROM \
             json_array_elements({list}::json) AS element(value) WHERE element.value::text = \
             {element}::text OR CASE WHEN {is_number} AND {looks_like_number} THEN \
             element.value::text::numeric = {element}::text::numeric ELSE false END) ELSE false END"
        )
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
