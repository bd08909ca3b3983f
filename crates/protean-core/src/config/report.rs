//! Where the readers leave what they find.

use super::document::Entry;
use super::fault::Fault;
use super::redact::shown;

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

    /// From here on a part of a configuration is read: what it holds is checked, but not
    /// what only the whole can answer, and it warns of nothing since it is not in use.
    pub(super) fn partial(&mut self) {
        self.partial = true;
    }

    pub(super) fn fault(&mut self, line: Option<usize>, key: &str, message: impl Into<String>) {
        self.faults.push(Fault::whole(&self.file, message).at(line, None).of(key));
    }

    pub(super) fn fault_at(&mut self, entry: &Entry, message: impl Into<String>) {
        self.fault(Some(entry.line), &entry.path, message);
    }

    pub(super) fn syntax(&mut self, (line, column): (usize, usize), message: &str) {
        self.faults.push(Fault::whole(&self.file, message).at(Some(line), Some(column)));
    }

    /// A fault between keys, each of which is fine by itself.
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
