//! Why a unit is left out of a transaction.

use protean_port::Violations;
use protean_port::port::Outcome;
use tokio_postgres::error::{DbError, SqlState};

use crate::error::Fault;

/// Why a unit could not be applied.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Only this unit is left out, with this outcome.
    LeftOut(Outcome),
    /// The database cannot be written, so the whole transaction fails.
    Broken(Fault),
}

/// The field that violations by the user's own SQL are reported under.
pub(crate) const STATEMENT: &str = "statement";

impl Refusal {
    /// One field breaks a rule.
    pub(crate) fn rejected(field: &str, message: impl Into<String>) -> Self {
        Self::LeftOut(Outcome::Rejected(Violations::of(field, message)))
    }

    /// The meaning of a fault on a table of the user's; `subject` is blamed when the fault
    /// does not name a column.
    pub(crate) fn of_user_tables(fault: Fault, subject: &str) -> Self {
        if fault.is_unprepared() && subject != STATEMENT {
            let message = format!("the table '{subject}' is not prepared; run `db setup`");
            return Self::LeftOut(Outcome::Unavailable(message));
        }
        if fault.is_outage() && !fault.is_unprepared() {
            return Self::Broken(fault);
        }
        match &fault {
            Fault::Server(error) => match error.as_db_error() {
                Some(said) => Self::LeftOut(Outcome::Rejected(violations(said, subject))),
                None => Self::Broken(fault),
            },
            _ => Self::Broken(fault),
        }
    }

    /// The first refusal among statements that were sent together: it makes the ones after
    /// it fail.
    pub(crate) fn first(results: Vec<Result<(), Self>>) -> Result<(), Self> {
        let follows = |refusal: &Self| match refusal {
            Self::Broken(fault) => fault.follows(),
            Self::LeftOut(_) => false,
        };
        let mut refused = results.into_iter().filter_map(Result::err).collect::<Vec<_>>();
        let first = refused.iter().position(|refusal| !follows(refusal)).unwrap_or(0);
        if refused.is_empty() { Ok(()) } else { Err(refused.swap_remove(first)) }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault.code() {
            Some(code) if *code == SqlState::PROGRAM_LIMIT_EXCEEDED => {
                Self::rejected("data", "is larger than the database can hold")
            }
            _ => Self::Broken(fault),
        }
    }
}

/// The fields that an error names, each with what is wrong with it.
fn violations(said: &DbError, subject: &str) -> Violations {
    if *said.code() == SqlState::UNIQUE_VIOLATION
        && let Some(named) = said.detail().and_then(named)
    {
        return named.split(", ").fold(Violations::new(), |mut violations, field| {
            violations.add(field.trim_matches('"'), "is already taken");
            violations
        });
    }
    match said.column() {
        Some(column) if *said.code() == SqlState::NOT_NULL_VIOLATION => {
            Violations::of(column, "is required")
        }
        _ => Violations::of(subject, said.message()),
    }
}

/// `email` of `Key (email)=(a@b.c) already exists.`
fn named(detail: &str) -> Option<&str> {
    let (_, rest) = detail.split_once('(')?;
    rest.split_once(")=(").map(|(names, _)| names)
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn columns_are_read_from_errors_of_postgresql() {
        assert_eq!(named("Key (email)=(a@b.c) already exists."), Some("email"));
        assert_eq!(named("Key (email, name)=(a)=(b, c) already exists."), Some("email, name"));
        assert_eq!(named("nothing of the kind"), None);
    }
}
