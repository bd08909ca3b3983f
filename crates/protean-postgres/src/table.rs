//! Lays out the tables of aggregates and projections, and extends them.

use protean_port::message::Table;
use protean_port::{Error, Result};
use protean_sql::{FoundColumn, TablePlan, UniqueIndex, check_names, unique_indexes};
use tokio_postgres::error::SqlState;

use crate::connection::{Session, Settings};
use crate::dialect::PostgresDialect;
use crate::error::Fault;

/// Creates a table, or adds what it lacks. Runs inside a transaction.
///
/// # Errors
/// When the table exists in a form that cannot be extended to the declared one.
pub(crate) async fn prepare(session: &Session, table: &Table, settings: &Settings) -> Result {
    check_names(table)?;
    let explain = |fault: Fault| settings.explain(fault);
    let found = columns(session, &table.name).await.map_err(explain)?;
    let plan = TablePlan::of::<PostgresDialect>(table, &found)?;
    if let Some(error) = plan.error_unless_empty
        && has_rows(session, table).await.map_err(explain)?
    {
        return Err(error);
    }
    for statement in &plan.statements {
        session.batch(statement).await.map_err(explain)?;
    }
    for index in unique_indexes::<PostgresDialect>(table) {
        let present = session.first(include_str!("sql/has_index.sql"), &[&index.name]).await;
        if let Some(statement) = index.plan(present.map_err(explain)?.is_some())? {
            let created = session.batch(statement).await;
            created.map_err(|fault| not_created(&index, fault, settings))?;
        }
    }
    Ok(())
}

/// Drops a table. Runs inside a transaction.
pub(crate) async fn drop_table(session: &Session, table: &Table) -> Result<(), Fault> {
    session.batch(&protean_sql::drop_table(table)).await
}

async fn has_rows(session: &Session, table: &Table) -> Result<bool, Fault> {
    Ok(session.first(&protean_sql::has_rows(table), &[]).await?.is_some())
}

async fn columns(session: &Session, table: &str) -> Result<Vec<FoundColumn>, Fault> {
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

fn not_created(index: &UniqueIndex<'_>, fault: Fault, settings: &Settings) -> Error {
    if fault.code() != Some(&SqlState::UNIQUE_VIOLATION) {
        return settings.explain(fault);
    }
    index.shared_value(&settings.place)
}
