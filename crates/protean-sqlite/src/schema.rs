//! The store's own tables.

use std::path::Path;

use protean_port::message::RESERVED;
use protean_port::port::{
    GroupRegistration, GroupVersions, LogId, Start, generation, id_in_generation,
};
use protean_port::{Error, Result};
use protean_sql::{count_in_steps, signed};
use rusqlite::{Connection, OptionalExtension};

use crate::{correlations, error};

/// Marks the file as a store of this program: the letters `Prtn`.
const APPLICATION_ID: i64 = 0x5072_746e;
/// The statements that lead from each layout to the next, beginning with an empty file.
const LAYOUTS: [&[&str]; 10] = [
    &[
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
        include_str!("sql/create_registrations.sql"),
        include_str!("sql/create_idempotency.sql"),
        include_str!("sql/create_removed.sql"),
        include_str!("sql/create_outbox_queue.sql"),
        include_str!("sql/create_outbox.sql"),
    ],
    &[
        include_str!("sql/create_messages_by_correlation.sql"),
        include_str!("sql/create_messages_by_id.sql"),
        include_str!("sql/add_idempotency_expires.sql"),
        include_str!("sql/expire_old_keys.sql"),
        include_str!("sql/create_idempotency_by_expiry.sql"),
    ],
    &[
        include_str!("sql/drop_outbox.sql"),
        include_str!("sql/drop_outbox_queue.sql"),
        include_str!("sql/create_outbox.sql"),
    ],
    &[include_str!("sql/create_log_id.sql"), include_str!("sql/add_registration_versions.sql")],
    &[include_str!("sql/create_group_names.sql")],
    &[include_str!("sql/create_message_counts.sql")],
    &[include_str!("sql/create_correlations.sql")],
    &[include_str!("sql/create_scheduled.sql"), include_str!("sql/create_scheduled_by_due.sql")],
    &[include_str!("sql/count_kept_schedule.sql")],
    &[
        include_str!("sql/create_intake.sql"),
        include_str!("sql/create_intake_by_domain.sql"),
        include_str!("sql/create_intake_rejects.sql"),
    ],
];

/// The layout that this program writes.
const LAYOUT_VERSION: usize = LAYOUTS.len();

/// The first layout that keeps counts of messages.
const LAYOUT_WITH_COUNTS: usize = 6;

/// Refuses a file of another program, or of a later release of this one.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result {
    let file = path.display();
    let (owner, version) = stamped(connection).map_err(|e| error::explain(e, path))?;
    if owner != 0 && owner != APPLICATION_ID {
        return Err(Error::misused(format!(
            "the file '{file}' belongs to another program (application_id {owner}); choose another file"
        )));
    }
    if owner == APPLICATION_ID
        && usize::try_from(version).is_ok_and(|version| version > LAYOUT_VERSION)
    {
        return Err(Error::misused(format!(
            "the database '{file}' has layout {version}, but this program supports layouts up to {LAYOUT_VERSION}; \
             use a newer release"
        )));
    }
    Ok(())
}

/// True for a file in which a store was prepared.
pub(crate) fn is_present(connection: &Connection, path: &Path) -> Result<bool> {
    let (owner, _) = stamped(connection).map_err(|e| error::explain(e, path))?;
    Ok(owner == APPLICATION_ID)
}

/// How many messages of a category and a priority there are up to a position.
pub(crate) struct MessageCount {
    category: String,
    priority: i64,
    position: i64,
    messages: i64,
}

