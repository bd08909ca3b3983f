//! What a broker keeps of the last batch it was given. Pure.

use std::fmt;

/// `17 backfill`: the number of the batch, and the lane that bulk work took then; `17`
/// when it took none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BatchMark {
    pub(super) number: u64,
    pub(super) lane: Option<Box<str>>,
}

impl BatchMark {
    /// Reads one; nothing when it is not of ours.
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
        assert_eq!(BatchMark::read("of others"), None);
    }
}
