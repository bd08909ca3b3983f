//! How much bulk work goes out at once: production that is committed meanwhile
//! waits until it has.

use std::time::Duration;

/// How long it should take.
const TARGET: Duration = Duration::from_millis(15);
/// The fewest and the most messages of a category. Fewer would hardly be quicker: most
/// of the time goes to and from the servers then.
const MESSAGES: (usize, usize) = (128, 512);

/// The bulk work of a category that goes out at once.
pub(super) struct BatchSizer(usize);

impl BatchSizer {
    pub(super) fn new() -> Self {
        Self(MESSAGES.0)
    }

    /// How many messages.
    pub(super) fn length(&self) -> usize {
        self.0
    }

    /// Learns from how long it took the last time.
    pub(super) fn took(&mut self, time: Duration) {
        if time > TARGET {
            self.0 = (self.0 / 2).max(MESSAGES.0);
        } else if time < TARGET / 2 {
            self.0 = (self.0 * 2).min(MESSAGES.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BatchSizer, MESSAGES, TARGET};

    #[test]
    fn grows_while_it_is_quick_and_shrinks_when_it_is_not() {
        let mut batch_sizer = BatchSizer::new();
        batch_sizer.took(TARGET / 3);
        assert_eq!(batch_sizer.length(), 2 * MESSAGES.0);
        batch_sizer.took(TARGET / 2);
        batch_sizer.took(TARGET);
        assert_eq!(batch_sizer.length(), 2 * MESSAGES.0);
        batch_sizer.took(TARGET * 2);
        assert_eq!(batch_sizer.length(), MESSAGES.0);
    }

    #[test]
    fn keeps_within_its_bounds() {
        let mut batch_sizer = BatchSizer::new();
        for _ in 0..9 {
            batch_sizer.took(TARGET / 9);
        }
        assert_eq!(batch_sizer.length(), MESSAGES.1);
        for _ in 0..9 {
            batch_sizer.took(TARGET * 9);
        }
        assert_eq!(batch_sizer.length(), MESSAGES.0);
    }
}
