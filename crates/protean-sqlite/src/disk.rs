//! Writes bulk commits to the disk on a thread of its own, and answers once they are there.
//!
//! ```text
//! writer  ─▶ COMMIT of bulk work (synchronous = NORMAL) ─┐            ┌▶ replies
//! readers ─▶ page of bulk work ──────────────────────────┴▶ fdatasync ┴▶ pages
//! ```
//! A production commit (`synchronous = FULL`) syncs the `-wal` file itself, with the bulk
//! commits before it.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use protean_port::message::{Priority, Recorded};
use protean_port::{Error, Result};
use protean_sql::start_thread;
use tokio::sync::oneshot;

use crate::connection::Settings;
use crate::durable::{Durable, Mark, Reach};
use crate::step::{failure, reached};

/// The thread that syncs. Dropping this ends it.
pub(crate) struct Syncs {
    disk: Arc<Disk>,
    thread: Option<JoinHandle<()>>,
}

/// What is on disk, and the answers that wait for it.
pub(crate) struct Disk {
    settings: Settings,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    durable: Durable,
    waiting: Vec<Waiting>,
    /// A sync has failed: what it left out does not reach the disk by another one.
    suspect: bool,
    closed: bool,
}

struct Waiting {
    mark: Mark,
    answer: Box<dyn FnOnce(Result<(), String>) + Send>,
}

impl Syncs {
    /// Starts the thread.
    pub(crate) fn start(disk: Arc<Disk>) -> Result<Self> {
        let shared = Arc::clone(&disk);
        let thread = start_thread("sqlite-sync", move || shared.serve())?;
        Ok(Self { disk, thread: Some(thread) })
    }
}

impl Drop for Syncs {
    fn drop(&mut self) {
        self.disk.lock().closed = true;
        self.disk.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

impl Disk {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, state: Mutex::default(), changed: Condvar::new() }
    }

    /// A bulk commit has ended that did not wait for the disk; `position` is its last message.
    pub(crate) fn put(&self, position: Option<u64>) -> Mark {
        let mut state = self.lock();
        let is_first = state.durable.due().is_none();
        let mark = state.durable.put(Instant::now(), position.unwrap_or(0));
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
        mark
    }

    /// What a production commit covers that begins now.
    pub(crate) fn begin(&self) -> Reach {
        self.lock().durable.begin()
    }

    /// A production commit has ended; `position` is its last message.
    pub(crate) fn reach(&self, reach: Reach, position: u64) {
        let mut state = self.lock();
        state.durable.reach(Instant::now(), reach);
        state.durable.reach_position(position);
        let answered = state.take(|durable, mark| durable.has(mark));
        drop(state);
        answer(answered, &Ok(()));
    }

    /// Calls `answer` once everything up to the mark is on disk, or could not be written there.
    pub(crate) fn when_durable(
        &self,
        mark: Mark,
        answer: impl FnOnce(Result<(), String>) + Send + 'static,
    ) {
        let mut state = self.lock();
        if state.durable.has(mark) {
            drop(state);
            return answer(Ok(()));
        }
        state.durable.wait_for(mark);
        state.waiting.push(Waiting { mark, answer: Box::new(answer) });
        drop(state);
        self.changed.notify_one();
    }

    /// Waits until messages that were read are on disk. Those of production are: a commit
    /// of theirs can only be seen once it is.
    pub(crate) async fn page<'a>(&self, page: impl Iterator<Item = &'a Recorded>) -> Result<()> {
        let bulk = page.filter(|recorded| may_commit_early(recorded.message.priority));
        match bulk.map(|recorded| recorded.position).max() {
            Some(position) if !self.lock().durable.covers(position) => {
                self.sync_behind(Some(position)).await
            }
            _ => Ok(()),
        }
    }

    /// Waits until everything that is in the file now is on disk.
    pub(crate) async fn sync_behind(&self, position: Option<u64>) -> Result<()> {
        if !self.settings.waits_for_disk() {
            return Ok(());
        }
        let (reply, done) = oneshot::channel();
        let mark = self.put(position);
        self.when_durable(mark, |synced| reply.send(synced).unwrap_or_default());
        match done.await {
            Ok(synced) => synced.map_err(Error::unavailable),
            Err(_) => Err(Error::unavailable("the store was closed while it wrote to the disk")),
        }
    }

    /// Why nothing may be committed: after a sync that failed, what follows in the `-wal`
    /// file would be lost with what the sync left out.
    pub(crate) fn fault(&self) -> Option<String> {
        if !self.lock().suspect {
            return None;
        }
        self.sync().err()
    }

    /// Syncs, and answers.
    pub(crate) fn sync(&self) -> Result<(), String> {
        let state = self.lock();
        let (reach, suspect) = (state.durable.begin(), state.suspect);
        drop(state);
        reached("before the sync");
        let synced = if suspect { self.copy_all() } else { self.sync_file() };
        reached("after the sync");
        let mut state = self.lock();
        let now = Instant::now();
        match &synced {
            Ok(()) => state.durable.reach(now, reach),
            Err(_) => state.durable.fail(now, reach),
        }
        state.suspect = synced.is_err();
        let answered = state.take(|_, mark| mark <= reach.mark);
        drop(state);
        answer(answered, &synced);
        synced
    }

    /// The positions that are known are no longer those of the log.
    pub(crate) fn forget(&self) {
        self.lock().durable.forget();
    }

    fn serve(&self) {
        let mut state = self.lock();
        while !state.closed {
            let Some(due) = state.durable.due() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                // Those who waited have their answer.
                self.sync().unwrap_or_default();
                state = self.lock();
            } else {
                let waited = self.changed.wait_timeout(state, left);
                (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn sync_file(&self) -> Result<(), String> {
        let synced = || -> io::Result<()> {
            failure("sync")?;
            // A descriptor of our own: closing it releases no lock, since SQLite's are on other files.
            File::options().read(true).write(true).open(self.settings.beside("-wal"))?.sync_data()
        };
        synced().map_err(|error| self.unconfirmed(&error))
    }

    /// Copies everything into the database, from where the system still has it in memory.
    fn copy_all(&self) -> Result<(), String> {
        let connection = self.settings.checkpointer().map_err(|error| self.unconfirmed(&error))?;
        let copied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        match copied {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.unconfirmed(&"it is in use")),
            Err(error) => Err(self.unconfirmed(&error)),
        }
    }

    fn unconfirmed(&self, why: &dyn std::fmt::Display) -> String {
        let file = self.settings.path.display();
        format!(
            "the database '{file}' could not be written to the disk ({why}); check the disk, \
             then check whether the messages are there before sending them again"
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, is_answered: impl Fn(&Durable, Mark) -> bool) -> Vec<Waiting> {
        let durable = &self.durable;
        self.waiting.extract_if(.., |waiting| is_answered(durable, waiting.mark)).collect()
    }
}

/// True when a bulk commit with messages of this priority does not wait for the disk itself.
pub(crate) fn may_commit_early(priority: Priority) -> bool {
    priority < Priority::NORMAL
}

fn answer(waiting: Vec<Waiting>, synced: &Result<(), String>) {
    for Waiting { answer, .. } in waiting {
        answer(synced.clone());
    }
}
