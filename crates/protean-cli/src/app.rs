//! What a command works with.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use protean::{BuildError, Domain, DomainBuilder, Server, require_database};
use serde::Serialize;

use crate::export::Export;
use crate::globals::Globals;
use crate::{Error, Reply, Result, stdout};

/// What a command works with: the domain, configured by the command line, and the way to
/// print an answer. Cheap to clone.
#[derive(Clone)]
pub struct App {
    built: Result<Domain, BuildError>,
    config: Option<PathBuf>,
    json: bool,
    export: Export,
}

impl App {
    pub(crate) fn new(builder: DomainBuilder, globals: Globals) -> Self {
        let (Globals { config, json }, export) = (globals, Export::default());
        Self { built: builder.build(), config, json, export }
    }

    /// The same, with what it exports.
    pub(crate) fn exporting(self, export: Export) -> Self {
        Self { export, ..self }
    }

    /// The domain, wired and checked. Its database is opened on first use.
    ///
    /// # Errors
    /// Lists every fault of the wiring and the configuration; exit code 2.
    pub fn domain(&self) -> Result<Domain> {
        self.built.clone().map_err(|error| Error::configuration(error.faults()))
    }

    /// The domain, once its database is there: for a command that only looks, which must not
    /// create one.
    ///
    /// # Errors
    /// As [`domain`](Self::domain); and when there is no database at the configured place.
    pub async fn existing_domain(&self) -> Result<Domain> {
        let domain = self.domain()?;
        require_database(&domain).await?;
        Ok(domain)
    }

    /// A server of the domain, whose metrics are exported as `[telemetry]` says.
    ///
    /// # Errors
    /// As [`domain`](Self::domain).
    pub fn server(&self) -> Result<Server> {
        Ok(self.export.of_server(Server::new(self.domain()?)))
    }

    /// Sends the spans that wait, before another program takes the place of this one.
    pub(crate) async fn stop_export(&self) {
        let export = self.export.clone();
        // It ends in any case.
        let _ = tokio::task::spawn_blocking(move || export.stop()).await;
    }

    /// The file given with `--config`, to start another process with the same settings.
    /// `None` when the built-in settings apply.
    pub fn config_file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// True with `--json`: the answer must be one JSON object.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Prints a line on stdout for people; prints nothing with `--json`. A closed stdout is
    /// not an error, so that the work goes on.
    ///
    /// # Errors
    /// When writing to stdout fails for another reason.
    pub fn say(&self, line: impl Display) -> Result<()> {
        if self.json { Ok(()) } else { stdout::print(&format!("{line}\n")) }
    }

    /// Prints the reply and returns the exit code: 1 when the reply has
    /// [failed](Reply::failed), otherwise 0. A command replies once, at its end.
    ///
    /// # Errors
    /// When writing to stdout fails, or JSON cannot represent the data.
    pub fn reply<T: Serialize>(&self, reply: Reply<T>) -> Result<ExitCode> {
        reply.print(self.json)
    }
}
