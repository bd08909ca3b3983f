//! The user's own SQL, on the user's own tables.

use crate::message::{Date, Decimal, Id, Timestamp, Value};

/// A statement of the user's own SQL: the same text for every database.
///
/// ```
/// # use protean_port::port::Statement;
/// let taken = Statement::new("UPDATE stock SET count = count - ?1 WHERE sku = ?2")
///     .bind(3)
///     .bind("sku-7");
/// assert_eq!(taken.parameters.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// SQL that the database understands, with `?1`, `?2`, … for parameters.
    pub sql: String,
    /// The parameters.
    pub parameters: Vec<Value>,
}

/// A read that a unit has made with the user's own SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementRead {
    /// The statement.
    pub statement: Statement,
    /// The rows that it gave, each as a JSON object.
    pub rows: Vec<String>,
}

impl Statement {
    /// A statement without parameters.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new() }
    }

    /// Binds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.parameters.push(value.into());
        self
    }

    /// True for a statement that only reads, by its first word. A database may say otherwise.
    pub fn is_read(&self) -> bool {
        let first = self.sql.split_whitespace().next().unwrap_or_default();
        ["SELECT", "WITH", "VALUES"].iter().any(|word| word.eq_ignore_ascii_case(first))
    }

    /// True when an ORDER BY is anywhere in it.
    fn has_order(&self) -> bool {
        let is_part = |char: char| char.is_alphanumeric() || char == '_';
        let words = self.sql.split(|char| !is_part(char)).filter(|word| !word.is_empty());
        let pairs = words.clone().zip(words.skip(1));
        pairs
            .into_iter()
            .any(|(one, next)| one.eq_ignore_ascii_case("ORDER") && next.eq_ignore_ascii_case("BY"))
    }
}

impl StatementRead {
    /// True when the statement has returned the same rows again, in the same order if it has an
    /// ORDER BY.
    pub fn is_repeated_by(&self, mut rows: Vec<String>) -> bool {
        if rows == self.rows {
            return true;
        }
        if self.statement.has_order() {
            return false;
        }
        let mut first = self.rows.clone();
        first.sort_unstable();
        rows.sort_unstable();
        rows == first
    }
}

/// Converts Rust values to parameters.
macro_rules! values {
    ($($from:ty => |$value:ident| $into:expr),+ $(,)?) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $into
            }
        })+
    };
}

values! {
    &str => |text| Self::text(text),
    &String => |text| Self::text(text.as_str()),
    String => |text| Self::text(text),
    &Id => |id| Self::text(id.as_str()),
    Id => |id| Self::text(id.as_str()),
    i64 => |number| Self::Integer(number),
    i32 => |number| Self::Integer(number.into()),
    u32 => |number| Self::Integer(number.into()),
    f64 => |number| Self::Real(number),
    bool => |flag| Self::Bool(flag),
    Decimal => |number| Self::Decimal(number),
    Timestamp => |moment| Self::Timestamp(moment),
    Date => |day| Self::Date(day),
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::{Statement, StatementRead};

    #[test]
    fn the_order_of_rows_counts_where_the_statement_has_one() {
        let rows = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
        for (sql, counts) in [
            ("SELECT a FROM t", false),
            ("SELECT reorder, by FROM t", false),
            ("SELECT a FROM t ORDER BY a", true),
            ("SELECT a FROM (SELECT b FROM t)order\n by a", true),
        ] {
            let statement = Statement::new(sql);
            let read = StatementRead { statement, rows: rows(["1", "2"]) };
            assert!(read.is_repeated_by(rows(["1", "2"])), "{sql}");
            assert_eq!(read.is_repeated_by(rows(["2", "1"])), !counts, "{sql}");
            assert!(!read.is_repeated_by(rows(["1", "1"])), "{sql}");
        }
    }
}
