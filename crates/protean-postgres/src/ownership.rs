//! The error for a role that lacks the right to create or change a table.
//!
//! A server does not have to own its tables: while they are as the program declares them, it
//! creates and changes nothing.

use protean_port::Error;
use tokio_postgres::error::SqlState;

use crate::connection::Settings;
use crate::error::Fault;

/// The command that creates the tables of a domain.
pub(crate) const SETUP: &str = "db setup";
/// The command that changes tables to what the program declares.
pub(crate) const MIGRATE: &str = "db migrate";
/// The command that creates the successor of a projection's table.
pub(crate) const REBUILD: &str = "projection rebuild";

/// The error for a statement that the role may not run; `None` for any other fault. Without a
/// `table` it is the one that the statement names.
pub(crate) fn not_allowed(
    table: Option<&str>,
    statement: &str,
    command: &str,
    fault: &Fault,
    settings: &Settings,
) -> Option<Error> {
    let Fault::Server(error) = fault else { return None };
    let said = error.as_db_error()?;
    if *said.code() != SqlState::INSUFFICIENT_PRIVILEGE {
        return None;
    }
    let role = settings.config.get_user().unwrap_or("");
    let table = table.or_else(|| table_of(statement)).unwrap_or("");
    let (place, message) = (&settings.place, said.message());
    let owner = format!("run `{command}` with the role that owns the tables");
    Some(Error::failed(if creates_a_table(statement) {
        format!(
            "the table '{table}' is missing in the database {place}, and the role '{role}' may not \
             create it: it lacks CREATE on the schema ({message}); {owner}, or grant it CREATE"
        )
    } else {
        format!(
            "the table '{table}' in the database {place} has to be changed, and the role '{role}' \
             may not change it: it does not own the table ({message}); {owner}"
        )
    }))
}

fn creates_a_table(statement: &str) -> bool {
    ["CREATE TABLE ", "CREATE UNLOGGED TABLE ", "CREATE VIEW "]
        .iter()
        .any(|beginning| statement.starts_with(beginning))
}

/// The table that a statement creates or changes, or whose index it creates.
fn table_of(statement: &str) -> Option<&str> {
    let mut words = statement.split_whitespace();
    words.find(|word| ["TABLE", "VIEW", "ON"].contains(word))?;
    let name = words.find(|word| !["IF", "NOT", "EXISTS"].contains(word))?;
    Some(name.split('(').next().unwrap_or(name).trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::{creates_a_table, table_of};

    #[test]
    fn a_statement_of_the_layout_names_its_table() {
        for (statement, table, creates) in [
            (include_str!("sql/create_layout.sql"), "protean.layout", true),
            (include_str!("sql/create_claims.sql"), "protean.claims", true),
            (include_str!("sql/create_outbox.sql"), "outbox", true),
            (include_str!("sql/create_renamed_columns.sql"), "protean.renamed_columns", true),
            (include_str!("sql/create_messages_by_id.sql"), "messages", false),
            (include_str!("sql/add_registration_versions.sql"), "enrolments", false),
        ] {
            assert_eq!(table_of(statement), Some(table), "{statement}");
            assert_eq!(creates_a_table(statement), creates, "{statement}");
        }
    }
}
