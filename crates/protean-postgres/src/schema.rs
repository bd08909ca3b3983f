//! The store's own tables.

use protean_port::message::{Lane, RESERVED, SNAPSHOTS, Table};
use protean_port::port::{
    GroupRegistration, GroupVersions, LogId, Start, generation, id_in_generation,
};
use protean_port::{Error, Result};
use protean_sql::{check_names, count_in_steps, limit, signed, unsigned};
use tokio::runtime::Handle;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use crate::connection::{Parameter, Session, Settings};
use crate::error::Fault;
use crate::ownership::{MIGRATE, SETUP, not_allowed};
use crate::table::IndexStep;
use crate::value::Text;
use crate::{correlations, forget, table, turnstile};

/// The statements that lead from each layout to the next, beginning with an empty database.
const LAYOUTS: [&[&str]; 8] = [
    &[
        include_str!("sql/create_messages.sql"),
        include_str!("sql/create_messages_by_stream.sql"),
        include_str!("sql/create_messages_by_lane.sql"),
        include_str!("sql/create_messages_by_correlation.sql"),
        include_str!("sql/create_messages_by_id.sql"),
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
        include_str!("sql/create_idempotency_by_expiry.sql"),
        include_str!("sql/create_removed.sql"),
        include_str!("sql/create_outbox.sql"),
        include_str!("sql/create_claims.sql"),
        include_str!("sql/create_writers.sql"),
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
        include_str!("sql/create_intake_by_transaction.sql"),
        include_str!("sql/create_intake_rejects.sql"),
    ],
];

/// The layout that this program writes.
const LAYOUT_VERSION: usize = LAYOUTS.len();

/// The first layout that keeps counts of messages.
const LAYOUT_WITH_COUNTS: usize = 4;

/// Tables that only this adapter has, in addition to those of every store.
const OWN_TABLES: [&str; 4] =
    ["protean.claims", "protean.layout", "protean.renamed_columns", "protean.writers"];

