//! Lays out the tables of aggregates and projections, and extends them.

use std::time::Duration;

use protean_port::message::Table;
use protean_port::port::without_generation;
use protean_port::{Error, Result};
use protean_sql::{FoundColumn, FoundTable, Step, TablePlan, check_names, drop_invalid_index};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tracing::info;

use crate::connection::{Parameter, Session, Settings};
use crate::dialect::PostgresDialect;
use crate::error::Fault;
use crate::ownership::{MIGRATE, REBUILD, not_allowed};
use crate::value::Text;

/// Where the former names of columns are kept.
const RENAMED_COLUMNS: &str = "protean.renamed_columns";

/// For how long a change of a table, which holds the log's lock, waits for the readers of the table.
pub(crate) const LIMIT_LOCK_WAIT: &str = "SET LOCAL lock_timeout = '500ms'";

/// The lock for creating indexes, one process at a time. Other processes poll for it, since
/// creating an index would wait for a statement that waits for a lock.
const TAKE_INDEX_LOCK: &str = "SELECT pg_try_advisory_lock(1349678191, 1)";
const GIVE_INDEX_LOCK_UP: &str = "SELECT pg_advisory_unlock(1349678191, 1)";
const INDEX_LOCK_INTERVAL: Duration = Duration::from_millis(500);

/// Creating an index waits for every open transaction, however long that takes.
const WAIT_FOR_EVERYTHING: &str = "SET lock_timeout = 0; SET statement_timeout = 0";

/// An index to create, or an invalid one to drop, once the transaction is committed.
pub(crate) struct IndexStep {
    table: Table,
    step: Step,
}

/// Creates tables, or adds what they lack, and renames columns. Runs inside a transaction; returns
/// what to do with [indexes](create_indexes) after it.
///
/// # Errors
/// When a table exists in a form that needs a person first.
pub(crate) async fn prepare(
    session: &Session,
    tables: &[Table],
    settings: &Settings,
) -> Result<Vec<IndexStep>> {
    let explain = |fault: Fault| settings.explain(fault);
    let mut afterwards = Vec::new();
    create_renamed_columns(session, settings).await?;
    for table in tables {
        check_names(table)?;
        let found = found(session, &table.name).await.map_err(explain)?;
        let plan = TablePlan::of::<PostgresDialect>(table, &found);
        plan.check()?;
        let (apart, steps): (Vec<Step>, Vec<Step>) =
            plan.steps.into_iter().partition(|step| step.is_apart);
        if !steps.is_empty() {
            session.batch(LIMIT_LOCK_WAIT).await.map_err(explain)?;
        }
        for step in &steps {
            let done = session.batch(&step.statement).await;
            done.map_err(|fault| not_done(table, step, fault, settings))?;
        }
        note_names(session, table, &found).await.map_err(explain)?;
        afterwards.extend(apart.into_iter().map(|step| IndexStep { table: table.clone(), step }));
    }
    Ok(afterwards)
}

async fn create_renamed_columns(session: &Session, settings: &Settings) -> Result {
    let is_there = is_there(session, RENAMED_COLUMNS).await;
    if is_there.map_err(|fault| settings.explain(fault))? {
        return Ok(());
    }
    let statement = include_str!("sql/create_renamed_columns.sql");
    session.batch(statement).await.map_err(|fault| {
        not_allowed(None, statement, MIGRATE, &fault, settings)
            .unwrap_or_else(|| settings.explain(fault))
    })
}

/// Creates indexes without blocking writers: each creation waits for open transactions, and reads
/// its table twice. Leaves the session without limits on how long it waits.
///
/// # Errors
/// If rows share values that must be unique. Earlier indexes stay, and the next preparation
/// continues here.
pub(crate) async fn create_indexes(
    session: &Session,
    steps: &[IndexStep],
    settings: &Settings,
) -> Result {
    if steps.is_empty() {
        return Ok(());
    }
    let explain = |fault: Fault| settings.explain(fault);
    session.batch(WAIT_FOR_EVERYTHING).await.map_err(explain)?;
    let is_taken = async || session.first(TAKE_INDEX_LOCK, &[]).await.and_then(is_true);
    if !is_taken().await.map_err(explain)? {
        // What is not valid may be what the other process is creating.
        if steps.iter().all(|IndexStep { step, .. }| step.index.is_none()) {
            return Ok(());
        }
        info!("waiting for another process, which is creating indexes");
        while !is_taken().await.map_err(explain)? {
            tokio::time::sleep(INDEX_LOCK_INTERVAL).await;
        }
    }
    for IndexStep { table, step } in steps {
        let done = match (&step.index, &step.invalid_index) {
            (Some(index), _) => create_index(session, table, index, step).await,
            (None, Some(index)) => is_valid_or_gone(session, index).await.map(drop),
            (None, None) => session.batch(&step.statement).await,
        };
        done.map_err(|fault| not_created(table, step, fault, settings))?;
    }
    session.batch(GIVE_INDEX_LOCK_UP).await.map_err(explain)
}

/// Creates an index, unless another process has; drops what a failed attempt has left.
async fn create_index(
    session: &Session,
    table: &Table,
    index: &str,
    step: &Step,
) -> Result<(), Fault> {
    if is_valid_or_gone(session, index).await? {
        return Ok(());
    }
    info!(table = table.name, index, "creating an index");
    let created = session.batch(&step.statement).await;
    if created.is_err() {
        // An invalid index costs time on every write and serves no query. If dropping it fails too,
        // the next attempt to create it drops it.
        let drop = drop_invalid_index::<PostgresDialect>(index);
        session.batch(&drop).await.unwrap_or_default();
    }
    created
}

