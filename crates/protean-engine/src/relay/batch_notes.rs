//! What the relay notes in its claim: the number of the last settled batch of each lane.

use std::sync::{Mutex, PoisonError};

use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::Claim;

use crate::per_lane::PerLane;

/// The batches of all lanes, which share the relay's one claim.
pub(super) struct BatchNotes {
    claim: Box<dyn Claim>,
    settled: Mutex<PerLane<Option<u64>>>,
}

impl BatchNotes {
    /// What the holder before has noted.
    pub(super) fn of(claim: Box<dyn Claim>, lanes: &[Lane]) -> Self {
        let settled = read(claim.left(), lanes);
        Self { claim, settled: Mutex::new(settled) }
    }

    /// The last batch of a lane, when nothing of that lane has to be published again.
    pub(super) fn last(&self, lane: Lane) -> Option<u64> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)[lane]
    }

    /// Notes the last batch of a lane; `None` when something has to be published again, so
    /// that a successor begins it anew.
    pub(super) async fn note(&self, lane: Lane, number: Option<u64>) -> Result {
        let noted = {
            let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
            settled[lane] = number;
            // In the order of the numbers: notes take effect as they are made.
            self.claim.note(&written(&settled))
        };
        noted.await
    }
}

/// A leading 0 stands before the numbers of several lanes: a release that publishes all
/// lanes as one reads the first number alone, and then publishes everything again.
fn written(settled: &PerLane<Option<u64>>) -> Vec<u64> {
    let numbers = settled.iter().map(|number| number.unwrap_or(0));
    let leading = (settled.as_slice().len() > 1).then_some(0);
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
    use protean_port::message::Lane;

    use super::{read, written};
    use crate::per_lane::PerLane;

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
