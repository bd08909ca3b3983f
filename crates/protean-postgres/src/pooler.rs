//! A pooler that gives connections of the server to another client after each transaction.
//!
//! Statements that were compiled, locks of a session and notifications belong to a connection of
//! the server, so none of them can be relied on behind such a pooler.

use std::time::Duration;

use crate::connection::{Session, Settings};
use crate::error::{BEHIND_A_POOLER, Fault};

/// How long a session waits for its answer while another one is in a transaction.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Makes sure that each of two sessions keeps a process of the server to itself.
pub(crate) async fn check(
    settings: &Settings,
    one: &Session,
    other: &Session,
) -> Result<(), Fault> {
    let first = one.server_process().await?;
    // The first session does nothing now, and the other one takes a connection.
    other.batch("BEGIN").await?;
    let second = other.server_process().await;
    // A pooler without a connection to spare lets it wait.
    let again = tokio::time::timeout(LONGEST_WAIT, one.server_process()).await;
    other.batch("ROLLBACK").await?;
    let Ok(again) = again else {
        let place = &settings.place;
        return Err(Fault::Unusable(format!(
            "the database {place} does not answer one session while another is in a transaction; \
             a pooler must leave each connection to one client"
        )));
    };
    match first == again? && first != second? {
        true => Ok(()),
        false => {
            Err(Fault::Unsuitable(format!("the database {} {BEHIND_A_POOLER}", settings.place)))
        }
    }
}
