//! Runs the user's own SQL inside a unit.

use protean_port::port::{Statement, StatementRead, left_out};
use tokio_postgres::Row;

use crate::connection::Session;
use crate::error::Fault;
use crate::refusal::{Refusal, STATEMENT};
use crate::value::{Bound, parameters};

/// Runs the user's own SQL, which may write but not end the transaction.
pub(crate) async fn run(session: &Session, statement: &Statement) -> Result<(), Refusal> {
    let first = statement.sql.split_whitespace().next().unwrap_or("").to_ascii_uppercase();
    if !["INSERT", "UPDATE", "DELETE", "MERGE", "WITH"].contains(&first.as_str()) {
        let message = "must be an INSERT, UPDATE or DELETE; the unit of work owns the transaction";
        return Err(Refusal::rejected(STATEMENT, message));
    }
    query(session, &numbered(&statement.sql), statement).await.map(drop)
}

/// Repeats a read of a unit.
pub(crate) async fn check(session: &Session, read: &StatementRead) -> Result<(), Refusal> {
    match fetch(session, &read.statement).await? == read.rows {
        true => Ok(()),
        false => Err(Refusal::LeftOut(left_out::read_changed(read))),
    }
}

/// Runs the user's own SELECT; each row is a JSON object.
pub(crate) async fn fetch(
    session: &Session,
    statement: &Statement,
) -> Result<Vec<String>, Refusal> {
    if !statement.is_read() {
        return Err(Refusal::rejected(STATEMENT, "must be a SELECT"));
    }
    // Inside another SELECT it can neither write nor end the transaction.
    let select = numbered(statement.sql.trim_end().trim_end_matches(';'));
    let sql = format!("SELECT row_to_json(q)::text FROM (\n{select}\n) q");
    let rows = query(session, &sql, statement).await?;
    let json = rows.iter().map(|row| row.try_get(0).map_err(Fault::from));
    json.collect::<Result<_, _>>().map_err(Refusal::Broken)
}

async fn query(session: &Session, sql: &str, statement: &Statement) -> Result<Vec<Row>, Refusal> {
    let bound = Bound::all(&statement.parameters);
    let parameters = parameters(&bound);
    let refused = |fault| Refusal::of_user_tables(fault, STATEMENT);
    let expected = session.prepared(sql).await.map_err(refused)?.params().len();
    if expected != parameters.len() {
        let message = format!("has {expected} parameters, but {} were given", parameters.len());
        return Err(Refusal::rejected(STATEMENT, message));
    }
    session.query(sql, &parameters).await.map_err(refused)
}

/// Rewrites `?1` as `$1`, PostgreSQL's form, outside of quotes.
fn numbered(sql: &str) -> String {
    let (mut numbered, mut quote) = (String::with_capacity(sql.len()), None);
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
        let holder = letter == '?' && letters.peek().is_some_and(char::is_ascii_digit);
        numbered.push(if holder && quote.is_none() { '$' } else { letter });
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn parameters_are_rewritten_for_postgresql() {
        let sql = "UPDATE \"a?1\" SET b = '?2 it''s' || ?2 WHERE c = ?1 AND d ? 'e'";
        let expected = "UPDATE \"a?1\" SET b = '?2 it''s' || $2 WHERE c = $1 AND d ? 'e'";
        assert_eq!(numbered(sql), expected);
    }
}
