//! Runs the user's own SQL inside a unit.

use futures_util::future::join_all;
use protean_port::port::{Changes, Outcome, Statement, left_out};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use crate::connection::Session;
use crate::error::Fault;
use crate::refusal::{Refusal, STATEMENT};
use crate::value::{Bound, parameters};

/// The planner's settings for the user's own SELECT. Those of the session are for statements that
/// are written for an index.
macro_rules! user_settings {
    ($begin:literal, $end:literal) => {
        concat!(
            $begin,
            "; SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL enable_hashjoin TO DEFAULT; \
             SET LOCAL enable_mergejoin TO DEFAULT; SET LOCAL plan_cache_mode TO DEFAULT",
            $end
        )
    };
}

const BEGIN_READ: &str = user_settings!("BEGIN READ ONLY", "");
/// Others wait for the log's lock meanwhile, so each read has a fifth of their waiting time.
const BEGIN_CHECK: &str = user_settings!(
    "SAVEPOINT reads",
    "; SELECT set_config('statement_timeout', \
         ceil(extract(epoch FROM current_setting('lock_timeout')::interval) * 200)::int::text, true)"
);

/// Runs the user's own SQL, which may write but not end the transaction.
pub(crate) async fn run(session: &Session, statement: &Statement) -> Result<(), Refusal> {
    let first = statement.sql.split_whitespace().next().unwrap_or("").to_ascii_uppercase();
    if !["INSERT", "UPDATE", "DELETE", "MERGE", "WITH"].contains(&first.as_str()) {
        let message = "must be an INSERT, UPDATE or DELETE; the unit of work owns the transaction";
        return Err(Refusal::rejected(STATEMENT, message));
    }
    query(session, &numbered(&statement.sql), statement).await.map(drop)
}

/// Repeats the reads of a unit inside the transaction that holds the log's lock.
pub(crate) async fn check(session: &Session, unit: &Changes) -> Result<(), Refusal> {
    if unit.reads.is_empty() {
        return Ok(());
    }
    match changed(session, &[unit]).await?.pop() {
        Some((_, outcome)) => Err(Refusal::LeftOut(outcome)),
        None => Ok(()),
    }
}

/// Repeats the reads of units inside the transaction that holds the log's lock, and returns the
/// units whose reads have changed.
pub(crate) async fn changed<'a>(
    session: &Session,
    units: &[&'a Changes],
) -> Result<Vec<(&'a Changes, Outcome)>, Refusal> {
    let reads = units.iter().flat_map(|unit| unit.reads.iter().map(move |read| (*unit, read)));
    let repeated = join_all(reads.map(async |(unit, read)| {
        let rows = fetch(session, &read.statement).await.map_err(too_long)?;
        let outcome = (!read.is_repeated_by(rows)).then(|| left_out::read_changed(read));
        Ok(outcome.map(|outcome| (unit, outcome)))
    }));
    // Sent together: each round trip would hold the lock.
    let (begun, repeated) = tokio::join!(session.batch(BEGIN_CHECK), repeated);
    begun?;
    // This also ends the settings of the check.
    session.batch("ROLLBACK TO reads; RELEASE reads").await?;
    let (found, failed): (Vec<_>, Vec<_>) = repeated.into_iter().partition(Result::is_ok);
    Refusal::first(failed.into_iter().map(|failed| failed.map(drop)).collect())?;
    Ok(found.into_iter().filter_map(|found| found.ok().flatten()).collect())
}

/// A check that ran out of time is not repeated: it would hold the lock as long again.
fn too_long(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Broken(fault) if fault.code() == Some(&SqlState::QUERY_CANCELED) => {
            Refusal::rejected(STATEMENT, "took too long: make it an index lookup")
        }
        other => other,
    }
}

/// Runs the user's own SELECT in a transaction that only reads, and leaves that open.
pub(crate) async fn view(session: &Session, statement: &Statement) -> Result<Vec<String>, Refusal> {
    let (begun, found) = tokio::join!(session.batch(BEGIN_READ), fetch(session, statement));
    begun?;
    found
}

