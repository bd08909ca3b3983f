//! A Python, with Protean of its own language when it is asked for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is installed from PyPI: the release that ours shares its streams with.
const ON_REDIS: &[&[&str]] = &[&["protean[redis]==0.18.0"]];
/// The same with PostgreSQL for rows and, through Message DB's client, for events. The client
/// asks for a driver that has to be compiled; the driver beside it is the same, compiled.
const ON_POSTGRES: &[&[&str]] = &[
    &["protean[redis,postgresql]==0.18.0", "psycopg2-binary==2.9.13"],
    &["--no-deps", "message-db-py==0.3.5"],
];

/// An interpreter, 3.11 or later.
pub struct Python(PathBuf);

impl Python {
    /// The `python3` of this machine.
    ///
    /// # Panics
    /// When there is none, or none that can make environments.
    pub fn plain() -> Self {
        let python = Self("python3".into());
        let check = "import sys, venv; sys.exit(sys.version_info < (3, 11))";
        let ran = python.command().args(["-c", check]).status();
        assert!(
            ran.is_ok_and(|status| status.success()),
            "this test needs `python3`, 3.11 or later, with `venv`: install it, \
             on Debian with `apt-get install python3-venv`"
        );
        python
    }

    /// One that has Protean for Python 0.18, in an environment that is made once in this
    /// folder (`CARGO_TARGET_TMPDIR` of the test). It needs the network then.
    ///
    /// # Panics
    /// When the environment cannot be made.
    pub fn with_protean(folder: &Path) -> Self {
        Self::with(folder, ON_REDIS)
    }

    /// The same, with what it needs to keep everything in PostgreSQL.
    ///
    /// # Panics
    /// When the environment cannot be made.
    pub fn with_protean_on_postgres(folder: &Path) -> Self {
        Self::with(folder, ON_POSTGRES)
    }

    /// One that has what these calls of pip install.
    fn with(folder: &Path, calls: &[&[&str]]) -> Self {
        let named = calls.concat().into_iter().filter(|word| !word.starts_with('-'));
        let name = named.collect::<Vec<_>>().join("+");
        let home = folder.join(format!("python-{name}"));
        let whole = home.join("whole");
        std::fs::create_dir_all(folder).unwrap_or_else(|error| cannot_write(folder, &error));
        // Test runs that begin together make it one after the other.
        let lock = folder.join(format!("python-{name}.lock"));
        let locked = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _held = locked.unwrap_or_else(|error| cannot_write(&lock, &error));
        let python = Self(home.join("bin/python"));
        if !whole.exists() {
            // One that was not completed.
            let _ = std::fs::remove_dir_all(&home);
            succeed(Self::plain().command().args(["-m", "venv"]).arg(&home));
            let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            for call in calls {
                succeed(python.command().args(install).args(*call));
            }
            File::create(&whole).unwrap_or_else(|error| cannot_write(&whole, &error));
        }
        python
    }

    /// The interpreter, to be told what to run.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["-u", "-X", "utf8"]);
        command
    }
}

fn cannot_write(place: &Path, error: &std::io::Error) -> ! {
    panic!("{} cannot be written: {error}", place.display())
}

#[track_caller]
fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "this test needs the network once, to install a package from PyPI: {command:?} said\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
