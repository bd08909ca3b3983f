//! Several statements as one.
//!
//! ```text
//! part, part, part ─▶ WITH … (part), … (part), … (part) SELECT … ─▶ one answer
//! ```
//! The server answers each statement by itself, and each answer wakes this process: on a busy
//! machine a wait for a core every time. Statements that do not depend on each other go together.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::connection::{Parameter, Session};
use crate::error::Fault;

/// A column of the arrays that a part takes, or a single value.
pub(crate) type Column<'a> = Box<dyn ToSql + Send + Sync + 'a>;

/// Statements that run as one, all on the same state of the database.
#[derive(Default)]
pub(crate) struct Compound<'a> {
    parts: Vec<String>,
    parameters: Vec<Column<'a>>,
}

impl<'a> Compound<'a> {
    /// Adds a statement with these parameters.
    pub(crate) fn add<const N: usize>(&mut self, sql: &str, parameters: [Column<'a>; N]) {
        self.parts.push(renumbered(sql, self.parameters.len()));
        self.parameters.extend(parameters);
    }

    /// True when there is nothing to run.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The rows of all parts, each of which is a SELECT with the same columns.
    pub(crate) async fn rows(self, session: &Session) -> Result<Vec<Row>, Fault> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("({})", self.parts.join(")\nUNION ALL\n("));
        session.query(&sql, &parameters(&self.parameters)).await
    }

    /// Compiles the statement that [`write`](Self::write) runs, if it is new: what is sent
    /// meanwhile would overtake it.
    pub(crate) async fn prepare(&self, session: &Session) -> Result<(), Fault> {
        session.prepared(&self.writes()).await.map(drop)
    }

    /// Runs all parts, of which each writes but the last, a SELECT.
    pub(crate) async fn write(&self, session: &Session) -> Result<(), Fault> {
        session.query(&self.writes(), &parameters(&self.parameters)).await.map(drop)
    }

    fn writes(&self) -> String {
        let Some((last, writes)) = self.parts.split_last() else { return String::new() };
        let named = writes.iter().enumerate().map(|(at, sql)| format!("w{at} AS ({sql})"));
        let named = Vec::from_iter(named).join(",\n");
        if named.is_empty() { last.clone() } else { format!("WITH {named}\n{last}") }
    }
}

fn parameters<'b>(columns: &'b [Column<'_>]) -> Vec<Parameter<'b>> {
    columns.iter().map(|column| &**column as Parameter<'b>).collect()
}

/// The statement with its parameters numbered after those of the parts before it.
fn renumbered(sql: &str, before: usize) -> String {
    let mut pieces = sql.trim_end().split('$');
    let mut renumbered = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = piece[..digits].parse::<usize>().map_or(0, |number| number + before);
        renumbered.push_str(&format!("${number}{}", &piece[digits..]));
    }
    renumbered
}

#[cfg(test)]
mod tests {
    use super::Compound;

    #[test]
    fn parameters_are_numbered_through_all_parts() {
        let mut writes = Compound::default();
        writes.add("INSERT INTO a VALUES ($1, $2, $1)\n", [Box::new(1), Box::new(2)]);
        writes.add("DELETE FROM b WHERE c = $1::text[]", [Box::new("c")]);
        writes.add("SELECT 1", []);
        assert_eq!(
            writes.writes(),
            "WITH w0 AS (INSERT INTO a VALUES ($1, $2, $1)),\n\
             w1 AS (DELETE FROM b WHERE c = $3::text[])\nSELECT 1"
        );
        let mut one = Compound::default();
        one.add("SELECT $1", [Box::new(1)]);
        assert_eq!(one.writes(), "SELECT $1");
        assert!(!one.is_empty() && Compound::default().is_empty());
    }
}