/// Runs the user's own SELECT; each row is a JSON object.
async fn fetch(session: &Session, statement: &Statement) -> Result<Vec<String>, Refusal> {
    if !statement.is_read() {
        return Err(Refusal::rejected(STATEMENT, "must be a SELECT"));
    }
    // Inside another SELECT it can neither write nor end the transaction.
    let select = numbered(without_end(&statement.sql));
    let sql = format!("SELECT row_to_json(q)::text FROM (\n{select}\n) q");
    let rows = query(session, &sql, statement).await?;
    let json = rows.iter().map(|row| row.try_get(0).map_err(Fault::from));
    json.collect::<Result<_, _>>().map_err(Refusal::Broken)
}

async fn query(session: &Session, sql: &str, statement: &Statement) -> Result<Vec<Row>, Refusal> {
    let bound = Bound::all(&statement.parameters);
    let parameters = parameters(&bound);
    let refused = |fault: Fault| match fault.code() {
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            Refusal::rejected(STATEMENT, "must not write")
        }
        _ => Refusal::of_user_tables(fault, STATEMENT),
    };
    let expected = session.prepared(sql).await.map_err(refused)?.params().len();
    if expected != parameters.len() {
        let message = format!("has {expected} parameters, but {} were given", parameters.len());
        return Err(Refusal::rejected(STATEMENT, message));
    }
    session.query(sql, &parameters).await.map_err(refused)
}

/// A part of SQL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Quoted(char),
    LineComment,
    BlockComment,
}

/// Each character with its place and the part it belongs to.
fn parts(sql: &str) -> impl Iterator<Item = (usize, char, Part)> {
    let (mut part, mut before) = (Part::Code, ' ');
    sql.char_indices().map(move |(place, letter)| {
        let rest = &sql[place..];
        let of = part;
        part = match part {
            Part::Code if letter == '\'' || letter == '"' => Part::Quoted(letter),
            Part::Code if rest.starts_with("--") => Part::LineComment,
            Part::Code if rest.starts_with("/*") => Part::BlockComment,
            Part::Quoted(open) if open == letter => Part::Code,
            Part::LineComment if letter == '\n' => Part::Code,
            Part::BlockComment if before == '*' && letter == '/' => Part::Code,
            same => same,
        };
        before = letter;
        (place, letter, if of == Part::Code { part } else { of })
    })
}

/// Rewrites `?1` as `$1`, PostgreSQL's form.
fn numbered(sql: &str) -> String {
    let rewritten = parts(sql).map(|(place, letter, part)| {
        let is_number = sql[place..].chars().nth(1).is_some_and(|next| next.is_ascii_digit());
        if letter == '?' && part == Part::Code && is_number { '$' } else { letter }
    });
    rewritten.collect()
}

/// The statement without semicolons and comments at its end.
fn without_end(sql: &str) -> &str {
    let is_text = |letter: char, part| match part {
        Part::Code => letter != ';' && !letter.is_whitespace(),
        Part::Quoted(_) => true,
        Part::LineComment | Part::BlockComment => false,
    };
    let last = parts(sql).filter(|(_, letter, part)| is_text(*letter, *part)).last();
    last.map_or("", |(place, letter, _)| &sql[..place + letter.len_utf8()])
}

#[cfg(test)]
mod tests {
    use super::{numbered, without_end};

    #[test]
    fn parameters_are_rewritten_for_postgresql() {
        let sql = "UPDATE \"a?1\" SET b = '?2 it''s' || ?2 WHERE c = ?1 AND d ? 'e' -- it's ?3\n /* \" */ ?4";
        let expected = "UPDATE \"a?1\" SET b = '?2 it''s' || $2 WHERE c = $1 AND d ? 'e' -- it's ?3\n /* \" */ $4";
        assert_eq!(numbered(sql), expected);
    }

    #[test]
    fn semicolons_and_comments_at_the_end_are_left_out() {
        for sql in ["SELECT 1", "SELECT 1 ;; ", "SELECT 1; -- it's one", "SELECT 1 /* ; */; \n"] {
            assert_eq!(without_end(sql), "SELECT 1", "{sql}");
        }
        let two = "SELECT ';' ; SELECT ';'";
        assert_eq!(without_end(two), two);
    }
}
