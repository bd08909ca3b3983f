//! A temporary database and the settings to use it with.

use std::path::PathBuf;
use std::time::Duration;

use protean::Domain;
use protean_cli::Result;
use rusqlite::Connection;
use workbench::child::Child;

use crate::bank;
use crate::home::Home;
use crate::stack::Stack;

/// The snapshot threshold that turns snapshots off.
pub(crate) const NO_SNAPSHOTS: u32 = u32::MAX;

/// Settings that differ from a domain's defaults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// SQLite's `synchronous`: `full` or `normal`.
    pub(crate) synchronous: &'static str,
    pub(crate) messages_per_tick: usize,
    pub(crate) snapshot_threshold: u32,
    /// How long a handler takes for each command.
    pub(crate) pause: Duration,
    /// Processes of the server.
    pub(crate) workers: u16,
    /// Whether bulk work has a lane of its own.
    pub(crate) lanes: bool,
    /// What backfill is paced by; without it backfill goes at full speed.
    pub(crate) production_target_ms: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            synchronous: "full",
            messages_per_tick: 100,
            snapshot_threshold: 10,
            pause: Duration::ZERO,
            workers: 1,
            lanes: true,
            production_target_ms: None,
        }
    }
}

/// A database and its settings, in a folder or on servers.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    settings: Settings,
    home: Option<Home>,
}

impl Place {
    /// Creates a place.
    ///
    /// # Errors
    /// When temporary files cannot be created.
    pub(crate) fn new(stack: &Stack, settings: Settings) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("protean-bench-").tempdir()?;
        let home = match stack {
            Stack::File => None,
            Stack::Servers(servers) => Some(servers.home()),
        };
        let place = Self { folder, settings, home };
        std::fs::write(place.config(), place.toml())?;
        Ok(place)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The SQLite file of a place without servers.
    pub(crate) fn database(&self) -> PathBuf {
        self.file("bank.db")
    }

    /// Its home on the servers, if it uses them.
    pub(crate) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// The domain on this place, with its own connections.
    ///
    /// # Errors
    /// When the settings are invalid.
    pub(crate) fn domain(&self) -> Result<Domain> {
        Ok(bank::domain(self.settings.pause).config_file(self.config()).build()?)
    }

    /// Creates the tables.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(crate) async fn prepare(&self) -> Result<()> {
        self.domain()?.store().await?;
        Ok(())
    }

    /// Starts the server as a child process and waits until all its workers are ready.
    ///
    /// # Errors
    /// When the server does not start.
    pub(crate) async fn server(&self) -> Result<Child> {
        let workers = self.settings.workers;
        let mut server = self.child(&["server", "--workers", &workers.to_string()])?;
        for _ in 0..workers {
            server.line(": server ready ").await?;
        }
        Ok(server)
    }

    /// Starts this program with these arguments and the settings of this place.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(crate) fn child(&self, args: &[&str]) -> Result<Child> {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.args(args).arg("--config").arg(self.config());
        command.env(bank::PAUSE_VARIABLE, self.settings.pause.as_millis().to_string());
        command.env_remove("PROTEAN_LOG").env_remove("RUST_LOG").env_remove("PROTEAN_ENV");
        Child::start(command)
    }

    /// The size of the database in bytes. Close all its users first: an open SQLite
    /// connection keeps part of the data in the `-wal` file.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn bytes(&self) -> Result<u64> {
        if let Some(home) = &self.home {
            return Ok(home.database.run("SELECT pg_database_size(current_database())").parse()?);
        }
        let connection = Connection::open(self.database())?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(std::fs::metadata(self.database())?.len())
    }

    fn config(&self) -> PathBuf {
        self.file("domain.toml")
    }

    fn toml(&self) -> String {
        let Settings { messages_per_tick, snapshot_threshold, lanes, .. } = self.settings;
        let stores = self.stores();
        let target = self.settings.production_target_ms;
        let target = target.map(|target| format!("production_latency_target_ms = {target}\n"));
        let target = target.unwrap_or_default();
        format!(
            "command_processing = \"async\"\n\
             event_processing = \"async\"\n\
             snapshot_threshold = {snapshot_threshold}\n\
             {stores}\
             [server]\n\
             messages_per_tick = {messages_per_tick}\n\
             [server.priority_lanes]\n\
             enabled = {lanes}\n\
             {target}\
             [server.health]\n\
             port_auto_increment = true\n"
        )
    }

    /// The settings of the database and the broker.
    fn stores(&self) -> String {
        match &self.home {
            None => format!(
                "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = {}\n\
                 synchronous = \"{}\"\n",
                quoted(&format!("sqlite:{}", self.database().display())),
                self.settings.synchronous
            ),
            Some(Home { database, redis }) => format!(
                "[databases.default]\nprovider = \"postgresql\"\ndatabase_uri = {}\n\
                 [brokers.default]\nprovider = \"redis\"\nURI = {}\n",
                quoted(&database.uri()),
                quoted(redis)
            ),
        }
    }
}

fn quoted(text: &str) -> String {
    // JSON and TOML quote text alike.
    serde_json::Value::from(text).to_string()
}