/// True for an index that serves queries; drops one that is there but does not.
async fn is_valid_or_gone(session: &Session, index: &str) -> Result<bool, Fault> {
    match session.first(include_str!("sql/is_index_valid.sql"), &[&index]).await? {
        Some(row) if row.try_get(0)? => Ok(true),
        Some(_) => {
            session.batch(&drop_invalid_index::<PostgresDialect>(index)).await.map(|()| false)
        }
        None => Ok(false),
    }
}

fn is_true(row: Option<Row>) -> Result<bool, Fault> {
    row.map_or(Ok(false), |row| Ok(row.try_get(0)?))
}

/// Drops a table, and what rebuilds have left of it. Runs inside a transaction.
pub(crate) async fn drop_table(session: &Session, table: &Table) -> Result<(), Fault> {
    session.batch(&protean_sql::drop_table(table)).await?;
    for row in session.query(include_str!("sql/generations.sql"), &[&table.name]).await? {
        let generation = Table { name: row.try_get(0)?, ..table.clone() };
        session.batch(&protean_sql::drop_table(&generation)).await?;
    }
    Ok(())
}

/// A table as it is in the database.
pub(crate) async fn found(session: &Session, table: &str) -> Result<FoundTable, Fault> {
    let columns = columns(session, table).await?;
    if columns.is_empty() {
        return Ok(FoundTable::default());
    }
    let (mut indexes, mut invalid_indexes) = (Vec::new(), Vec::new());
    for row in session.query(include_str!("sql/indexes.sql"), &[&table]).await? {
        let of_its_kind = if row.try_get(1)? { &mut indexes } else { &mut invalid_indexes };
        of_its_kind.push(row.try_get(0)?);
    }
    let has_rows = session.first(&protean_sql::has_rows(table), &[]).await?.is_some();
    let renamed = renamed(session, table).await?;
    Ok(FoundTable { columns, indexes, invalid_indexes, has_rows, renamed })
}

/// The columns of a table; none when there is no such table.
pub(crate) async fn columns(session: &Session, table: &str) -> Result<Vec<FoundColumn>, Fault> {
    let rows = session.query(include_str!("sql/columns.sql"), &[&table]).await?;
    let found = rows.iter().map(|row| {
        Ok(FoundColumn {
            name: row.try_get(0)?,
            kind: row.try_get(1)?,
            required: row.try_get(2)?,
            has_default: row.try_get(3)?,
            key: row.try_get(4)?,
        })
    });
    found.collect()
}

/// True when there is a table of this name.
pub(crate) async fn is_there(session: &Session, table: &str) -> Result<bool, Fault> {
    Ok(session.first(include_str!("sql/has_table.sql"), &[&table]).await?.is_some())
}

/// The names that columns had before, each with the one that it was given.
async fn renamed(session: &Session, table: &str) -> Result<Vec<(String, String)>, Fault> {
    if !is_there(session, RENAMED_COLUMNS).await? {
        return Ok(Vec::new());
    }
    let rows = session.query(include_str!("sql/read_renamed_columns.sql"), &[&Text(table)]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Notes the former names of columns, so that an older version of the program does not add them
/// again.
async fn note_names(session: &Session, table: &Table, found: &FoundTable) -> Result<(), Fault> {
    for (former, present) in found.names_to_note(table) {
        let row: [Parameter<'_>; 3] = [&Text(&table.name), &Text(former), &Text(present)];
        session.execute(include_str!("sql/write_renamed_columns.sql"), &row).await?;
    }
    Ok(())
}

fn not_done(table: &Table, step: &Step, fault: Fault, settings: &Settings) -> Error {
    shared_value(step, &fault, settings)
        .or_else(|| refused(table, step, &fault, settings))
        .unwrap_or_else(|| not_changed(&table.name, fault, settings))
}

fn not_created(table: &Table, step: &Step, fault: Fault, settings: &Settings) -> Error {
    let known = shared_value(step, &fault, settings);
    if let Some(known) = known.or_else(|| refused(table, step, &fault, settings)) {
        return known;
    }
    let index = step.index.as_ref().or(step.invalid_index.as_ref()).map_or("", |index| index);
    let is_outage = fault.is_outage();
    let message = format!(
        "the index '{index}' of the table '{}' was not created or dropped, and the next start tries again: {}",
        table.name,
        fault.describe(&settings.place)
    );
    if is_outage { Error::unavailable(message) } else { Error::failed(message) }
}

fn refused(table: &Table, step: &Step, fault: &Fault, settings: &Settings) -> Option<Error> {
    let is_successor = without_generation(&table.name) != table.name;
    let command = if is_successor { REBUILD } else { MIGRATE };
    not_allowed(Some(&table.name), &step.statement, command, fault, settings)
}

fn shared_value(step: &Step, fault: &Fault, settings: &Settings) -> Option<Error> {
    let is_shared = fault.code() == Some(&SqlState::UNIQUE_VIOLATION);
    is_shared.then(|| step.shared_value(&settings.place)).flatten()
}

/// The error for a table that could not be changed.
pub(crate) fn not_changed(table: &str, fault: Fault, settings: &Settings) -> Error {
    match fault.code() {
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => Error::unavailable(format!(
            "the table '{table}' is in use by a query that does not end"
        )),
        _ => settings.explain(fault),
    }
}
