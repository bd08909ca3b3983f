//! The database and settings that a trial runs on.

use std::path::PathBuf;
use std::process::Command;

use protean::config::DatabaseKind;
use protean::{Domain, DomainBuilder};
use protean_cli::{App, Error, Result};

use crate::child::Child;
use crate::folder::Folder;

/// The variable that names the user's database.
const VARIABLE: &str = "DATABASE_URI";

/// A program whose server is put to the test.
#[derive(Clone, Copy)]
pub struct Program {
    /// Its `domain.toml`.
    pub settings: &'static str,
    /// The same with this database.
    pub settings_on: fn(&str) -> String,
    /// The domain with these settings.
    pub configured: fn(&str) -> DomainBuilder,
}

/// A database and the settings to use it with, the same for every process.
#[derive(Clone)]
pub struct Place {
    program: Program,
    named: Named,
}

#[derive(Clone)]
enum Named {
    /// What the user has named: a file of settings, or a database by the variable.
    Given { config: Option<PathBuf> },
    /// A database in the folder, gone with it.
    Own { database_uri: String },
}

impl Place {
    /// The place that the command line and the environment name, else the folder.
    ///
    /// # Errors
    /// When what is configured is wrong, or no server could see its database.
    pub fn of(program: Program, app: &App, folder: &Folder) -> Result<Self> {
        let config = app.config_file().map(PathBuf::from);
        let named = std::env::var_os(VARIABLE).is_some_and(|named| !named.is_empty());
        if config.is_none() && !named {
            let named = Named::Own { database_uri: folder.database_uri("trial.db") };
            return Ok(Self { program, named });
        }
        let domain = app.domain()?;
        if domain.config().database.provider == DatabaseKind::Memory {
            let message =
                "the server is a process of its own, which cannot see the memory database";
            let advice = "name a database that processes share, such as provider = \"sqlite\"";
            return Err(Error::usage(message).advice(advice));
        }
        Ok(Self { program, named: Named::Given { config } })
    }

    /// The same place with backfill paced by the latency of production, by a file of settings
    /// in the folder.
    ///
    /// # Errors
    /// When the user has named a file of settings, or the folder cannot be written.
    pub fn paced(self, target_ms: f64, folder: &Folder) -> Result<Self> {
        let settings = match self.named {
            Named::Own { database_uri } => (self.program.settings_on)(&database_uri),
            Named::Given { config: None } => self.program.settings.to_owned(),
            Named::Given { config: Some(_) } => {
                let message = "a target on the command line is not added to a file of settings";
                let advice = "write production_latency_target_ms into the file that --config names";
                return Err(Error::usage(message).advice(advice));
            }
        };
        let lanes = "[server.priority_lanes]\n";
        let paced = format!("{lanes}production_latency_target_ms = {target_ms}\n");
        let file = folder.file("domain.toml");
        std::fs::write(&file, settings.replacen(lanes, &paced, 1))?;
        Ok(Self { named: Named::Given { config: Some(file) }, ..self })
    }

    /// The domain in this place, with connections of its own.
    ///
    /// # Errors
    /// When the settings became invalid in the meantime.
    pub fn domain(&self) -> Result<Domain> {
        let Program { settings, settings_on, configured } = self.program;
        let builder = match &self.named {
            Named::Own { database_uri } => configured(&settings_on(database_uri)),
            Named::Given { config: Some(file) } => configured(settings).config_file(file),
            Named::Given { config: None } => configured(settings),
        };
        Ok(builder.build()?)
    }

    /// Starts this same program as the server of the place, in so many processes.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn serve(&self, workers: u64) -> Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["server", "--workers", &workers.to_string()]);
        match &self.named {
            Named::Own { database_uri } => command.env(VARIABLE, database_uri),
            Named::Given { config } => {
                command.args(config.iter().flat_map(|file| ["--config".as_ref(), file.as_os_str()]))
            }
        };
        Child::start_apart(command)
    }
}
