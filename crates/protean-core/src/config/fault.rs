//! What is wrong with a configuration, in words that help to correct it.

use std::fmt;

use super::redact::shown;

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
    /// A fault of the whole file.
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

    /// The file, under the name by which it was read.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1; none when the fault concerns the whole file.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The column of a syntax error in characters, counted from 1.
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// The dotted path of the key as the file writes it; empty for a syntax error.
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

/// The faults and warnings of one file.
pub(super) struct Report {
    file: String,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    partial: bool,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self { file: shown(file), faults: Vec::new(), warnings: Vec::new(), partial: false }
    }

    /// The name of the file.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// From here on, sections that are not in use are read: values are checked one by one,
    /// but not against each other, and nothing is warned about.
    pub(super) fn partial(&mut self) {
        self.partial = true;
    }

    pub(super) fn fault(&mut self, line: Option<usize>, key: &str, message: impl Into<String>) {
        self.faults.push(Fault::whole(&self.file, message).at(line, None).of(key));
    }

    pub(super) fn syntax(&mut self, line: usize, column: usize, message: &str) {
        self.faults.push(Fault::whole(&self.file, message).at(Some(line), Some(column)));
    }

    /// A fault between keys that are fine one by one.
    pub(super) fn conflict(&mut self, line: Option<usize>, key: &str, message: impl Into<String>) {
        if !self.partial {
            self.fault(line, key, message);
        }
    }

    pub(super) fn warn(&mut self, line: Option<usize>, key: &str, message: impl Into<String>) {
        if !self.partial {
            self.warnings.push(Fault::whole(&self.file, message).at(line, None).of(key));
        }
    }

    /// The warnings, or all faults; both in the order of the file.
    pub(super) fn finish(mut self) -> Result<Vec<Fault>, Vec<Fault>> {
        self.faults.sort_by_key(|fault| (fault.line(), fault.column()));
        self.warnings.sort_by_key(Fault::line);
        if self.faults.is_empty() { Ok(self.warnings) } else { Err(self.faults) }
    }
}
