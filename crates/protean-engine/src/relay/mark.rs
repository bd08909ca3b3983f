//! What a broker keeps of the last batch it was given. Pure.

use std::fmt;

/// `17 backfill`: the number of the batch, and the lane that bulk work took then; `17`
/// when it took none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) number: u64,
    pub(super) lane: Option<Box<str>>,
}

impl Mark {
    /// Reads one; nothing when it is not of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (number, lane) = match text.split_once(' ') {
            Some((number, lane)) => (number, Some(lane.into())),
            None => (text, None),
        };
        Some(Self { number: number.parse().ok()?, lane })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lane {
            Some(lane) => write!(f, "{} {lane}", self.number),
            None => self.number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn is_read_as_it_is_written() {
        for lane in [None, Some("backfill".into())] {
            let mark = Mark { number: 17, lane };
            assert_eq!(Mark::read(&mark.to_string()), Some(mark));
        }
        assert_eq!(Mark::read("of others"), None);
    }
}
