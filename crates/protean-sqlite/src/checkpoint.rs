//! Copies what was committed from the `-wal` file into the database, beside the
//! connection that writes.
//!
//! ```text
//! writer ─▶ COMMIT ─▶ count ─▶ every few commits: wake ─▶ wal_checkpoint(PASSIVE) ─▶ rest
//! ```
//! A commit that finds the `-wal` file too long copies what is left of it itself,
//! which is little when this thread keeps up and nothing while it is at it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use protean_port::Result;
use protean_sql::start_thread;
use rusqlite::Connection;

use crate::connection::Settings;

/// How many commits are worth a checkpoint.
const COMMITS: u64 = 16;
/// How long to rest after one.
const REST: Duration = Duration::from_millis(50);

/// The thread that copies. Dropping it ends the thread.
pub(crate) struct Checkpoints {
    tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

/// Counts the commits that were not copied yet.
#[derive(Default)]
pub(crate) struct Tally {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    commits: u64,
    closed: bool,
}

impl Checkpoints {
    /// Opens a connection and starts the thread.
    pub(crate) fn start(settings: Settings, tally: Arc<Tally>) -> Result<Self> {
        let (connection, counted) = (settings.checkpointer()?, Arc::clone(&tally));
        let copy = move || copy_all(&settings, Some(connection), &counted);
        let thread = start_thread("sqlite-checkpoint", copy)?;
        Ok(Self { tally, thread: Some(thread) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.tally.lock().closed = true;
        self.tally.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

impl Tally {
    /// Counts a commit of our own.
    pub(crate) fn committed(&self) {
        let mut state = self.lock();
        state.commits += 1;
        let enough = state.commits == COMMITS;
        drop(state);
        if enough {
            self.changed.notify_one();
        }
    }

    /// Waits until a checkpoint is worth its while; false when there will be none.
    fn wait(&self) -> bool {
        let few = |state: &mut State| state.commits < COMMITS && !state.closed;
        let waited = self.changed.wait_while(self.lock(), few);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.commits = 0;
        !state.closed
    }

    fn rest(&self) {
        let open = |state: &mut State| !state.closed;
        // Commits that come meanwhile are counted, and found afterwards.
        drop(self.changed.wait_timeout_while(self.lock(), REST, open));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy_all(settings: &Settings, mut connection: Option<Connection>, tally: &Tally) {
    while tally.wait() {
        // A connection that failed may have lost its file, so the next time has a new one.
        connection =
            connection.or_else(|| settings.checkpointer().ok()).filter(|c| copy(c).is_ok());
        tally.rest();
    }
}

/// Copies as much as can be copied without waiting for anybody.
fn copy(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    // The row says how much was copied; what was not is left for the next time.
    statement.query_row([], |_| Ok(()))
}
