//! The domain as the command line configures it.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use protean::{BuildError, Domain, DomainBuilder};
use serde::Serialize;

use crate::line::Globals;
use crate::{Error, Reply, Result, stdout};

/// What a command works with: the domain as the command line configures it, and
/// how to answer. Cheap to clone.
#[derive(Clone)]
pub struct App {
    built: Result<Domain, BuildError>,
    config: Option<PathBuf>,
    json: bool,
}

impl App {
    pub(crate) fn new(builder: DomainBuilder, globals: Globals) -> Self {
        let builder = match &globals.config {
            Some(file) => builder.config_file(file),
            None => builder,
        };
        Self { built: builder.build(), config: globals.config, json: globals.json }
    }

    /// The domain, wired and checked; its database is opened when it is first needed.
    ///
    /// # Errors
    /// Every fault of the wiring and the configuration, for exit code 2.
    pub fn domain(&self) -> Result<Domain> {
        self.built.clone().map_err(|error| Error::configuration(error.faults()))
    }

    /// The file of `--config`, for another process that is to have the same
    /// settings; none when the built-in ones count.
    pub fn config_file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// True when the answer is to be one JSON object.
    pub fn json(&self) -> bool {
        self.json
    }

    /// A line on stdout for people: not printed with `--json`. A reader that is
    /// gone does not stop the work.
    ///
    /// # Errors
    /// When stdout cannot be written for another reason.
    pub fn say(&self, line: impl Display) -> Result<()> {
        if self.json { Ok(()) } else { stdout::print(&format!("{line}\n")) }
    }

    /// Answers the command, and gives its exit code: 1 when the reply
    /// [fails](Reply::failed), else 0. A command answers once, at its end.
    ///
    /// # Errors
    /// When stdout cannot be written, or the data is none that JSON can hold.
    pub fn reply<T: Serialize>(&self, reply: Reply<T>) -> Result<ExitCode> {
        reply.print(self.json)
    }
}
