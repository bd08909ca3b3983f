//! What this process itself has noted as in flight, kept after it lost the claim.
//!
//! A lost claim ends no handler. When this process wins the claim again and finds a note of
//! its own, nobody has led in between: the messages in it were not running when a process
//! ended, and only those suspected before still are.

use std::collections::BTreeSet;

/// A note that was written is certain once two more were: the connection may end with the
/// last two on their way.
const UNCERTAIN_NOTES: usize = 2;

/// What the store may hold as this process's last note of a group.
#[derive(Default)]
pub(crate) struct OwnNotes {
    possible: Vec<Vec<u64>>,
    suspects: BTreeSet<u64>,
}

impl OwnNotes {
    /// Of the positions `left` in flight by the holder before, those to suspect.
    pub(crate) fn suspects(&self, left: &[u64]) -> Vec<u64> {
        let is_own = self.possible.iter().any(|note| is_same(note, left));
        let is_suspect = |position: &&u64| !is_own || self.suspects.contains(position);
        left.iter().filter(is_suspect).copied().collect()
    }

    /// The claim was won, and the messages `left` in it are dealt with.
    pub(crate) fn adopt(&mut self, left: Vec<u64>) {
        self.suspects = self.suspects(&left).into_iter().collect();
        self.possible = vec![left];
    }

    /// A note is being written: from now on the store may hold it.
    pub(crate) fn write(&mut self, note: Vec<u64>) {
        self.possible.push(note);
    }

    /// The last note was written.
    pub(crate) fn written(&mut self) {
        self.possible.drain(..self.possible.len().saturating_sub(UNCERTAIN_NOTES + 1));
    }

    /// The store failed to take the last note, which may have arrived. After a failure no
    /// other does.
    pub(crate) fn failed(&mut self) {
        self.possible.truncate(UNCERTAIN_NOTES + 2);
    }

    /// The claim was lost while these were suspects that had yet to be charged.
    pub(crate) fn lose(&mut self, suspects: BTreeSet<u64>) {
        self.suspects = suspects;
    }
}

fn is_same(note: &[u64], left: &[u64]) -> bool {
    note.len() == left.len() && note.iter().collect::<BTreeSet<_>>() == left.iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::OwnNotes;

    fn lost(noted: &[&[u64]], suspects: &[u64]) -> OwnNotes {
        let mut own = OwnNotes::default();
        for note in noted {
            own.write(note.to_vec());
            own.written();
        }
        own.lose(suspects.iter().copied().collect());
        own
    }

    #[test]
    fn everything_is_suspected_that_this_process_did_not_note() {
        assert_eq!(OwnNotes::default().suspects(&[1, 2]), [1, 2]);
        let own = lost(&[&[1, 2]], &[]);
        for other in [&[1][..], &[2], &[3], &[1, 3], &[1, 2, 3]] {
            assert_eq!(own.suspects(other), other, "somebody else has noted this");
        }
    }

    #[test]
    fn its_own_note_makes_no_suspects_but_those_of_before() {
        assert!(lost(&[&[1, 2, 3]], &[]).suspects(&[3, 1, 2]).is_empty(), "in any order");
        assert_eq!(lost(&[&[1, 2, 3]], &[2, 9]).suspects(&[1, 2, 3]), [2]);
        assert!(lost(&[&[1]], &[1]).suspects(&[]).is_empty());
    }

    #[test]
    fn the_last_two_notes_may_not_have_arrived() {
        let own = lost(&[&[1], &[2], &[3], &[4]], &[]);
        for possible in 2..=4 {
            assert!(own.suspects(&[possible]).is_empty(), "{possible}");
        }
        assert_eq!(own.suspects(&[1]), [1], "one that came after it has arrived");
    }

    #[test]
    fn the_first_note_that_failed_may_have_arrived_as_well() {
        let mut own = lost(&[&[1], &[2], &[3]], &[]);
        for failed in [4, 5, 6] {
            own.write(vec![failed]);
            own.failed();
        }
        for possible in 1..=4 {
            assert!(own.suspects(&[possible]).is_empty(), "{possible}");
        }
        assert_eq!(own.suspects(&[5]), [5], "nothing arrives after a failure");
    }

    #[test]
    fn a_claim_lost_before_anything_is_noted_in_it_still_holds_the_old_note() {
        let mut own = lost(&[&[1, 2]], &[2]);
        assert_eq!(own.suspects(&[1, 2]), [2]);
        assert_eq!(own.suspects(&[1, 2]), [2], "lost before it was adopted");
        own.adopt(vec![1, 2]);
        assert_eq!(own.suspects(&[1, 2]), [2], "lost after it was adopted");
        own.adopt(vec![1, 2]);
        own.write(vec![2, 7]);
        own.lose(BTreeSet::new());
        assert!(own.suspects(&[1, 2]).is_empty());
        assert!(own.suspects(&[2, 7]).is_empty());
    }

    #[test]
    fn what_another_process_left_stays_suspected_until_it_has_run() {
        let mut own = lost(&[&[1]], &[]);
        assert_eq!(own.suspects(&[5, 6]), [5, 6]);
        own.adopt(vec![5, 6]);
        assert_eq!(own.suspects(&[5, 6]), [5, 6]);
        own.lose(BTreeSet::from([6]));
        assert_eq!(own.suspects(&[5, 6]), [6]);
    }
}
