//! Counts commits, and tells our own from those of other processes.

use std::sync::atomic::{AtomicU64, Ordering};

use protean_port::port::CommitSignal;

/// Announces commits, and counts our own.
#[derive(Default)]
pub(crate) struct Signal {
    pub(crate) commits: CommitSignal,
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

    /// How many of our own commits have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// How many of our own commits have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }
}
