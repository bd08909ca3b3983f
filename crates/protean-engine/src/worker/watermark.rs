//! How far a group has settled the messages of one priority. Pure.

use std::collections::BTreeMap;

/// The messages of one priority between being read and being settled.
#[derive(Debug, Default)]
pub(crate) struct Watermark {
    open: BTreeMap<u64, bool>,
}

impl Watermark {
    /// A message was read. Reading one again changes nothing.
    pub(crate) fn read(&mut self, position: u64) {
        self.open.entry(position).or_insert(false);
    }

    /// A message is settled. Gives the position up to which everything that
    /// was read is settled, when that has moved.
    pub(crate) fn settle(&mut self, position: u64) -> Option<u64> {
        *self.open.get_mut(&position)? = true;
        let mut moved = None;
        while let Some(first) = self.open.first_entry().filter(|first| *first.get()) {
            moved = Some(first.remove_entry().0);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::Watermark;

    #[test]
    fn moves_over_what_is_settled_without_a_gap() {
        let mut mark = Watermark::default();
        [3, 5, 9].into_iter().for_each(|position| mark.read(position));
        assert_eq!(mark.settle(5), None);
        assert_eq!(mark.settle(3), Some(5));
        assert_eq!(mark.settle(9), Some(9));
    }

    #[test]
    fn what_was_never_read_moves_nothing() {
        let mut mark = Watermark::default();
        mark.read(4);
        assert_eq!(mark.settle(3), None);
        assert_eq!(mark.settle(4), Some(4));
        assert_eq!(mark.settle(4), None);
    }
}
