//! Why an entry of a stream is no message.

use std::fmt;

/// The most of an explanation that is shown: it may quote what was found.
const LONGEST: usize = 300;

/// What was found where a message was expected, for a person. It quotes no
/// control character, and no more of the entry than fits a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl Unreadable {
    pub(super) fn new(told: impl Into<String>) -> Self {
        let mut told = told.into();
        if let Some((end, _)) = told.char_indices().nth(LONGEST) {
            told.truncate(end);
            told.push('…');
        }
        Self(told)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}
