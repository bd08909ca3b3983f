//! SQLite connections with the settings that the product uses.

use std::path::Path;
use std::time::Duration;

use protean_cli::Result;
use rusqlite::{Connection, TransactionBehavior};

/// The wait between two attempts to lock the file for writing.
const LOCK_INTERVAL: Duration = Duration::from_micros(100);

/// A connection with WAL, this `synchronous` and the product's cache sizes.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn open(path: &Path, synchronous: &str) -> Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.busy_handler(Some(|_| {
        std::thread::sleep(LOCK_INTERVAL);
        true
    }))?;
    Ok(connection)
}

/// Begins a write transaction; waits as long as another process writes.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn begin_patiently(connection: &mut Connection) -> Result<rusqlite::Transaction<'_>> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}
