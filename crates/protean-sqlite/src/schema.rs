//! The store's own tables.

use std::path::Path;

use protean_core::message::RESERVED;
use protean_core::port::{Enrolment, Start};
use protean_core::{Error, Result};
use rusqlite::{Connection, OptionalExtension};

use crate::error;

/// Marks the file as ours: the letters `Prtn`.
const APPLICATION: i64 = 0x5072_746e;
/// The layout this program writes.
const VERSION: i64 = 1;

const STATEMENTS: [&str; 18] = [
    include_str!("sql/create_messages.sql"),
    include_str!("sql/create_messages_by_stream.sql"),
    include_str!("sql/create_messages_by_lane.sql"),
    include_str!("sql/create_progress.sql"),
    include_str!("sql/create_cursors.sql"),
    include_str!("sql/create_done.sql"),
    include_str!("sql/create_parked.sql"),
    include_str!("sql/create_parked_by_due.sql"),
    include_str!("sql/create_parked_by_stream.sql"),
    include_str!("sql/create_dead.sql"),
    include_str!("sql/create_dead_by_stream.sql"),
    include_str!("sql/create_counters.sql"),
    include_str!("sql/create_enrolments.sql"),
    include_str!("sql/create_idempotency.sql"),
    include_str!("sql/create_idempotency_by_expiry.sql"),
    include_str!("sql/create_removed.sql"),
    include_str!("sql/create_outbox_queue.sql"),
    include_str!("sql/create_outbox.sql"),
];

/// Refuses a file of another program, or of a later version of this one.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result {
    let file = path.display();
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let owner = number("application_id").map_err(|e| error::told(e, path))?;
    let version = number("user_version").map_err(|e| error::told(e, path))?;
    if owner != 0 && owner != APPLICATION {
        return Err(Error::misused(format!(
            "the file '{file}' belongs to another program (application_id {owner}); name another file"
        )));
    }
    if owner == APPLICATION && version > VERSION {
        return Err(Error::misused(format!(
            "the database '{file}' has layout {version}, this program knows up to {VERSION}; \
             use a newer release"
        )));
    }
    Ok(())
}

/// Creates the store's own tables when they are missing. Runs inside a transaction.
pub(crate) fn create(connection: &Connection, path: &Path) -> Result {
    check(connection, path)?;
    let read = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    if read.map_err(|e| error::told(e, path))? == APPLICATION {
        return Ok(());
    }
    for statement in STATEMENTS {
        connection.execute(statement, []).map_err(|e| occupied(e, path))?;
    }
    stamp(connection, APPLICATION, VERSION).map_err(|e| error::told(e, path))
}

/// Makes these groups known. Runs inside a transaction.
pub(crate) fn enrol(connection: &Connection, enrolments: &[Enrolment]) -> rusqlite::Result<()> {
    let head: Option<i64> = connection
        .query_row(include_str!("sql/head.sql"), [], |row| row.get(0))
        .optional()?
        .flatten();
    for enrolment in enrolments {
        let start = match enrolment.start {
            Start::Beginning => 0,
            Start::Head => head.unwrap_or(0),
        };
        let row = (&enrolment.group, enrolment.category.as_str(), start);
        connection.execute(include_str!("sql/enrol.sql"), row)?;
    }
    Ok(())
}

/// Drops the store's own tables. Runs inside a transaction.
pub(crate) fn drop_all(connection: &Connection) -> rusqlite::Result<()> {
    for name in RESERVED {
        let kind = if name == "outbox" { "VIEW" } else { "TABLE" };
        connection.execute(&format!("DROP {kind} IF EXISTS \"{name}\""), [])?;
    }
    stamp(connection, 0, 0)
}

fn stamp(connection: &Connection, owner: i64, version: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", owner)?;
    connection.pragma_update(None, "user_version", version)
}

fn occupied(error: rusqlite::Error, path: &Path) -> Error {
    if !error.to_string().contains("already exists") {
        return error::told(error, path);
    }
    let file = path.display();
    Error::misused(format!(
        "the file '{file}' holds tables of another program under names this one needs; name another file"
    ))
    .with_source(error)
}
