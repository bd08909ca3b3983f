//! What the relay notes in its claim: for each lane the number of a batch that the broker has, and
//! that no committed cursor goes beyond.

use std::sync::{Mutex, PoisonError};

use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{BoxFuture, Claim};

use crate::per_lane::PerLane;

/// The batches of all lanes, which share the relay's one claim.
pub(super) struct BatchNotes {
    claim: Box<dyn Claim>,
    noted: Mutex<PerLane<Option<u64>>>,
}

impl BatchNotes {
    /// What the holder before has noted.
    pub(super) fn of(claim: Box<dyn Claim>, lanes: &[Lane]) -> Self {
        let noted = read(claim.left(), lanes);
        Self { claim, noted: Mutex::new(noted) }
    }

    /// The last batch of a lane, when nothing of that lane has to be published again.
    pub(super) fn last(&self, lane: Lane) -> Option<u64> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)[lane]
    }

    /// Notes the last batch of a lane; `None` when something has to be published again, so
    /// that a successor begins it anew.
    pub(super) fn note(&self, lane: Lane, number: Option<u64>) -> BoxFuture<'static, Result> {
        self.change(lane, |_| number)
    }

    /// Notes that cursors are committed up to this batch of a lane, but leaves `None` as it is.
    /// Once this has resolved, what is noted covers the batch, whatever failed before.
    pub(super) fn advance(&self, lane: Lane, number: u64) -> BoxFuture<'static, Result> {
        self.change(lane, |last| last.map(|last| last.max(number)))
    }

    fn change(
        &self,
        lane: Lane,
        change: impl FnOnce(Option<u64>) -> Option<u64>,
    ) -> BoxFuture<'static, Result> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted[lane] = change(noted[lane]);
        // In the order of the changes: notes take effect as they are made.
        self.claim.note(&written(&noted))
    }
}

/// A leading 0 stands before the numbers of several lanes: a release that publishes all
/// lanes as one reads the first number alone, and then publishes everything again.
fn written(noted: &PerLane<Option<u64>>) -> Vec<u64> {
    let numbers = noted.iter().map(|number| number.unwrap_or(0));
    let leading = (noted.as_slice().len() > 1).then_some(0);
    leading.into_iter().chain(numbers).collect()
}

fn read(note: &[u64], lanes: &[Lane]) -> PerLane<Option<u64>> {
    let numbers = match note {
        [0, numbers @ ..] if numbers.len() == lanes.len() => numbers,
        [number] if lanes.len() == 1 => std::slice::from_ref(number),
        _ => &[],
    };
    PerLane::new(lanes, |lane| numbers.get(lane as usize).copied().filter(|number| *number > 0))
}

#[cfg(test)]
mod tests {
    use protean_port::memory::MemoryStore;
    use protean_port::message::Lane;
    use protean_port::port::Ledger;

    use super::{BatchNotes, read, written};
    use crate::per_lane::PerLane;

    #[tokio::test]
    async fn a_commit_of_cursors_notes_no_earlier_batch_and_nothing_while_some_are_missed() {
        let claim = MemoryStore::new().claim("relay").await.unwrap().unwrap();
        let (notes, lane) = (BatchNotes::of(claim, &Lane::ALL), Lane::Backfill);
        notes.advance(lane, 7).await.unwrap();
        assert_eq!(notes.last(lane), None);
        notes.note(lane, Some(8)).await.unwrap();
        for (number, expected) in [(7, 8), (9, 9)] {
            notes.advance(lane, number).await.unwrap();
            assert_eq!((notes.last(lane), notes.last(Lane::Primary)), (Some(expected), None));
        }
    }

    #[test]
    fn what_is_noted_is_read_by_the_next_holder() {
        for lanes in [&Lane::ALL[..1], &Lane::ALL] {
            for numbers in [[Some(7), Some(9)], [None, Some(9)], [Some(7), None], [None, None]] {
                let noted = PerLane::new(lanes, |lane| numbers[lane as usize]);
                assert_eq!(read(&written(&noted), lanes).as_slice(), noted.as_slice());
            }
        }
    }

    #[test]
    fn a_note_of_other_lanes_or_of_an_earlier_release_says_nothing() {
        for (note, lanes) in
            [(&[7][..], &Lane::ALL[..]), (&[0, 7, 9], &Lane::ALL[..1]), (&[], &Lane::ALL)]
        {
            assert!(read(note, lanes).iter().all(Option::is_none), "{note:?}");
        }
    }
}
