//! How much of the log is known to be on disk.
//!
//! COMMIT returns before the disk has the transaction, so a page of the log must not leave
//! the database before a flush has. Whoever waits for a flush anyway, a committer or a
//! reader, remembers here how far it reached: a page up to there needs none of its own, however
//! much unflushed work of others lies beyond it.

use std::sync::atomic::{AtomicU64, Ordering};

/// The last position of the log that is known to be on disk.
#[derive(Debug, Default)]
pub(crate) struct Durable(AtomicU64);

impl Durable {
    /// A flush has ended that began when this position was committed.
    pub(crate) fn reached(&self, position: u64) {
        self.0.fetch_max(position, Ordering::AcqRel);
    }

    /// True when the log is on disk up to this position.
    pub(crate) fn covers(&self, position: u64) -> bool {
        position <= self.0.load(Ordering::Acquire)
    }

    /// Forgets what is known: a new connection may lead to another server, whose log ends
    /// earlier.
    pub(crate) fn forget(&self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::Durable;

    #[test]
    fn covers_what_was_reached_until_it_is_forgotten() {
        let durable = Durable::default();
        assert!(durable.covers(0) && !durable.covers(1));
        durable.reached(7);
        durable.reached(3);
        assert!(durable.covers(7) && !durable.covers(8));
        durable.forget();
        assert!(!durable.covers(1));
    }
}
