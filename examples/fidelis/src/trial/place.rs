//! The database and settings that a trial runs on.

use std::path::PathBuf;
use std::process::Command;

use protean::Domain;
use protean::config::DatabaseKind;
use protean_cli::{App, Error, Result};

use super::folder::Folder;

/// The variable that names the user's database.
const VARIABLE: &str = "DATABASE_URI";

/// A database and the settings to use it with, the same for every process.
#[derive(Clone)]
pub(crate) enum Place {
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
    pub(crate) fn of(app: &App, folder: &Folder) -> Result<Self> {
        let config = app.config_file().map(PathBuf::from);
        let named = std::env::var_os(VARIABLE).is_some_and(|named| !named.is_empty());
        if config.is_none() && !named {
            return Ok(Self::own(folder));
        }
        let domain = app.domain()?;
        if domain.config().database.provider == DatabaseKind::Memory {
            let message =
                "the server is a process of its own, which cannot see the memory database";
            let advice = "name a database that processes share, such as provider = \"sqlite\"";
            return Err(Error::usage(message).advice(advice));
        }
        Ok(Self::Given { config })
    }

    /// The same place with backfill paced by the latency of production, by a file of settings
    /// in the folder.
    ///
    /// # Errors
    /// When the user has named a file of settings, or the folder cannot be written.
    pub(crate) fn paced(self, target_ms: f64, folder: &Folder) -> Result<Self> {
        let settings = match self {
            Self::Own { database_uri } => fidelis::settings_on(&database_uri),
            Self::Given { config: None } => fidelis::SETTINGS.to_owned(),
            Self::Given { config: Some(_) } => {
                let message = "a target on the command line is not added to a file of settings";
                let advice = "write production_latency_target_ms into the file that --config names";
                return Err(Error::usage(message).advice(advice));
            }
        };
        let lanes = "[server.priority_lanes]\n";
        let paced = format!("{lanes}production_latency_target_ms = {target_ms}\n");
        let file = folder.file("domain.toml");
        std::fs::write(&file, settings.replacen(lanes, &paced, 1))?;
        Ok(Self::Given { config: Some(file) })
    }

    /// A database in the folder, whatever else is named.
    pub(crate) fn own(folder: &Folder) -> Self {
        Self::Own { database_uri: format!("sqlite:{}", folder.file("fidelis.db").display()) }
    }

    /// The bank in this place, with connections of its own.
    ///
    /// # Errors
    /// When the settings became invalid in the meantime.
    pub(crate) fn domain(&self) -> Result<Domain> {
        let builder = match self {
            Self::Own { database_uri } => fidelis::domain_on(database_uri),
            Self::Given { config: Some(file) } => fidelis::domain().config_file(file),
            Self::Given { config: None } => fidelis::domain(),
        };
        Ok(builder.build()?)
    }

    /// This same program as the server of the place.
    ///
    /// # Errors
    /// When the path of the program cannot be found.
    pub(crate) fn server(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("server");
        match self {
            Self::Own { database_uri } => command.env(VARIABLE, database_uri),
            Self::Given { config } => {
                command.args(config.iter().flat_map(|file| ["--config".as_ref(), file.as_os_str()]))
            }
        };
        Ok(command)
    }
}
