//! A Python, with Protean of its own language when it is asked for.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An interpreter, 3.11 or later.
#[derive(Debug)]
pub struct Python(PathBuf);

impl Python {
    /// Names an interpreter that has Protean for Python; no other one is looked at when set.
    pub const VARIABLE: &str = "PROTEAN_PYTHON";

    /// What `pip install` takes to make an environment that has Protean for Python: the release
    /// that ours shares its streams with, and what it needs to keep everything in PostgreSQL.
    /// The client of Message DB asks for a driver that has to be compiled; the one beside it
    /// is the same, compiled.
    pub const PACKAGES: &[&[&str]] = &[
        &["protean[redis,postgresql]==0.18.0", "psycopg2-binary==2.9.13"],
        &["--no-deps", "message-db-py==0.3.5"],
    ];

    /// What `pip install --target` takes beside it, so that its services are traced.
    pub const TELEMETRY: &[&str] =
        &["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"];

    /// The `python3` of this machine.
    ///
    /// # Errors
    /// When there is none that can make environments, in a sentence.
    pub fn plain() -> Result<Self, String> {
        let python = Self("python3".into());
        let check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
        let ran = python.command().args(["-c", check]).output();
        match ran {
            Ok(output) if output.status.success() => Ok(python),
            _ => Err("`python3`, 3.11 or later, with `venv` is not installed; \
                      `cargo xtask test` installs it"
                .to_owned()),
        }
    }

    /// One that has Protean for Python 0.18.
    ///
    /// # Errors
    /// When it has not been set up, in a sentence.
    pub fn with_protean() -> Result<Self, String> {
        let named = std::env::var_os(Self::VARIABLE).map(PathBuf::from);
        let python = Self(named.unwrap_or_else(|| Self::home().join("bin/python")));
        let check = "from importlib.util import find_spec as has; \
                     assert has('protean') and has('message_db')";
        let output = python.command().args(["-c", check]).output();
        match output {
            Ok(output) if output.status.success() => Ok(python),
            _ => Err(format!(
                "{} has no Protean for Python 0.18; `cargo xtask test` sets it up, and {} names \
                 another interpreter",
                python.0.display(),
                Self::VARIABLE,
            )),
        }
    }

    /// Where `cargo xtask test` makes the environment: in the folder of built files.
    pub fn home() -> PathBuf {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target.or_else(|| Some(workspace?.join("target"))).unwrap_or_default();
        target.join("protean-for-python-0.18.0")
    }

    /// Where `cargo xtask test` puts the packages for telemetry. They are apart, so that they cost
    /// nothing where they are not wanted.
    pub fn telemetry_home() -> PathBuf {
        Self::home().with_file_name("opentelemetry-for-python-1.45.2")
    }

    /// A command that runs the interpreter with the packages for telemetry.
    ///
    /// # Errors
    /// When they have not been set up, in a sentence.
    pub fn command_with_telemetry(&self) -> Result<Command, String> {
        let home = Self::telemetry_home();
        if !home.join("opentelemetry").is_dir() {
            let home = home.display();
            return Err(format!("{home} has no OpenTelemetry; `cargo xtask test` sets it up"));
        }
        let mut command = self.command();
        command.env("PYTHONPATH", home);
        Ok(command)
    }

    /// A command that runs the interpreter.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["-u", "-X", "utf8"]);
        command
    }
}
