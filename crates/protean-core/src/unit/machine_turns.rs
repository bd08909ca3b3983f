//! Bulk work takes turns over all processes of a machine that use one database.
//!
//! ```text
//! queue: the process that comes next ─▶ turn: the process that has its turn
//! ```
//! Both are locked files, and the operating system ends a lock with its process. A process
//! that ends its turn passes the queue before it takes another, so that turns alternate.

use std::fs::{File, TryLockError};
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

/// How long a step waits for the other processes. One that is stopped must not stop bulk work.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// How long other processes are not waited for once one of them has held its turn for so long.
const SUSPENSION: Duration = Duration::from_secs(5);

/// How many steps of bulk work run at once on a machine with this many cores: one core is left
/// without.
pub fn bulk_turns(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

/// The turns of all processes of this machine that use one database.
#[derive(Debug)]
pub struct MachineTurns {
    /// None where there are no other processes: in memory.
    files: Option<TurnFiles>,
    waits: Mutex<Waits>,
}

/// A turn of this process; it ends when it is dropped.
#[derive(Debug)]
pub struct MachineTurn {
    _file: Option<File>,
}

/// What this process knows of the others.
#[derive(Debug, Default)]
struct Waits {
    /// Asks for a turn that is not free, in a thread of its own.
    queued: Option<Sender<oneshot::Sender<File>>>,
    /// Until then the others are not waited for.
    suspended_until: Option<Instant>,
}

impl MachineTurns {
    /// The turns of the processes that use the database at this place.
    pub(crate) fn at(uri: Option<&str>) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let files = uri.map(|uri| TurnFiles::of(&std::env::temp_dir(), uri, bulk_turns(cores)));
        Self { files, waits: Mutex::default() }
    }

    /// Waits for a turn, though not for long, and not at all where files cannot be locked.
    /// Cancel safe.
    pub async fn take(&self) -> MachineTurn {
        let Some(files) = self.files.as_ref().filter(|_| !self.is_suspended()) else {
            return MachineTurn { _file: None };
        };
        let taken = match files.try_take() {
            Ok(Some(file)) => Some(file),
            Ok(None) => self.wait(files).await,
            Err(_) => None,
        };
        MachineTurn { _file: taken }
    }

    async fn wait(&self, files: &TurnFiles) -> Option<File> {
        let (reply, taken) = oneshot::channel();
        self.queue(files, reply);
        match tokio::time::timeout(LONGEST_WAIT, taken).await {
            Ok(taken) => taken.ok(),
            Err(_) => {
                self.waits().suspended_until = Some(Instant::now() + SUSPENSION);
                None
            }
        }
    }

    fn queue(&self, files: &TurnFiles, reply: oneshot::Sender<File>) {
        let mut waits = self.waits();
        let queued = waits.queued.get_or_insert_with(|| {
            let ((queued, requests), files) = (channel(), files.clone());
            // Without the thread each request is dropped, and its step goes on at once.
            let spawned = std::thread::Builder::new()
                .name("protean-turns".into())
                .spawn(move || files.take_queued(requests));
            drop(spawned);
            queued
        });
        queued.send(reply).unwrap_or_default();
    }

    fn is_suspended(&self) -> bool {
        self.waits().suspended_until.is_some_and(|until| Instant::now() < until)
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MachineTurns {
    fn drop(&mut self) {
        if let Some(files) = &self.files {
            files.remove_unused();
        }
    }
}

/// The files of a database that are locked.
#[derive(Clone, Debug)]
struct TurnFiles {
    queue: PathBuf,
    turns: Vec<PathBuf>,
}

impl TurnFiles {
    fn of(folder: &Path, uri: &str, count: usize) -> Self {
        // The file does not show the password that a URI may hold.
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, uri.as_bytes());
        let path = |part: String| folder.join(format!("protean-{name}-{part}"));
        let turns = (0..count).map(|turn| path(format!("turn-{turn}"))).collect();
        Self { queue: path("queue".into()), turns }
    }

    /// A turn, when one is free and no process waits for it.
    fn try_take(&self) -> io::Result<Option<File>> {
        match try_lock(&self.queue)? {
            // Others come first.
            None => Ok(None),
            Some(_next) => self.try_turns(),
        }
    }

    fn try_turns(&self) -> io::Result<Option<File>> {
        for turn in &self.turns {
            if let Some(file) = try_lock(turn)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// Takes a turn for each request, however long it takes.
    fn take_queued(self, requests: Receiver<oneshot::Sender<File>>) {
        for reply in requests {
            if !reply.is_closed()
                && let Ok(file) = self.take()
            {
                // A step that has stopped waiting gives the turn back.
                reply.send(file).map_or_else(drop, drop);
            }
        }
    }

    fn take(&self) -> io::Result<File> {
        let next = open(&self.queue)?;
        next.lock()?;
        if let Some(file) = self.try_turns()? {
            return Ok(file);
        }
        let file = open(&self.turns[std::process::id() as usize % self.turns.len()])?;
        file.lock()?;
        Ok(file)
    }

    /// Removes the files unless another process uses them now.
    fn remove_unused(&self) {
        for path in self.turns.iter().chain([&self.queue]) {
            if path.exists() && matches!(try_lock(path), Ok(Some(_))) {
                // It is made again when it is needed.
                std::fs::remove_file(path).unwrap_or_default();
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let opened = File::options().read(true).append(true).create(true).open(path);
    // The file of another user can be locked, though not written.
    opened.or_else(|_| File::open(path))
}

fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::{LONGEST_WAIT, MachineTurn, MachineTurns, TurnFiles, Waits, bulk_turns};

    /// The turns of one process.
    fn process(folder: &std::path::Path, count: usize) -> MachineTurns {
        let files = Some(TurnFiles::of(folder, "sqlite:a.db", count));
        MachineTurns { files, waits: Mutex::new(Waits::default()) }
    }

    async fn is_taken(turns: &MachineTurns) -> Option<MachineTurn> {
        timeout(Duration::from_millis(50), turns.take()).await.ok()
    }

    #[test]
    fn one_core_is_left_without_bulk_work() {
        assert_eq!([1, 2, 3, 8].map(bulk_turns), [1, 1, 2, 7]);
    }

    #[tokio::test]
    async fn one_process_has_a_turn_until_it_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (process(folder.path(), 1), process(folder.path(), 1));
        let turn = ours.take().await;
        assert!(is_taken(&theirs).await.is_none());
        drop(turn);
        assert!(is_taken(&theirs).await.is_some());
        drop(ours);
        drop(theirs);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[tokio::test]
    async fn there_are_as_many_turns_as_the_machine_has() {
        let folder = tempfile::tempdir().unwrap();
        let processes: Vec<_> = (0..3).map(|_| process(folder.path(), 2)).collect();
        let _turns = (processes[0].take().await, is_taken(&processes[1]).await.unwrap());
        assert!(is_taken(&processes[2]).await.is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn turns_alternate_between_processes_that_always_want_one() {
        let folder = tempfile::tempdir().unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let work = |name: char| {
            let (turns, order) = (process(folder.path(), 1), Arc::clone(&order));
            tokio::spawn(async move {
                for _ in 0..50 {
                    let _turn = turns.take().await;
                    order.lock().unwrap().push(name);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        };
        let (a, b) = (work('a'), work('b'));
        a.await.unwrap();
        b.await.unwrap();
        let order = order.lock().unwrap();
        let changes = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes >= 60, "{changes} changes of 99: {}", String::from_iter(&*order));
    }

    #[tokio::test]
    async fn a_process_that_never_gives_its_turn_back_stops_nobody_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let (stopped, ours) = (process(folder.path(), 1), process(folder.path(), 1));
        let _turn = stopped.take().await;
        let began = Instant::now();
        for _ in 0..10 {
            drop(timeout(Duration::from_secs(5), ours.take()).await.unwrap());
        }
        assert!((LONGEST_WAIT..LONGEST_WAIT * 3).contains(&began.elapsed()), "one wait for all");
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_takes_no_turn() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (process(folder.path(), 1), process(folder.path(), 1));
        let turn = ours.take().await;
        assert!(is_taken(&theirs).await.is_none(), "dropped while it waits");
        drop(turn);
        timeout(Duration::from_secs(5), ours.take()).await.unwrap();
    }
}
