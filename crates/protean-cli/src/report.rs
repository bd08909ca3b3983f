//! Reports an error to people and programs.

use std::io::Write as _;
use std::process::ExitCode;

use crate::reply::{Diagnostic, Envelope, object};
use crate::{Error, stdout};

impl Error {
    /// Prints the error to stderr, and with `json` as an object to stdout as well. Returns
    /// the exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        // There is nowhere left to report a closed stderr.
        let _ = write!(std::io::stderr(), "{self}");
        if json {
            let diagnostics = self.lines().map(Diagnostic::error).collect();
            let _ = object(&Envelope::error(diagnostics)).and_then(|text| stdout::print(&text));
        }
        ExitCode::from(self.code())
    }
}
