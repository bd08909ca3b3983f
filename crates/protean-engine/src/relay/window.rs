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

    /// How many more messages fit when the stream holds so many, in entries that are `few`
    /// or not.
    pub(super) fn room(&mut self, messages: u64, few: bool) -> usize {
        self.open = match self.open {
            true => messages < self.high,
            false => messages <= self.low || few,
        };
        match self.open {
            true => usize::try_from(self.high.saturating_sub(messages)).unwrap_or(usize::MAX),
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
        assert_eq!([0, 7, 9].map(|length| window.room(length, false)), [10, 3, 1]);
        assert_eq!([10, 9, 5].map(|length| window.room(length, false)), [0, 0, 0]);
        assert_eq!([4, 9, 12].map(|length| window.room(length, false)), [6, 1, 0]);
    }

    #[test]
    fn opens_for_few_entries_though_they_stand_for_many_messages() {
        let mut window = Window::new(10, 4);
        assert_eq!(window.room(10, false), 0);
        assert_eq!(
            [(9, false), (9, true), (12, true)].map(|(n, few)| window.room(n, few)),
            [0, 1, 0]
        );
    }
}
