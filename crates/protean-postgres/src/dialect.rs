//! How PostgreSQL words statements.

use protean_port::message::{Column, ColumnKind, Value};
use protean_sql::{Dialect, quoted};

/// The words of PostgreSQL.
pub(crate) enum PostgresDialect {}

impl Dialect for PostgresDialect {
    const PARAMETER: char = '$';
    const FIND_TEXT: &'static str = "strpos";
    const UNINDEXED: &'static str = "";
    const MAX_NAME_BYTES: Option<usize> = Some(63);
    const VERSION_TYPE: &'static str = "bigint";
    const TABLE_OPTIONS: &'static str = "";

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
}
