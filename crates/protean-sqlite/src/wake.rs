//! Announces commits, whether this process or another one made them.
//!
//! ```text
//! own commit ────────────────────────────────────────▶ announce
//! notice of a commit ─▶ nudge ─▶ data_version moved? ─▶ announce
//! every 100 ms ─────────────────▶ data_version moved? ─▶ announce
//! ```
//! Programs that give no notice, such as a `sqlite3` shell, are noticed by polling.
//!
//! When one of our own commits fell between two looks, it may be all that moved the
//! version. Then the connection that writes is polled: its version moves for others only.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use protean_port::Result;
use protean_sql::start_thread;
use rusqlite::Connection;

use crate::connection::{Settings, data_version};
use crate::nudge::{Nudge, NudgeState};
use crate::signal::Signal;
use crate::writer::PollHandle;

/// How often to look while no nudge arrives.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The thread that looks for the commits of other processes.
pub(crate) struct Wake {
    nudge: Arc<Nudge>,
    thread: Option<JoinHandle<()>>,
    #[cfg(target_os = "linux")]
    _notices: Option<crate::notice::Watcher>,
}

impl Wake {
    /// Opens a connection and starts the thread.
    pub(crate) fn start(
        settings: &Settings,
        signal: Arc<Signal>,
        writer: PollHandle,
    ) -> Result<Self> {
        let connection = settings.reader()?;
        let ended = signal.ended();
        let seen = data_version(&connection).map_err(|e| settings.explain(e))?;
        let nudge = Arc::new(Nudge::default());
        // Without it, polling still finds every commit, only later.
        #[cfg(target_os = "linux")]
        let notices = {
            let (nudge, signal) = (Arc::clone(&nudge), Arc::clone(&signal));
            crate::notice::Watcher::start(settings.notices(), nudge, signal).ok()
        };
        let watch = WakeLoop { connection, seen, ended, nudge: Arc::clone(&nudge), signal, writer };
        let thread = start_thread("sqlite-wake", || watch.run())?;
        Ok(Self {
            #[cfg(target_os = "linux")]
            _notices: notices,
            nudge,
            thread: Some(thread),
        })
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.nudge.close();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

struct WakeLoop {
    connection: Connection,
    seen: i64,
    /// Our own commits that had ended before `seen` was read.
    ended: u64,
    nudge: Arc<Nudge>,
    signal: Arc<Signal>,
    writer: PollHandle,
}

impl WakeLoop {
    fn run(mut self) {
        while self.nudge.wait(POLL_INTERVAL) != NudgeState::Closed {
            match self.moved() {
                Moved::No => {}
                Moved::ByOthers => self.signal.commits.announce(None),
                Moved::PerhapsByOthers => self.writer.poll(),
            }
        }
    }

    fn moved(&mut self) -> Moved {
        let ended = self.signal.ended();
        // If the file cannot be read now, the next poll looks again.
        let Ok(version) = data_version(&self.connection) else { return Moved::No };
        let quiet = self.signal.begun() == self.ended;
        self.ended = ended;
        match std::mem::replace(&mut self.seen, version) == version {
            true => Moved::No,
            false if quiet => Moved::ByOthers,
            false => Moved::PerhapsByOthers,
        }
    }
}

enum Moved {
    No,
    ByOthers,
    /// By us, and perhaps by others as well.
    PerhapsByOthers,
}
