//! The audit office: `audit.py` and what it has written down.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use protean_test_servers::Python;
use serde_json::Value;

use crate::bank::{Server, transcript};
use crate::branch::{Branch, await_that};

/// The name of its group.
pub(crate) const AUDITOR: &str = "audit.Auditor";

pub(crate) struct Office {
    python: Python,
    redis: String,
    folder: tempfile::TempDir,
}

impl Office {
    pub(crate) fn beside(branch: &Branch) -> Self {
        let python = Python::with_protean().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("audit.py"), include_str!("audit.py")).unwrap();
        Self { python, redis: branch.redis.uri(), folder }
    }

    pub(crate) fn python(&self) -> Command {
        let mut python = self.python.command();
        python.current_dir(self.folder.path()).stdin(Stdio::null());
        python.env("REDIS_URI", &self.redis).env("AUDITED", self.notes());
        // Tables are as wide as the terminal.
        python.env("COLUMNS", "400").env("NO_COLOR", "1");
        python
    }

    /// `protean …` with the office's domain; it must succeed.
    pub(crate) fn protean(&self, words: &[&str]) -> String {
        let mut program = self.python();
        program.args(["-m", "protean"]).args(words).args(["--domain", "audit.py"]);
        let output = program.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", transcript(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// `protean server`, once its groups are on these streams.
    pub(crate) fn serve(&self, branch: &Branch, streams: &[&str]) -> Server {
        let mut program = self.python();
        let log = File::create(self.log()).unwrap();
        program.args(["-m", "protean", "server", "--domain", "audit.py"]);
        program.stdout(log.try_clone().unwrap()).stderr(log);
        let server = Server(program.spawn().unwrap());
        for stream in streams {
            await_that(|| branch.group(stream, AUDITOR).is_some(), || self.logged());
        }
        server
    }

    /// Waits until so much has been written down, and gives it.
    pub(crate) fn await_notes(&self, count: usize) -> Vec<Value> {
        let text = || std::fs::read_to_string(self.notes()).unwrap_or_default();
        await_that(
            || text().lines().count() >= count,
            || format!("{} of {count}\n{}", text().lines().count(), self.logged()),
        );
        text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn notes(&self) -> PathBuf {
        self.folder.path().join("audited")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}
