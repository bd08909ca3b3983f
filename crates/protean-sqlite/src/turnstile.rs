//! Decides which process takes SQLite's write lock next.
//!
//! SQLite's lock is unfair: a bulk writer that commits back to back wins it
//! again and again. So a production writer that has to wait holds a lock file
//! (shared) until it has begun, and a bulk writer passes through that lock
//! (exclusive, for a moment) before each transaction.
//!
//! ```text
//! production   BEGIN ─busy─▶ hold the file ─▶ BEGIN, BEGIN, … ─▶ release it
//! bulk         pass through the file ─▶ BEGIN ─busy─▶ again
//! ```
//!
//! The lock is a courtesy: a stuck holder delays bulk writers but never stops them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use protean_port::message::Lane;
use rusqlite::{Connection, ErrorCode};

use crate::connection::{LOCK_TIMEOUT, beside};

/// How long a bulk writer lets production pass before it tries anyway.
const COURTESY_TIMEOUT: Duration = Duration::from_secs(1);
const PRODUCTION_RETRY_DELAY: Duration = Duration::from_micros(50);
const BULK_RETRY_DELAY: Duration = Duration::from_micros(200);

/// The lock file beside a database.
pub(crate) struct Turnstile {
    path: PathBuf,
    file: Option<File>,
}

/// The answer to a request for the write lock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The transaction has begun.
    Begun,
    /// Bulk work gave way to production work of its own process.
    Yielded,
}

impl Turnstile {
    pub(crate) fn of(database: &Path) -> Self {
        Self { path: beside(database, "-turnstile"), file: None }
    }

    /// Begins a transaction that writes. A bulk writer gives way while `urgent` is true.
    pub(crate) fn begin(
        &mut self,
        connection: &Connection,
        lane: Lane,
        urgent: impl Fn() -> bool,
    ) -> rusqlite::Result<Entry> {
        match lane {
            Lane::Primary => self.begin_production(connection),
            Lane::Backfill => self.begin_bulk(connection, urgent),
        }
    }

    /// Removes the lock file.
    pub(crate) fn remove(&mut self) {
        self.file = None;
        // A missing file counts as removed.
        std::fs::remove_file(&self.path).unwrap_or_default();
    }

    fn begin_production(&mut self, connection: &Connection) -> rusqlite::Result<Entry> {
        if let Some(done) = try_begin(connection) {
            return done;
        }
        let started = Instant::now();
        let mut held = false;
        let entry = loop {
            held = held || self.file().is_some_and(|file| file.try_lock_shared().is_ok());
            std::thread::sleep(PRODUCTION_RETRY_DELAY);
            match try_begin(connection) {
                Some(done) => break done,
                None if started.elapsed() > LOCK_TIMEOUT => break begin(connection),
                None => {}
            }
        };
        if let (true, Some(file)) = (held, self.file()) {
            // If this fails, closing the file releases the lock as well.
            file.unlock().unwrap_or_default();
        }
        entry
    }

    fn begin_bulk(
        &mut self,
        connection: &Connection,
        urgent: impl Fn() -> bool,
    ) -> rusqlite::Result<Entry> {
        let started = Instant::now();
        loop {
            if urgent() {
                return Ok(Entry::Yielded);
            }
            if (self.pass_through() || started.elapsed() > COURTESY_TIMEOUT)
                && let Some(done) = try_begin(connection)
            {
                return done;
            }
            if started.elapsed() > LOCK_TIMEOUT {
                return begin(connection);
            }
            std::thread::sleep(BULK_RETRY_DELAY);
        }
    }

    fn pass_through(&mut self) -> bool {
        match self.file() {
            Some(file) => file.try_lock().is_ok() && file.unlock().is_ok(),
            None => true,
        }
    }

    /// The file, created when it is first needed; without it there is no courtesy.
    fn file(&mut self) -> Option<&File> {
        if self.file.is_none() {
            let mut options = File::options();
            self.file = options.create(true).truncate(false).write(true).open(&self.path).ok();
        }
        self.file.as_ref()
    }
}

/// `None` while another process writes.
fn try_begin(connection: &Connection) -> Option<rusqlite::Result<Entry>> {
    match begin(connection) {
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => None,
        done => Some(done),
    }
}

fn begin(connection: &Connection) -> rusqlite::Result<Entry> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(|_| Entry::Begun)
}
