//! Which events belong to which process.

use protean_port::port::Correlations;
use protean_sql::{signed, unsigned};

use crate::connection::{Session, Settings};
use crate::error::Fault;
use crate::value::Text;
use crate::wake::notify;

/// Changes the correlations, if `change` says that it did, and has other processes look at them
/// once the transaction is committed. The log is locked.
pub(crate) async fn change(
    session: &Session,
    settings: &Settings,
    change: impl FnOnce(&mut Correlations) -> bool,
) -> Result<(), Fault> {
    let mut known = read(session).await?;
    if !change(&mut known) {
        return Ok(());
    }
    let (generation, json) = (signed(known.generation()), known.to_json());
    let sql = include_str!("sql/write_correlations.sql");
    session.execute(sql, &[&generation, &Text(&json)]).await?;
    notify(session, settings).await
}

/// The correlations that the store keeps.
pub(crate) async fn read(session: &Session) -> Result<Correlations, Fault> {
    let row = session.first(include_str!("sql/read_correlations.sql"), &[]).await?;
    let Some(row) = row else { return Ok(Correlations::default()) };
    let generation = unsigned(row.try_get(0)?);
    Ok(Correlations::read(generation, row.try_get::<_, &str>(1)?).unwrap_or_default())
}