/// The counts of the log of an older layout, which keeps none. Read before the file is locked:
/// it takes a second for some millions of messages.
pub(crate) fn missing_counts(connection: &Connection) -> rusqlite::Result<Vec<MessageCount>> {
    if !(1..LAYOUT_WITH_COUNTS).contains(&present(connection)?) {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(&count_in_steps("position"))?;
    let counts = statement.query_map([], |row| {
        Ok(MessageCount {
            category: row.get(0)?,
            priority: row.get(1)?,
            position: row.get(2)?,
            messages: row.get(3)?,
        })
    })?;
    counts.collect()
}

/// Creates the store's own tables if they are missing, and upgrades those of an older
/// layout. Runs inside a transaction.
pub(crate) fn create(connection: &Connection, path: &Path, counts: &[MessageCount]) -> Result {
    check(connection, path)?;
    let present = present(connection).map_err(|e| error::explain(e, path))?;
    if present == LAYOUT_VERSION {
        return Ok(());
    }
    for statement in LAYOUTS.iter().skip(present).copied().flatten() {
        connection.execute(statement, []).map_err(|e| occupied(e, path))?;
    }
    let counts = if present < LAYOUT_WITH_COUNTS { counts } else { &[] };
    for MessageCount { category, priority, position, messages } in counts {
        let row = (category, priority, position, messages);
        let added = connection.execute(include_str!("sql/add_message_count.sql"), row);
        added.map_err(|e| error::explain(e, path))?;
    }
    let keep_log_id = include_str!("sql/keep_log_id.sql");
    let kept = connection.execute(keep_log_id, [LogId::fresh().as_str()]);
    kept.map_err(|e| error::explain(e, path))?;
    stamp(connection, APPLICATION_ID, LAYOUT_VERSION).map_err(|e| error::explain(e, path))
}

/// Registers groups. Runs inside a transaction.
pub(crate) fn register(
    connection: &Connection,
    registrations: &[GroupRegistration],
) -> rusqlite::Result<()> {
    let head: Option<i64> = connection
        .query_row(include_str!("sql/head.sql"), [], |row| row.get(0))
        .optional()?
        .flatten();
    for registration in registrations {
        let start = match registration.start {
            Start::Beginning => 0,
            Start::Head => head.unwrap_or(0),
        };
        let row = (&registration.group, registration.category.as_str(), start);
        connection.execute(include_str!("sql/register_group.sql"), row)?;
        // A process that has not noticed a swap knows the group by its former id.
        let (group, number) = (&registration.group, generation(&registration.group));
        let former = (group, id_in_generation(group, 1), signed(number));
        connection.execute(include_str!("sql/retire_former_group.sql"), former)?;
        add_version(connection, registration)?;
    }
    correlations::change(connection, |known| {
        let before = known.generation();
        for GroupRegistration { group, category, correlations, .. } in registrations {
            known.register(group, category, correlations);
        }
        known.generation() > before
    })
}

/// Notes what this version of the program takes.
fn add_version(connection: &Connection, registration: &GroupRegistration) -> rusqlite::Result<()> {
    let GroupRegistration { group, category, .. } = registration;
    let key = (group, category.as_str());
    let read = |row: &rusqlite::Row<'_>| Ok(GroupVersions::read(row.get_ref(0)?.as_str()?));
    let known = connection.query_row(include_str!("sql/read_versions.sql"), key, read)?;
    let mut versions = known.unwrap_or_default();
    if versions.add(registration) {
        let row = (group, category.as_str(), versions.to_json());
        connection.execute(include_str!("sql/write_versions.sql"), row)?;
    }
    Ok(())
}

/// Drops the store's own tables. Runs inside a transaction.
pub(crate) fn drop_all(connection: &Connection) -> rusqlite::Result<()> {
    for name in RESERVED {
        let kind = if name == "outbox" { "VIEW" } else { "TABLE" };
        connection.execute(&format!("DROP {kind} IF EXISTS \"{name}\""), [])?;
    }
    connection.execute(include_str!("sql/drop_renamed_columns.sql"), [])?;
    stamp(connection, 0, 0)
}

/// Writes a page and changes nothing.
pub(crate) fn touch(connection: &Connection) -> rusqlite::Result<()> {
    let (_, version) = stamped(connection)?;
    connection.pragma_update(None, "user_version", version)
}

/// The layout of the file; zero when it is not a store.
fn present(connection: &Connection) -> rusqlite::Result<usize> {
    let (owner, version) = stamped(connection)?;
    Ok(if owner == APPLICATION_ID { usize::try_from(version).unwrap_or(0) } else { 0 })
}

/// The application id and the layout of the file.
fn stamped(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

fn stamp(connection: &Connection, owner: i64, version: usize) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", owner)?;
    connection.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(0))
}

fn occupied(error: rusqlite::Error, path: &Path) -> Error {
    if !error.to_string().contains("already exists") {
        return error::explain(error, path);
    }
    let file = path.display();
    Error::misused(format!(
        "the file '{file}' has tables of another program under names that this one needs; choose another file"
    ))
    .with_source(error)
}

#[cfg(test)]
mod tests {
    use protean_port::message::RESERVED;
    use rusqlite::Connection;

    use super::{create, drop_all};

    fn names(connection: &Connection) -> Vec<String> {
        let sql =
            "SELECT name FROM sqlite_schema WHERE type <> 'index' AND name NOT LIKE 'sqlite%'";
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn every_table_is_reserved_and_dropped() {
        let connection = Connection::open_in_memory().unwrap();
        create(&connection, "test.db".as_ref(), &[]).unwrap();
        for name in names(&connection) {
            assert!(RESERVED.contains(&name.as_str()), "{name}");
        }
        drop_all(&connection).unwrap();
        assert_eq!(names(&connection), [""; 0]);
    }
}
