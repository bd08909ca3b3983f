//! One value for each lane.

use std::ops::{Index, IndexMut};

use protean_port::message::Lane;

/// A value for each of the lanes that a domain has. What belongs to a lane that it does
/// not have is found at its last one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PerLane<T>(Vec<T>);

impl<T> PerLane<T> {
    /// Makes a value for each of these lanes, the more urgent ones first.
    pub(crate) fn new(lanes: &[Lane], make: impl FnMut(Lane) -> T) -> Self {
        Self(lanes.iter().copied().map(make).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The lanes that have a value.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = Lane> + use<T> {
        Lane::ALL.into_iter().take(self.0.len())
    }

    fn place(&self, lane: Lane) -> usize {
        (lane as usize).min(self.0.len() - 1)
    }
}

impl<T> Index<Lane> for PerLane<T> {
    type Output = T;

    fn index(&self, lane: Lane) -> &T {
        &self.0[self.place(lane)]
    }
}

impl<T> IndexMut<Lane> for PerLane<T> {
    fn index_mut(&mut self, lane: Lane) -> &mut T {
        let place = self.place(lane);
        &mut self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use protean_port::message::Lane;

    use super::PerLane;

    #[test]
    fn each_lane_has_its_value_and_a_missing_one_the_last() {
        let mut both = PerLane::new(&Lane::ALL, |lane| lane);
        assert!(Lane::ALL.into_iter().all(|lane| both[lane] == lane));
        both[Lane::Backfill] = Lane::Primary;
        assert_eq!(both.as_slice(), [Lane::Primary, Lane::Primary]);
        assert_eq!(both.lanes().collect::<Vec<_>>(), Lane::ALL);
        let one = PerLane::new(&Lane::ALL[..1], |_| 7);
        assert_eq!((one[Lane::Primary], one[Lane::Backfill]), (7, 7));
        assert_eq!(one.lanes().collect::<Vec<_>>(), [Lane::Primary]);
    }
}
