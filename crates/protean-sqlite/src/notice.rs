//! Tells other processes of a commit: a file beside the database is opened and closed again,
//! and they watch it. When the commit has brought messages of production, the file is opened
//! for reading, else for writing.
//!
//! The `-wal` file would do without that, but a commit writes to it dozens of times, each of
//! which wakes every process, and none of them can see the commit yet.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask, Watches};

use protean_port::message::Priority;

use crate::nudge::Nudge;
use crate::signal::Signal;

/// Tells other processes that a commit has ended, and whether it brought messages of
/// production. Where that fails, they find it by polling.
pub(crate) fn give(path: &Path, brings_production: bool) {
    if brings_production && File::open(path).is_ok() {
        return;
    }
    File::options().create(true).append(true).open(path).map(drop).unwrap_or_default();
}

/// The thread that waits for notices.
pub(crate) struct Watcher {
    armed: Arc<Armed>,
    thread: Option<JoinHandle<()>>,
}

struct Armed {
    path: PathBuf,
    watches: Watches,
    /// The watch, while there is one.
    current: Mutex<Option<WatchDescriptor>>,
    closed: AtomicBool,
}

impl Watcher {
    /// Watches the file at `path`, also after it is replaced.
    pub(crate) fn start(path: PathBuf, nudge: Arc<Nudge>, signal: Arc<Signal>) -> io::Result<Self> {
        give(&path, false);
        let inotify = Inotify::init()?;
        let (watches, current) = (inotify.watches(), Mutex::new(None));
        let armed = Arc::new(Armed { path, watches, current, closed: AtomicBool::new(false) });
        armed.arm()?;
        let watched = Arc::clone(&armed);
        let thread = std::thread::Builder::new()
            .name("sqlite-notice".into())
            .spawn(move || watched.watch(inotify, &nudge, &signal))?;
        Ok(Self { armed, thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.armed.closed.store(true, Ordering::Release);
        // Removing the watch is an event too: the one that ends the thread.
        if self.armed.disarm()
            && let Some(thread) = self.thread.take()
        {
            thread.join().unwrap_or_default();
        }
    }
}

impl Armed {
    fn watch(&self, mut inotify: Inotify, nudge: &Nudge, signal: &Signal) {
        let mut buffer = [0; 4096];
        while !self.closed.load(Ordering::Acquire) {
            let Ok(events) = inotify.read_events_blocking(&mut buffer) else { return };
            let seen = events.fold(EventMask::empty(), |seen, event| seen | event.mask);
            if seen.contains(EventMask::CLOSE_NOWRITE) {
                // The highest priority is production wherever the lanes meet.
                signal.commits.announce_arrivals((Priority::ALL.1, Priority::ALL.1));
            }
            nudge.now();
            if seen.intersects(EventMask::IGNORED | EventMask::DELETE_SELF | EventMask::MOVE_SELF) {
                self.rearm();
            }
        }
    }

    /// Waits until the file exists again.
    fn rearm(&self) {
        while !self.closed.load(Ordering::Acquire) && self.arm().is_err() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn arm(&self) -> io::Result<()> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        *current = Some(add(&self.watches, &self.path)?);
        Ok(())
    }

    /// Removes the watch; true when there was one.
    fn disarm(&self) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.take().is_some_and(|watch| self.watches.clone().remove(watch).is_ok())
    }
}

fn add(watches: &Watches, path: &Path) -> io::Result<WatchDescriptor> {
    let gone = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
    watches.clone().add(path, WatchMask::CLOSE | gone)
}
