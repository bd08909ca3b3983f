//! Which events belong to which process.

use protean_port::port::Correlations;
use protean_sql::{signed, unsigned};
use rusqlite::{Connection, OptionalExtension};

/// The generation of the correlations that the store keeps.
pub(crate) fn generation(connection: &Connection) -> rusqlite::Result<u64> {
    let mut read = connection.prepare_cached(include_str!("sql/correlations_generation.sql"))?;
    Ok(read.query_row([], |row| row.get(0)).optional()?.map_or(0, unsigned))
}

/// Changes the correlations, if `change` says that it did. Runs inside a transaction.
pub(crate) fn change(
    connection: &Connection,
    change: impl FnOnce(&mut Correlations) -> bool,
) -> rusqlite::Result<()> {
    let mut known = read(connection)?;
    if change(&mut known) {
        let row = (signed(known.generation()), known.to_json());
        connection.execute(include_str!("sql/write_correlations.sql"), row)?;
    }
    Ok(())
}

/// The correlations that the store keeps.
pub(crate) fn read(view: &Connection) -> rusqlite::Result<Correlations> {
    let mut read = view.prepare_cached(include_str!("sql/read_correlations.sql"))?;
    let known = read.query_row([], |row| {
        let generation = unsigned(row.get(0)?);
        Ok(Correlations::read(generation, row.get_ref(1)?.as_str()?))
    });
    Ok(known.optional()?.flatten().unwrap_or_default())
}
