//! Why a unit is left out of a transaction.

use protean_port::Violations;
use protean_port::port::Outcome;
use rusqlite::ErrorCode;

use crate::error;

/// Why a unit could not be applied.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Only this unit is left out, with this outcome.
    LeftOut(Outcome),
    /// The database cannot be written, so the whole transaction fails.
    Broken(rusqlite::Error),
}

impl Refusal {
    /// One field breaks a rule.
    pub(crate) fn rejected(field: &str, message: impl Into<String>) -> Self {
        Self::LeftOut(Outcome::Rejected(Violations::of(field, message)))
    }

    /// The meaning of an error on a table of the user's; `subject` is blamed when the error
    /// does not name a column.
    pub(crate) fn of_user_tables(error: rusqlite::Error, subject: &str) -> Self {
        if error::is_unprepared(&error) && subject != STATEMENT {
            let message =
                format!("the table '{subject}' is not prepared ({error}); run `db setup`");
            return Self::LeftOut(Outcome::Unavailable(message));
        }
        if error::is_outage(&error) && !error::is_unprepared(&error) {
            return Self::Broken(error);
        }
        Self::LeftOut(Outcome::Rejected(violations(&error, subject)))
    }
}

/// The field that violations by the user's own SQL are reported under.
pub(crate) const STATEMENT: &str = "statement";

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::TooBig) => {
                Self::rejected("data", "is larger than the database can hold")
            }
            _ => Self::Broken(error),
        }
    }
}

/// The fields that an error names, each with what is wrong with it.
fn violations(error: &rusqlite::Error, subject: &str) -> Violations {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    };
    let rules = [
        ("UNIQUE constraint failed: ", "is already taken"),
        ("NOT NULL constraint failed: ", "is required"),
    ];
    for (start, message) in rules {
        if let Some(named) = text.strip_prefix(start) {
            return fields(named).fold(Violations::new(), |mut violations, field| {
                violations.add(field, message);
                violations
            });
        }
    }
    Violations::of(subject, text)
}

/// `account.email, account.name` or `index 'account.email'` as `email`, `name`; the index of several
/// columns is `index 'account.unique(email, name desc)'`.
fn fields(named: &str) -> impl Iterator<Item = &str> {
    let index = named.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\''));
    let of_index = index.and_then(|index| index.split_once(".unique("));
    let named =
        of_index.map_or(index.unwrap_or(named), |(_, columns)| columns.trim_end_matches(')'));
    named.split(", ").map(|column| {
        let column = column.rsplit('.').next().unwrap_or(column);
        column.strip_suffix(" desc").unwrap_or(column)
    })
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn columns_are_read_from_errors_of_sqlite() {
        assert!(fields("account.email").eq(["email"]));
        assert!(fields("account.email, account.name").eq(["email", "name"]));
        assert!(fields("index 'account.amount'").eq(["amount"]));
        assert!(fields("index 'account.unique(email, amount desc)'").eq(["email", "amount"]));
    }
}
