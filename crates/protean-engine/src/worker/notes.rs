//! Which note names a message. One note is written at a time; what comes due meanwhile goes
//! into the next, since each note replaces the one before.
//!
//! ```text
//! want ─▶ due ─(begin: none is being written)─▶ being written ─▶ ended
//!          ▲                                        │
//!          └─────────────── want ───────────────────┘
//! ```

use std::collections::BTreeSet;
use std::future::Future;

use tokio::sync::watch;

/// The notes of one worker, numbered in the order in which they are written.
pub(super) struct Notes {
    /// False while another process has the claim.
    open: bool,
    /// What the store holds; none while that is not known.
    kept: Option<BTreeSet<u64>>,
    /// The note that is being written. Until it has ended the store holds it or `kept`.
    writing: Option<BTreeSet<u64>>,
    due: bool,
    /// The number of the last note begun.
    last: u64,
    /// The number of the last note ended, written or not.
    ended: watch::Sender<u64>,
}

impl Notes {
    pub(super) fn new() -> Self {
        let (kept, writing, ended) = (None, None, watch::Sender::new(0));
        Self { open: false, kept, writing, due: false, last: 0, ended }
    }

    /// The claim was won, and the store holds what its holder before has `left`.
    pub(super) fn open(&mut self, left: &[u64]) {
        (self.open, self.due) = (true, true);
        self.kept = Some(left.iter().copied().collect());
    }

    /// Nothing is noted any more, so nothing waits for a note.
    pub(super) fn close(&mut self) {
        (self.open, self.due) = (false, false);
        (self.kept, self.writing) = (None, None);
        // One that has begun to wait does so for the note after the last at most.
        self.last += 1;
        self.ended.send_replace(self.last);
    }

    /// Asks for another note.
    pub(super) fn want(&mut self) {
        self.due = self.open;
    }

    /// True when neither the store holds a note of this message nor one is being written.
    pub(super) fn is_news(&self, position: u64) -> bool {
        let newest = self.writing.as_ref().or(self.kept.as_ref());
        self.open && !newest.is_some_and(|note| note.contains(&position))
    }

    /// Resolves once the note of a message has ended, which is at once when the store is known
    /// to hold one. For a message that [is news](Self::is_news) another note is wanted.
    pub(super) fn noted(&self, position: u64) -> impl Future<Output = ()> + Send + use<> {
        let (number, mut ended) = (self.number(position), self.ended.subscribe());
        async move {
            // Without the worker there is nobody to wait for.
            ended.wait_for(|ended| *ended >= number).await.map(drop).unwrap_or_default();
        }
    }

    /// The number of the note that a message waits for.
    fn number(&self, position: u64) -> u64 {
        let names = |note: &BTreeSet<u64>| note.contains(&position);
        let is_kept = self.kept.as_ref().is_some_and(names);
        match &self.writing {
            _ if !self.open => 0,
            None if is_kept => 0,
            Some(note) if is_kept && names(note) => 0,
            Some(note) if names(note) => self.last,
            _ => self.last + 1,
        }
    }

    /// The number of a note of these messages to be written now; none while another is
    /// being written, and when it would change nothing.
    pub(super) fn begin(&mut self, positions: impl Iterator<Item = u64>) -> Option<u64> {
        if !self.due || self.writing.is_some() {
            return None;
        }
        let note = positions.collect();
        (self.due, self.last) = (false, self.last + 1);
        if self.kept.as_ref() == Some(&note) {
            self.ended.send_replace(self.last);
            return None;
        }
        self.writing = Some(note);
        Some(self.last)
    }

    /// The positions in the note that is being written.
    pub(super) fn positions(&self) -> Vec<u64> {
        self.writing.iter().flatten().copied().collect()
    }

    /// Takes in that a note was written, or was not; false when it was one of a claim that
    /// is lost.
    pub(super) fn ended(&mut self, number: u64, is_written: bool) -> bool {
        if number != self.last || self.writing.is_none() {
            return false;
        }
        self.kept = self.writing.take().filter(|_| is_written);
        self.ended.send_replace(number);
        true
    }
}

#[cfg(test)]
#[path = "notes_tests.rs"]
mod tests;
