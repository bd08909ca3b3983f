//! How SQLite words statements.

use protean_port::message::{Column, ColumnKind, Direction, Value};
use protean_sql::{Dialect, Redefinition, quoted};

/// The words of SQLite.
pub(crate) enum SqliteDialect {}

impl Dialect for SqliteDialect {
    const PARAMETER: char = '?';
    const FIND_TEXT: &'static str = "instr";
    const UNINDEXED: &'static str = "+";
    const MAX_NAME_BYTES: Option<usize> = None;
    const VERSION_TYPE: &'static str = "INTEGER";
    const TABLE_OPTIONS: &'static str = " WITHOUT ROWID";
    /// Only one connection at a time can write a file.
    const CONCURRENTLY: &'static str = "";

    /// Each type names its kind, and none makes SQLite turn a text into a number.
    fn declared_type(kind: ColumnKind) -> &'static str {
        match kind {
            ColumnKind::Bool => "BOOLEAN",
            ColumnKind::Integer => "INTEGER",
            ColumnKind::Real => "REAL",
            ColumnKind::Decimal => "DECIMAL_TEXT",
            ColumnKind::Text => "TEXT",
            ColumnKind::Timestamp => "TIMESTAMP",
            ColumnKind::Date => "DATE_TEXT",
            ColumnKind::Json => "JSON_TEXT",
        }
    }

    fn declared_collation(_: ColumnKind) -> &'static str {
        ""
    }

    /// Decimals are compared by their value, not by their text.
    fn compared_collation(kind: ColumnKind) -> &'static str {
        if kind == ColumnKind::Decimal { " COLLATE decimal" } else { "" }
    }

    /// `NULL` is less than every value in SQLite.
    fn index_nulls(_: Direction) -> &'static str {
        ""
    }

    fn folded(text: &str) -> String {
        format!("lower({text})")
    }

    /// By bytes, since `length` counts the letters before the first NUL.
    fn ends_with(text: &str, end: &str) -> String {
        let end = format!("CAST({end} AS BLOB)");
        format!("substr(CAST({text} AS BLOB), -length({end})) = {end}")
    }

    fn list_has(list: &str, element: &str) -> String {
        format!("list_has({list}, {element})")
    }

    fn array(_: &[&Value]) -> Option<Value> {
        None
    }

    fn selected(column: &Column) -> String {
        format!("\"{}\"", column.name)
    }

    fn literal(value: &Value) -> String {
        match value {
            Value::Null => "NULL".to_owned(),
            Value::Bool(truth) => i64::from(*truth).to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Timestamp(moment) => moment.as_micros().to_string(),
            // With a point, so that it is no integer.
            Value::Real(number) => format!("{number:?}"),
            Value::Decimal(number) => quoted(&number.to_string()),
            Value::Date(day) => quoted(&day.to_string()),
            Value::Text(text) | Value::Json(text) => quoted(text),
        }
    }

    /// Equal decimals have many texts: the one without trailing zeros counts.
    fn unique_value(column: &Column) -> String {
        let field = format!("\"{}\"", column.name);
        match column.kind {
            ColumnKind::Decimal => {
                format!("(iif(instr({field}, '.'), rtrim(rtrim({field}, '0'), '.'), {field}))")
            }
            _ => field,
        }
    }

    /// SQLite renames no index.
    fn rename_index(_: &str, _: &str) -> Option<String> {
        None
    }

    /// SQLite changes no column, so another one takes its place.
    fn redefine(table: &str, change: &Redefinition<'_>) -> Vec<String> {
        let Redefinition { column, found, kind, .. } = change;
        let (name, before) = (&column.name, format!("{}_before", column.name));
        let alter = |what: &str| format!("ALTER TABLE \"{table}\" {what}");
        let required = match column.nullable {
            true => String::new(),
            false => format!(" NOT NULL DEFAULT {}", change.blank),
        };
        let value = converted(&before, &found.kind, column.kind);
        let value = match &change.missing {
            Some(missing) => format!("coalesce({value}, {missing})"),
            None => value,
        };
        let index = change.index.map(|index| format!("DROP INDEX \"{index}\""));
        let statements = [
            alter(&format!("RENAME COLUMN \"{name}\" TO \"{before}\"")),
            alter(&format!("ADD COLUMN \"{name}\" {kind}{required}")),
            format!("UPDATE \"{table}\" SET \"{name}\" = {value}"),
            alter(&format!("DROP COLUMN \"{before}\"")),
        ];
        index.into_iter().chain(statements).collect()
    }
}

/// A column of one type as a value of another.
fn converted(name: &str, from: &str, to: ColumnKind) -> String {
    if from.eq_ignore_ascii_case(SqliteDialect::declared_type(to)) {
        return format!("\"{name}\"");
    }
    match to {
        ColumnKind::Bool => format!("CAST(\"{name}\" AS INTEGER) <> 0"),
        ColumnKind::Integer | ColumnKind::Timestamp => format!("CAST(\"{name}\" AS INTEGER)"),
        ColumnKind::Real => format!("CAST(\"{name}\" AS REAL)"),
        _ if from == "BOOLEAN" => {
            format!("CASE \"{name}\" WHEN 0 THEN 'false' WHEN 1 THEN 'true' END")
        }
        _ => format!("CAST(\"{name}\" AS TEXT)"),
    }
}
