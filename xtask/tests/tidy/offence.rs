//! What a rule answers when it is broken.

use std::fmt;

/// One broken rule: where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    /// Path below the workspace, with `/`.
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// What was found, then what to do.
    pub(crate) what: String,
}

impl Offence {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::Offence;

    #[test]
    fn reads_as_a_place_an_editor_can_open() {
        let offence = Offence::new("a/b.rs", 7, "too long: split it");
        assert_eq!(offence.to_string(), "a/b.rs:7: too long: split it");
    }
}
