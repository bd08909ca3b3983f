//! One thing wrong with a configuration, told so that a person can mend it.

use std::fmt;

/// A fault of a configuration file, or a warning about it.
///
/// ```text
/// domain.toml:12: server.priority_lanes.treshold: unknown key; did you mean 'threshold'?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    key: String,
    message: String,
}

impl Fault {
    /// A fault of the file as a whole.
    pub(super) fn whole(file: &str, message: impl Into<String>) -> Self {
        let (file, message) = (file.to_owned(), message.into());
        Self { file, line: None, column: None, key: String::new(), message }
    }

    /// The same fault, found at this line and, when known, column.
    pub(super) fn at(mut self, line: Option<usize>, column: Option<usize>) -> Self {
        (self.line, self.column) = (line, column);
        self
    }

    /// The same fault, with the dotted path of the key it is about.
    pub(super) fn of(mut self, key: &str) -> Self {
        self.key = key.to_owned();
        self
    }

    /// The file, as it was named when it was read.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1; none when the file as a whole is meant.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The column in characters, counted from 1, of a fault in the syntax.
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// The dotted path of the key as the file writes it; empty for a fault in the syntax.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong and what to do about it, without file, line and key.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Fault {}
