//! The mark of the last batch that a broker was given. Pure.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The number of the batch, the suffix of the backfill lane then (none when there was no such
/// lane), and what was published last.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BatchMark {
    pub(super) number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lane: Option<Box<str>>,
    /// None when nothing was published yet, or by an earlier release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<LastPublished>,
}

/// The last message of the log that a broker was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastPublished {
    pub(super) position: u64,
    pub(super) id: Arc<str>,
}

impl BatchMark {
    /// Reads a mark; `None` when the text is not one of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().or_else(|| Self::read_plain(text))
    }

    /// A mark of an earlier release: `17 backfill`, or `17`.
    fn read_plain(text: &str) -> Option<Self> {
        let (number, lane) = match text.split_once(' ') {
            Some((number, lane)) => (number, Some(lane.into())),
            None => (text, None),
        };
        Some(Self { number: number.parse().ok()?, lane, last: None })
    }
}

impl fmt::Display for BatchMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::{BatchMark, LastPublished};

    #[test]
    fn is_read_as_it_is_written() {
        for lane in [None, Some("backfill".into())] {
            for last in [None, Some(LastPublished { position: 7, id: "bank-1".into() })] {
                let mark = BatchMark { number: 17, lane: lane.clone(), last };
                assert_eq!(BatchMark::read(&mark.to_string()), Some(mark));
            }
        }
        assert_eq!(BatchMark::read("of somebody else"), None);
        assert_eq!(BatchMark::read(""), None);
    }

    #[test]
    fn marks_of_an_earlier_release_are_read() {
        for (text, lane) in [("17", None), ("17 backfill", Some("backfill".into()))] {
            let mark = BatchMark { number: 17, lane, last: None };
            assert_eq!(BatchMark::read(text), Some(mark));
        }
    }
}