/// Refuses a database of a later release of this program.
pub(crate) async fn check(session: &Session) -> Result<(), Fault> {
    match present(session).await {
        Ok(_) => Ok(()),
        // The tables do not exist yet.
        Err(fault) if fault.is_unprepared() => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Why there are no tables to look at.
pub(crate) async fn absence(settings: &Settings) -> Result<Option<String>, Fault> {
    let session = settings.connect(&Handle::current()).await?;
    let layout = match present(&session).await {
        Err(fault) if fault.is_unprepared() => 0,
        layout => layout?,
    };
    let place = &settings.place;
    Ok((layout == 0).then(|| format!("the database {place} is not one of Protean")))
}

/// Creates what is missing, in one transaction: the store's own tables, these tables and
/// these registrations. Then, with nothing locked, indexes of tables that were there before. While
/// nothing is missing, no statement needs more rights than a server has.
pub(crate) async fn prepare(
    session: &Session,
    settings: &Settings,
    tables: &[Table],
    registrations: &[GroupRegistration],
) -> Result {
    // Before the log is locked: it takes a second for some millions of messages.
    let counts = missing_counts(session).await.map_err(|fault| settings.explain(fault))?;
    let begun = turnstile::begin(session, Lane::Primary).await;
    let done = match begun {
        Ok(()) => lay_out(session, settings, tables, registrations, &counts).await,
        Err(fault) => Err(settings.explain(fault)),
    };
    let steps = end(session, settings, done).await?;
    table::create_indexes(session, &steps, settings).await
}

async fn lay_out(
    session: &Session,
    settings: &Settings,
    tables: &[Table],
    registrations: &[GroupRegistration],
    counts: &[Row],
) -> Result<Vec<IndexStep>> {
    create(session, settings, counts).await?;
    forget::writers(session).await.map_err(|fault| settings.explain(fault))?;
    let afterwards = table::prepare(session, tables, settings).await?;
    for registration in registrations {
        register(session, registration).await.map_err(|fault| settings.explain(fault))?;
    }
    let correlated = correlations::change(session, settings, |known| {
        let before = known.generation();
        for GroupRegistration { group, category, correlations, .. } in registrations {
            known.register(group, category, correlations);
        }
        known.generation() > before
    });
    correlated.await.map_err(|fault| settings.explain(fault))?;
    Ok(afterwards)
}

/// Drops the store's own tables and these tables.
pub(crate) async fn destroy(session: &Session, settings: &Settings, tables: &[Table]) -> Result {
    for table in tables {
        check_names(table)?;
    }
    let begun = turnstile::begin(session, Lane::Primary).await;
    let done = match begun {
        Ok(()) => drop_all(session, tables).await,
        Err(fault) => Err(fault),
    };
    end(session, settings, done.map_err(|fault| settings.explain(fault))).await
}

async fn drop_all(session: &Session, tables: &[Table]) -> Result<(), Fault> {
    for table in tables {
        table::drop_table(session, table).await?;
    }
    for name in RESERVED.iter().filter(|name| **name != SNAPSHOTS).chain(&OWN_TABLES) {
        let kind = if *name == "outbox" { "VIEW" } else { "TABLE" };
        session.batch(&format!("DROP {kind} IF EXISTS \"{name}\"")).await?;
    }
    Ok(())
}

/// Ends a transaction that is not a unit of work: commits it, or rolls it back after an error.
pub(crate) async fn end<T>(session: &Session, settings: &Settings, done: Result<T>) -> Result<T> {
    if done.is_ok() {
        session.batch("COMMIT").await.map_err(|fault| settings.explain(fault))?;
        return done;
    }
    // The connection is not used again; if this fails, the transaction ends with it.
    session.batch("ROLLBACK").await.unwrap_or_default();
    done
}

/// The counts of the log of an older layout, which keeps none: category, priority, position, and how
/// many messages there are up to it.
async fn missing_counts(session: &Session) -> Result<Vec<Row>, Fault> {
    match present(session).await {
        Ok(1..LAYOUT_WITH_COUNTS) => session.query(&count_in_steps("place"), &[]).await,
        Ok(_) => Ok(Vec::new()),
        Err(fault) if fault.is_unprepared() => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}

async fn add_counts(session: &Session, counts: &[Row]) -> Result<(), Fault> {
    let categories = counts.iter().map(|row| row.try_get(0)).collect::<Result<Vec<&str>, _>>()?;
    let numbers = |column| {
        let numbers = counts.iter().map(|row| row.try_get(column));
        numbers.collect::<Result<Vec<i64>, _>>()
    };
    let [priorities, positions, messages] = [numbers(1)?, numbers(2)?, numbers(3)?];
    let columns: [Parameter<'_>; 4] = [&categories, &priorities, &positions, &messages];
    session.execute(include_str!("sql/add_message_counts.sql"), &columns).await.map(drop)
}

async fn create(session: &Session, settings: &Settings, counts: &[Row]) -> Result {
    let explain = |fault: Fault| settings.explain(fault);
    let is_there = table::is_there(session, "protean.layout").await.map_err(explain)?;
    let present = if is_there { present(session).await.map_err(explain)? } else { 0 };
    if present == LAYOUT_VERSION {
        return Ok(());
    }
    let command = if present == 0 { SETUP } else { MIGRATE };
    let mut statements = LAYOUTS[present..].concat();
    if !is_there {
        statements.insert(0, include_str!("sql/create_layout.sql"));
    }
    for statement in statements {
        let done = session.batch(statement).await;
        done.map_err(|fault| not_created(statement, command, fault, settings))?;
    }
    fill(session, present, counts).await.map_err(explain)
}

/// Writes what belongs into the tables that were created, and which layout it is now.
async fn fill(session: &Session, before: usize, counts: &[Row]) -> Result<(), Fault> {
    if before < LAYOUT_WITH_COUNTS {
        add_counts(session, counts).await?;
    }
    let log_id = LogId::fresh();
    session.execute(include_str!("sql/keep_log_id.sql"), &[&Text(log_id.as_str())]).await?;
    session.execute(include_str!("sql/write_layout.sql"), &[&limit(LAYOUT_VERSION)]).await.map(drop)
}

fn not_created(statement: &str, command: &str, fault: Fault, settings: &Settings) -> Error {
    not_allowed(None, statement, command, &fault, settings)
        .unwrap_or_else(|| occupied(fault, settings))
}

/// The layout of the database; zero when there is none.
async fn present(session: &Session) -> Result<usize, Fault> {
    let row = session.first(include_str!("sql/read_layout.sql"), &[]).await?;
    let version = row.map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?.flatten();
    let version = usize::try_from(unsigned(version.unwrap_or(0))).unwrap_or(usize::MAX);
    if version > LAYOUT_VERSION {
        return Err(Fault::Unusable(format!(
            "the database has layout {version}, but this program supports layouts up to {LAYOUT_VERSION}; \
             use a newer release"
        )));
    }
    Ok(version)
}

async fn register(session: &Session, registration: &GroupRegistration) -> Result<(), Fault> {
    let (group, category) = (Text(&registration.group), Text(registration.category.as_str()));
    let beginning = registration.start == Start::Beginning;
    let sql = include_str!("sql/register_group.sql");
    session.execute(sql, &[&group, &category, &beginning]).await?;
    // A process that has not noticed a swap knows the group by its former id.
    let id = &registration.group;
    let (first, number) = (id_in_generation(id, 1), signed(generation(id)));
    let sql = include_str!("sql/retire_former_group.sql");
    session.execute(sql, &[&group, &Text(&first), &number]).await?;
    add_version(session, registration).await
}

/// Notes what this version of the program takes.
async fn add_version(session: &Session, registration: &GroupRegistration) -> Result<(), Fault> {
    let (group, category) = (Text(&registration.group), Text(registration.category.as_str()));
    let row = session.first(include_str!("sql/read_versions.sql"), &[&group, &category]).await?;
    let known = row.map(|row| row.try_get::<_, &str>(0).map(GroupVersions::read)).transpose()?;
    let mut versions = known.flatten().unwrap_or_default();
    if versions.add(registration) {
        let (sql, json) = (include_str!("sql/write_versions.sql"), versions.to_json());
        session.execute(sql, &[&group, &category, &Text(&json)]).await?;
    }
    Ok(())
}

fn occupied(fault: Fault, settings: &Settings) -> Error {
    let taken = [&SqlState::DUPLICATE_TABLE, &SqlState::DUPLICATE_OBJECT];
    if !fault.code().is_some_and(|code| taken.contains(&code)) {
        return settings.explain(fault);
    }
    Error::misused(format!(
        "the database {} has tables of another program under names that this one needs ({}); \
         choose another database",
        settings.place,
        fault.describe(&settings.place)
    ))
}
