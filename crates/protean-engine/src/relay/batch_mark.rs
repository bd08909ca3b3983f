//! The mark of the last batch that a broker was given. Pure.

use std::fmt;

/// `17 backfill`: the number of the batch, and the suffix of the backfill lane then;
/// `17` when there was no such lane.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BatchMark {
    pub(super) number: u64,
    pub(super) lane: Option<Box<str>>,
}

impl BatchMark {
    /// Reads a mark; `None` when the text is not one of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (number, lane) = match text.split_once(' ') {
            Some((number, lane)) => (number, Some(lane.into())),
            None => (text, None),
        };
        Some(Self { number: number.parse().ok()?, lane })
    }
}

impl fmt::Display for BatchMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lane {
            Some(lane) => write!(f, "{} {lane}", self.number),
            None => self.number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BatchMark;

    #[test]
    fn is_read_as_it_is_written() {
        for lane in [None, Some("backfill".into())] {
            let mark = BatchMark { number: 17, lane };
            assert_eq!(BatchMark::read(&mark.to_string()), Some(mark));
        }
        assert_eq!(BatchMark::read("of somebody else"), None);
    }
}
