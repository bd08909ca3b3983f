//! Says that something was committed, by this process or another.
//!
//! ```text
//! own commit ────────────────────────────────────────▶ bump
//! `-wal` file written ─▶ nudge ─▶ data_version moved? ─▶ bump
//! every 100 ms ─────────────────▶ data_version moved? ─▶ bump
//! ```
//! When a commit of our own fell between two looks, what moved may be just that.
//! Then the connection that writes is asked: its version moves for others only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use protean_port::Result;
use protean_sql::start_thread;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::connection::Settings;
use crate::writer::Asker;

/// How often to look when nothing says that there is something to see.
const POLL: Duration = Duration::from_millis(100);
/// The file is written before the commit can be seen: how long to look again, in µs.
const LOOKS: [u64; 8] = [20, 50, 100, 200, 400, 800, 1_600, 3_200];

/// Grows with every commit, and knows which were our own.
#[derive(Default)]
pub(crate) struct Signal {
    announced: watch::Sender<u64>,
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Signal {
    /// Runs the COMMIT of a transaction of our own.
    pub(crate) fn committing<T>(&self, commit: impl FnOnce() -> T) -> T {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let done = commit();
        self.ended.fetch_add(1, Ordering::SeqCst);
        done
    }

    /// Tells every receiver.
    pub(crate) fn bump(&self) {
        self.announced.send_modify(|commits| *commits += 1);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.announced.subscribe()
    }
}

/// The thread that looks for the commits of other processes.
pub(crate) struct Wake {
    nudge: Arc<Nudge>,
    thread: Option<JoinHandle<()>>,
    #[cfg(target_os = "linux")]
    _wal: Option<crate::wal::Watcher>,
}

impl Wake {
    /// Opens a connection and starts the thread.
    pub(crate) fn start(settings: &Settings, signal: Arc<Signal>, writer: Asker) -> Result<Self> {
        let connection = settings.reader()?;
        let ended = signal.ended.load(Ordering::SeqCst);
        let seen = data_version(&connection).map_err(|e| settings.explain(e))?;
        let nudge = Arc::new(Nudge::default());
        let look = Look { connection, seen, ended, nudge: Arc::clone(&nudge), signal, writer };
        let thread = start_thread("sqlite-wake", || look.run())?;
        Ok(Self {
            // Without it, the poll finds every commit, only later.
            #[cfg(target_os = "linux")]
            _wal: crate::wal::Watcher::start(settings.beside("-wal"), Arc::clone(&nudge)).ok(),
            nudge,
            thread: Some(thread),
        })
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.nudge.set(State::Closed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

/// Tells the thread to look now, or to end.
#[derive(Default)]
pub(crate) struct Nudge {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Quiet,
    Nudged,
    Closed,
}

impl Nudge {
    /// Something was written.
    pub(crate) fn now(&self) {
        self.set(State::Nudged);
    }

    fn set(&self, state: State) {
        let mut current = self.lock();
        if *current != State::Closed {
            *current = state;
            self.changed.notify_all();
        }
    }

    /// Waits for a nudge, but no longer than this. Closed is for ever.
    fn wait(&self, longest: Duration) -> State {
        let current = self.lock();
        let quiet = |state: &mut State| *state == State::Quiet;
        let waited = self.changed.wait_timeout_while(current, longest, quiet);
        let (mut current, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let found = *current;
        if found == State::Nudged {
            *current = State::Quiet;
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Look {
    connection: Connection,
    seen: i64,
    /// Our own commits that had ended before `seen` was read.
    ended: u64,
    nudge: Arc<Nudge>,
    signal: Arc<Signal>,
    writer: Asker,
}

impl Look {
    fn run(mut self) {
        let mut pauses: &[u64] = &[];
        loop {
            let (pause, later) = match pauses {
                [] => (POLL, pauses),
                [pause, later @ ..] => (Duration::from_micros(*pause), later),
            };
            // A nudge that comes between two looks begins them anew: it is of another commit.
            pauses = match self.nudge.wait(pause) {
                State::Closed => return,
                State::Nudged => &LOOKS,
                State::Quiet => later,
            };
            match self.moved() {
                Moved::No => {}
                Moved::ByOthers => self.signal.bump(),
                Moved::BySomebody => self.writer.ask(),
            }
        }
    }

    fn moved(&mut self) -> Moved {
        let ended = self.signal.ended.load(Ordering::SeqCst);
        // A file that cannot be read now is looked at again by the next poll.
        let Ok(version) = data_version(&self.connection) else { return Moved::No };
        let quiet = self.signal.begun.load(Ordering::SeqCst) == self.ended;
        self.ended = ended;
        match std::mem::replace(&mut self.seen, version) == version {
            true => Moved::No,
            false if quiet => Moved::ByOthers,
            false => Moved::BySomebody,
        }
    }
}

enum Moved {
    No,
    ByOthers,
    /// By ourselves, and perhaps by others.
    BySomebody,
}

/// Grows, for one connection, with the commits of every other.
pub(crate) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
