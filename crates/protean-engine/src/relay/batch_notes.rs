//! What the relay notes in its claim: for each lane the number of a batch that the broker has, and
//! that no committed cursor goes beyond.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{BoxFuture, Claim};

use crate::per_lane::PerLane;

/// The batches of all lanes, which share the relay's one claim.
pub(super) struct BatchNotes {
    claim: Box<dyn Claim>,
    /// The run in which the holder before has noted its batches.
    left_run: u64,
    noted: Mutex<Noted>,
}

/// What a note says.
#[derive(Clone, Debug, PartialEq)]
struct Noted {
    last: PerLane<Option<u64>>,
    /// The run of the broker's server in which it holds these batches; 0 when that is not known.
    run: u64,
}

impl BatchNotes {
    /// What the holder before has noted.
    pub(super) fn of(claim: Box<dyn Claim>, lanes: &[Lane]) -> Self {
        let noted = read(claim.left(), lanes);
        Self { claim, left_run: noted.run, noted: Mutex::new(noted) }
    }

    /// From now on what is noted is noted in this run of the broker's server. True when the
    /// holder before has noted its batches in it.
    pub(super) fn begin_run(&self, incarnation: &str) -> bool {
        let run = run_of(incarnation);
        self.noted().run = run;
        self.left_run == run
    }

    /// The last batch of a lane, when nothing of that lane has to be published again.
    pub(super) fn last(&self, lane: Lane) -> Option<u64> {
        self.noted().last[lane]
    }

    /// Notes the last batch of a lane; `None` when something has to be published again, so
    /// that a successor begins it anew.
    pub(super) fn note(&self, lane: Lane, number: Option<u64>) -> BoxFuture<'static, Result> {
        self.change(lane, |_| number)
    }

    /// Notes a batch of a lane whose cursors are committed next, but leaves `None` as it is.
    /// Once this has resolved, what is noted covers the batch, whatever failed before.
    pub(super) fn advance(&self, lane: Lane, number: u64) -> BoxFuture<'static, Result> {
        self.change(lane, |last| last.map(|last| last.max(number)))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(
        &self,
        lane: Lane,
        change: impl FnOnce(Option<u64>) -> Option<u64>,
    ) -> BoxFuture<'static, Result> {
        let mut noted = self.noted();
        noted.last[lane] = change(noted.last[lane]);
        // In the order of the changes: notes take effect as they are made.
        self.claim.note(&written(&noted))
    }
}

/// The number that stands for a run: one that a signed column holds, and not 0.
fn run_of(incarnation: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    incarnation.hash(&mut hasher);
    (hasher.finish() >> 1).max(1)
}

/// A leading 0 and the run stand around the numbers: an earlier release reads one number, or
/// those of two lanes behind a 0, and publishes everything again.
fn written(noted: &Noted) -> Vec<u64> {
    let numbers = noted.last.iter().map(|number| number.unwrap_or(0));
    [0].into_iter().chain(numbers).chain([noted.run]).collect()
}

fn read(note: &[u64], lanes: &[Lane]) -> Noted {
    let (numbers, run) = match note {
        [0, numbers @ .., run] if numbers.len() == lanes.len() => (numbers, *run),
        _ => (&[][..], 0),
    };
    let number = |lane: Lane| numbers.get(lane as usize).copied().filter(|number| *number > 0);
    Noted { last: PerLane::new(lanes, number), run }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use protean_port::memory::MemoryStore;
    use protean_port::message::Lane;
    use protean_port::port::Ledger;

    use super::{BatchNotes, Noted, read, run_of, written};
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
                let last = PerLane::new(lanes, |lane| numbers[lane as usize]);
                let noted = Noted { last, run: 5 };
                assert_eq!(read(&written(&noted), lanes), noted);
            }
        }
    }

    #[test]
    fn a_note_of_other_lanes_or_of_an_earlier_release_says_nothing() {
        for (note, lanes) in [
            (&[7][..], &Lane::ALL[..1]),
            (&[7], &Lane::ALL),
            (&[0, 7, 9], &Lane::ALL),
            (&[0, 7, 9, 5], &Lane::ALL[..1]),
            (&[], &Lane::ALL),
        ] {
            assert!(read(note, lanes).last.iter().all(Option::is_none), "{note:?}");
        }
    }

    #[tokio::test]
    async fn a_successor_knows_whether_the_server_of_the_broker_still_runs() {
        let claim = MemoryStore::new().claim("relay").await.unwrap().unwrap();
        let last = PerLane::new(&Lane::ALL, |_| Some(7));
        let noted = Mutex::new(Noted { last, run: run_of("a") });
        let successor = BatchNotes { claim, left_run: run_of("a"), noted };
        assert!(successor.begin_run("a"));
        assert!(!successor.begin_run("b"));
        assert_eq!(successor.noted().run, run_of("b"), "what it notes is of this run");
        assert!(successor.begin_run("a"), "for each lane what was left counts");
    }
}
