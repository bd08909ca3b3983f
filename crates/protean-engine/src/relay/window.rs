//! How much bulk work may lie in the broker. Pure.

/// Lets bulk work out until a stream holds `high` messages, and again once it is down to
/// `low`: two million messages wait in the database, not in the broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    high: u64,
    low: u64,
    open: bool,
}

impl Window {
    pub(super) fn new(high: usize, low: usize) -> Self {
        Self { high: high as u64, low: low as u64, open: true }
    }

    /// How many more entries fit when the stream holds `length`.
    pub(super) fn room(&mut self, length: u64) -> usize {
        self.open = if self.open { length < self.high } else { length <= self.low };
        match self.open {
            true => usize::try_from(self.high - length).unwrap_or(usize::MAX),
            false => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn closes_when_it_is_full_and_opens_when_little_is_left() {
        let mut window = Window::new(10, 4);
        assert_eq!([0, 7, 9].map(|length| window.room(length)), [10, 3, 1]);
        assert_eq!([10, 9, 5].map(|length| window.room(length)), [0, 0, 0]);
        assert_eq!([4, 9, 12].map(|length| window.room(length)), [6, 1, 0]);
    }
}
