//! Opens connections, all alike.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use protean_port::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{error, schema, value};

/// How long to wait for a lock that another process holds.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The file, and how it is used.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) path: PathBuf,
    pub(crate) synchronous: &'static str,
    pub(crate) readers: usize,
}

impl Settings {
    /// A file or folder of our own beside the database.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        beside(&self.path, suffix)
    }

    /// The file that tells other processes of commits.
    pub(crate) fn notices(&self) -> PathBuf {
        self.beside("-commits")
    }

    /// The connection that writes. It creates the file if it is missing.
    pub(crate) fn writer(&self) -> Result<Connection> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(missing) = folder.filter(|folder| !folder.is_dir()) {
            let (file, folder) = (self.path.display(), missing.display());
            return Err(Error::unavailable(format!(
                "the database '{file}' cannot be opened: the folder '{folder}' does not exist; create it"
            )));
        }
        let connection = self.open(OpenFlags::SQLITE_OPEN_CREATE).map_err(|e| self.explain(e))?;
        schema::check(&connection, &self.path)?;
        self.prepare_writer(&connection).map_err(|e| self.explain(e))?;
        Ok(connection)
    }

    /// Why there is no database to look at. Creates nothing.
    pub(crate) fn absence(&self) -> Result<Option<String>> {
        let file = self.path.display();
        if !self.path.exists() {
            return Ok(Some(format!("the database '{file}' does not exist")));
        }
        let is_ours = self.reader().and_then(|reader| schema::is_present(&reader, &self.path))?;
        Ok((!is_ours).then(|| format!("the database '{file}' is not one of Protean")))
    }

    /// A connection that only reads.
    pub(crate) fn reader(&self) -> Result<Connection> {
        let connection = self.open(OpenFlags::empty()).map_err(|e| self.explain(e))?;
        connection.pragma_update(None, "query_only", true).map_err(|e| self.explain(e))?;
        Ok(connection)
    }

    /// A connection that only copies the `-wal` file into the database.
    pub(crate) fn checkpointer(&self) -> Result<Connection> {
        let connection = self.reader()?;
        // The setting of this connection decides whether a checkpoint syncs to disk.
        let synced = connection.pragma_update(None, "synchronous", self.synchronous);
        synced.map_err(|e| self.explain(e))?;
        Ok(connection)
    }

    /// An error of SQLite as one that names the file.
    pub(crate) fn explain(&self, error: rusqlite::Error) -> Error {
        error::explain(error, &self.path)
    }

    fn open(&self, more: OpenFlags) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(LOCK_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(256);
        // Otherwise SQLite may recompile a cached statement whenever its parameters change.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Otherwise a column that is gone is taken for a text, the one of its own name.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        connection.create_collation("decimal", value::compare_decimals)?;
        let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function("list_has", 2, pure, value::list_has)?;
        connection.pragma_update(None, "cache_size", -2_048)?;
        Ok(connection)
    }

    fn prepare_writer(&self, connection: &Connection) -> rusqlite::Result<()> {
        write_ahead(connection)?;
        connection.pragma_update(None, "synchronous", self.synchronous)?;
        connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        // The first connection to use the `-wal` file recovers it; the others wait for that here.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        // The turnstile waits in its own way.
        connection.busy_timeout(Duration::ZERO)
    }
}

/// When several processes open a new file, one of them changes its mode. SQLite refuses
/// the others immediately, without regard to their busy timeout, so they retry here.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < LOCK_TIMEOUT =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            ended => return ended,
        }
    }
}

/// The path with a suffix appended to its file name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// A number that grows, as seen by one connection, with the commits of all others.
pub(crate) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
