//! How many units of bulk work to take at once, learnt from how long the last ones took.

use std::ops::RangeInclusive;
use std::time::Duration;

/// How long a step of bulk work should take. Production that arrives meanwhile waits for it; a longer
/// step does more for what it costs.
#[derive(Clone, Copy, Debug)]
pub struct StepTime {
    /// While there is production.
    pub beside_production: Duration,
    /// While there has been none for a while.
    pub alone: Duration,
}

/// Sizes batches of bulk work by time: production that arrives meanwhile waits for the
/// batch in hand. Doubles while a batch takes less than half of the target, halves when
/// one takes longer than all of it. Pure: the caller measures.
#[derive(Clone, Debug)]
pub struct BatchSizer {
    target: Duration,
    bounds: RangeInclusive<usize>,
    units: usize,
}

impl BatchSizer {
    /// Begins with the smallest batch of `bounds`; a batch should take `target`.
    pub const fn new(target: Duration, bounds: RangeInclusive<usize>) -> Self {
        let units = *bounds.start();
        Self { target, bounds, units }
    }

    /// From now on a batch should take `target`.
    pub const fn aim_at(&mut self, target: Duration) {
        self.target = target;
    }

    /// How many units the next batch has.
    pub const fn units(&self) -> usize {
        self.units
    }

    /// Learns from how long the last batch took.
    pub fn took(&mut self, time: Duration) {
        if time > self.target {
            self.units = (self.units / 2).max(*self.bounds.start());
        } else if time < self.target / 2 {
            self.units = (self.units * 2).min(*self.bounds.end());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::BatchSizer;

    const TARGET: Duration = Duration::from_millis(15);

    fn sizer() -> BatchSizer {
        BatchSizer::new(TARGET, 128..=512)
    }

    #[test]
    fn grows_while_batches_are_quick_and_shrinks_when_they_are_slow() {
        let mut sizer = sizer();
        sizer.took(TARGET / 3);
        assert_eq!(sizer.units(), 256);
        sizer.took(TARGET / 2);
        sizer.took(TARGET);
        assert_eq!(sizer.units(), 256, "in between the size stays");
        sizer.took(TARGET * 2);
        assert_eq!(sizer.units(), 128);
    }

    #[test]
    fn what_was_quick_for_one_target_is_slow_for_a_shorter_one() {
        let mut sizer = sizer();
        sizer.took(TARGET / 3);
        sizer.aim_at(TARGET / 4);
        sizer.took(TARGET / 3);
        assert_eq!(sizer.units(), 128);
    }

    #[test]
    fn keeps_within_its_bounds() {
        let mut sizer = sizer();
        for _ in 0..9 {
            sizer.took(TARGET / 9);
        }
        assert_eq!(sizer.units(), 512);
        for _ in 0..9 {
            sizer.took(TARGET * 9);
        }
        assert_eq!(sizer.units(), 128);
    }
}
