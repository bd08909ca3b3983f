//! Copies committed pages from the `-wal` file into the database, on a thread of its own.
//!
//! ```text
//! writer ─▶ COMMIT ─▶ count ─▶ every few commits: wal_checkpoint(PASSIVE) ─▶ pause
//! ```
//! A commit that finds the `-wal` file too long copies the remainder itself: little while
//! this thread keeps up, and nothing while it is copying.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use protean_port::Result;
use protean_sql::start_thread;
use rusqlite::Connection;

use crate::connection::Settings;

/// How many commits make a checkpoint worthwhile.
const COMMITS_PER_CHECKPOINT: u64 = 16;
/// How long to pause after a checkpoint.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(50);

/// The thread that copies. Dropping this ends it.
pub(crate) struct Checkpoints {
    counter: Arc<CommitCounter>,
    thread: Option<JoinHandle<()>>,
}

/// Counts the commits since the last checkpoint.
#[derive(Default)]
pub(crate) struct CommitCounter {
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
    pub(crate) fn start(settings: Settings, counter: Arc<CommitCounter>) -> Result<Self> {
        let (connection, counted) = (settings.checkpointer()?, Arc::clone(&counter));
        let copy = move || copy_all(&settings, Some(connection), &counted);
        let thread = start_thread("sqlite-checkpoint", copy)?;
        Ok(Self { counter, thread: Some(thread) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.counter.lock().closed = true;
        self.counter.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

impl CommitCounter {
    /// Counts a commit of our own.
    pub(crate) fn committed(&self) {
        let mut state = self.lock();
        state.commits += 1;
        let enough = state.commits == COMMITS_PER_CHECKPOINT;
        drop(state);
        if enough {
            self.changed.notify_one();
        }
    }

    /// Waits until a checkpoint is worthwhile; false once the store is closed.
    fn wait(&self) -> bool {
        let few = |state: &mut State| state.commits < COMMITS_PER_CHECKPOINT && !state.closed;
        let waited = self.changed.wait_while(self.lock(), few);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.commits = 0;
        !state.closed
    }

    fn pause(&self) {
        let open = |state: &mut State| !state.closed;
        // Commits are still counted during the pause and found after it.
        drop(self.changed.wait_timeout_while(self.lock(), CHECKPOINT_PAUSE, open));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy_all(settings: &Settings, mut connection: Option<Connection>, counter: &CommitCounter) {
    while counter.wait() {
        // A connection that failed may have lost its file, so the next round opens a new one.
        connection =
            connection.or_else(|| settings.checkpointer().ok()).filter(|c| copy(c).is_ok());
        counter.pause();
    }
}

/// Copies as much as possible without waiting for readers or writers.
fn copy(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    // The row says how much was copied; the next checkpoint copies the remainder.
    statement.query_row([], |_| Ok(()))
}
