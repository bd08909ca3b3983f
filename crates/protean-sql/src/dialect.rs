//! What each database words differently.

use protean_port::message::{Column, ColumnKind, Direction, Value};

use crate::FoundColumn;

/// A text as it is written in a statement.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The words of one database, where statements are otherwise the same.
///
/// An adapter implements it for a type without values and names that type where a
/// statement is composed: `Select::rows::<Sqlite>(table, query)`.
pub trait Dialect {
    /// The sign before the number of a parameter: `?` or `$`.
    const PARAMETER: char;
    /// The function that finds a text in another one: its position from one on, or zero.
    const FIND_TEXT: &'static str;
    /// A sign before a column that keeps its condition from choosing the index; may be empty.
    const UNINDEXED: &'static str;
    /// The longest name of a table, a column or an index in bytes, if there is a limit.
    const MAX_NAME_BYTES: Option<usize>;
    /// The declared type of the column `_version`.
    const VERSION_TYPE: &'static str;
    /// What follows the columns in `CREATE TABLE`; may be empty.
    const TABLE_OPTIONS: &'static str;

    /// The type a column of this kind is declared with.
    fn declared_type(kind: ColumnKind) -> &'static str;

    /// What follows the type in a declaration, so that values sort as in every other
    /// store; may be empty.
    fn declared_collation(kind: ColumnKind) -> &'static str;

    /// What follows a column where it is compared or sorted by; may be empty.
    fn compared_collation(kind: ColumnKind) -> &'static str;

    /// The keyword that creates an index without blocking writers, if the database has one; the
    /// statement then runs on its own, outside of a transaction. May be empty.
    const CONCURRENTLY: &'static str;

    /// The clause that sorts `NULL` in an index of a nullable column as queries do: before every
    /// value. May be empty.
    fn index_nulls(direction: Direction) -> &'static str;

    /// Converts `A` to `Z` to lower case, and leaves every other character as it is.
    fn folded(text: &str) -> String;

    /// Whether a string ends with another, non-empty one.
    fn ends_with(text: &str, end: &str) -> String;

    /// Whether a list in JSON has an element, see [`list_has`](protean_port::message::list_has).
    fn list_has(list: &str, element: &str) -> String;

    /// Values as one parameter that `ANY` takes, where the database has such, so that a statement
    /// does not depend on their number.
    fn array(values: &[&Value]) -> Option<Value>;

    /// A column as the adapter reads it back.
    fn selected(column: &Column) -> String;

    /// A value as it is written in a statement. Text is [`quoted`].
    fn literal(value: &Value) -> String;

    /// What a unique index is built on, so that equal values are equal there.
    fn unique_value(column: &Column) -> String;

    /// The statement that gives an index another name; `None` where it is dropped and made anew.
    fn rename_index(from: &str, to: &str) -> Option<String>;

    /// The statements that give a column of a table its declared form, for a person to run.
    fn redefine(table: &str, change: &Redefinition<'_>) -> Vec<String>;
}

/// A column that is there in another form than the declared one.
#[derive(Debug)]
pub struct Redefinition<'a> {
    /// The column as it is declared.
    pub column: &'a Column,
    /// The column as it was found. It has its declared name.
    pub found: &'a FoundColumn,
    /// The unique index that it has.
    pub index: Option<&'a str>,
    /// What it is declared with, without its name and `NOT NULL`.
    pub kind: String,
    /// The value of rows that have none, when the column has become required: a literal, or
    /// `<value>`.
    pub missing: Option<String>,
    /// A literal of its type, for the moment before the rows have their values.
    pub blank: String,
}

#[cfg(test)]
pub(crate) mod tests {
    use protean_port::message::{Column, ColumnKind, Direction, Value};

    use super::{Dialect, Redefinition, quoted};

    /// A dialect for tests, whose names are short.
    pub(crate) enum Plain {}

    impl Dialect for Plain {
        const PARAMETER: char = '$';
        const FIND_TEXT: &'static str = "position_of";
        const UNINDEXED: &'static str = "";
        const MAX_NAME_BYTES: Option<usize> = Some(24);
        const VERSION_TYPE: &'static str = "int";
        const TABLE_OPTIONS: &'static str = "";
        const CONCURRENTLY: &'static str = "";

        fn declared_type(kind: ColumnKind) -> &'static str {
            if kind == ColumnKind::Integer { "int" } else { "text" }
        }

        fn declared_collation(_: ColumnKind) -> &'static str {
            ""
        }

        fn compared_collation(_: ColumnKind) -> &'static str {
            ""
        }

        fn index_nulls(_: Direction) -> &'static str {
            " NULLS THERE"
        }

        fn folded(text: &str) -> String {
            format!("folded({text})")
        }

        fn ends_with(text: &str, end: &str) -> String {
            format!("ends({text}, {end})")
        }

        fn list_has(list: &str, element: &str) -> String {
            format!("has({list}, {element})")
        }

        fn array(_: &[&Value]) -> Option<Value> {
            None
        }

        fn selected(column: &Column) -> String {
            format!("\"{}\"", column.name)
        }

        fn literal(value: &Value) -> String {
            match value {
                Value::Integer(number) => number.to_string(),
                Value::Text(text) => quoted(text),
                other => quoted(&format!("{other:?}")),
            }
        }

        fn unique_value(column: &Column) -> String {
            Self::selected(column)
        }

        fn rename_index(from: &str, to: &str) -> Option<String> {
            Some(format!("RENAME INDEX \"{from}\" TO \"{to}\""))
        }

        fn redefine(table: &str, change: &Redefinition<'_>) -> Vec<String> {
            let (name, kind) = (&change.column.name, &change.kind);
            vec![format!("REDEFINE {table}.{name} AS {kind} {:?}", change.missing)]
        }
    }
}
