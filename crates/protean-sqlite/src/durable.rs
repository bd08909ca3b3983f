//! Decides what is on disk and when to write it there, without a clock or a disk of its own.
//!
//! ```text
//! bulk commit, page beyond what is on disk ─▶ put ─▶ Mark ─▶ due: a sync
//! sync, production commit                  ─▶ begin ─▶ … ─▶ reach: the marks before it hold
//! ```
//! All processes together write the `-wal` file in the order of their commits. So a sync
//! that begins after something was in the file makes it durable with everything before it,
//! whichever process wrote it.

use std::time::{Duration, Instant};

/// How long data may stay off the disk that nothing waits for. A production commit writes
/// what has gathered together with its own data.
const MAX_DELAY: Duration = Duration::from_millis(20);
/// How long to wait after a sync that failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A place in the order in which data was found to be in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

/// What a sync covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    pub(crate) mark: Mark,
    position: u64,
}

/// How much of the file is known to be on disk.
#[derive(Debug, Default)]
pub(crate) struct Durable {
    last: Mark,
    on_disk: Mark,
    /// The last mark that an answer waits for.
    awaited: Mark,
    /// The last log position that is known to be in the file.
    position: u64,
    /// The last log position that is known to be on disk.
    position_on_disk: u64,
    /// When the first mark was put that is not on disk.
    put: Option<Instant>,
    /// No sync begins before, after one that failed.
    retry: Option<Instant>,
}

impl Durable {
    /// True when the log is on disk up to this position.
    pub(crate) fn covers(&self, position: u64) -> bool {
        position <= self.position_on_disk
    }

    /// True when everything up to the mark is on disk.
    pub(crate) fn has(&self, mark: Mark) -> bool {
        mark <= self.on_disk
    }

    /// Data is in the file that may not be on disk; the log reaches this position at least.
    pub(crate) fn put(&mut self, now: Instant, position: u64) -> Mark {
        self.last.0 += 1;
        self.position = self.position.max(position);
        self.put.get_or_insert(now);
        self.last
    }

    /// An answer waits for everything up to the mark.
    pub(crate) fn wait_for(&mut self, mark: Mark) {
        self.awaited = self.awaited.max(mark);
    }

    /// When the next sync has to begin: never while everything is on disk.
    pub(crate) fn due(&self) -> Option<Instant> {
        let put = self.put?;
        let due = if self.awaited > self.on_disk { put } else { put + MAX_DELAY };
        Some(self.retry.map_or(due, |retry| due.max(retry)))
    }

    /// What a sync covers that begins now.
    pub(crate) fn begin(&self) -> Reach {
        Reach { mark: self.last, position: self.position }
    }

    /// Everything that a sync or a production commit covers is on disk.
    pub(crate) fn reach(&mut self, now: Instant, reach: Reach) {
        self.on_disk = self.on_disk.max(reach.mark);
        self.position_on_disk = self.position_on_disk.max(reach.position);
        self.put = (self.on_disk < self.last).then_some(now);
    }

    /// A production commit has written the log to disk up to this position.
    pub(crate) fn reach_position(&mut self, position: u64) {
        self.position_on_disk = self.position_on_disk.max(position);
    }

    /// A sync has failed, and the answers that waited for it were told.
    pub(crate) fn fail(&mut self, now: Instant, reach: Reach) {
        self.retry = Some(now + RETRY_DELAY);
        if self.awaited <= reach.mark {
            self.awaited = self.on_disk;
        }
    }

    /// Forgets which positions are on disk: the log may begin anew.
    pub(crate) fn forget(&mut self) {
        (self.position, self.position_on_disk) = (0, 0);
    }
}

#[cfg(test)]
#[path = "durable_tests.rs"]
mod tests;
