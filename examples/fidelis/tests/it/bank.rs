//! A bank of one's own: a folder, a database, and the program to work on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use fidelis::account::OpenAccount;
use protean::Submission;
use protean::{Decimal, Domain, Priority};
use protean_test_servers::copy_program;
use serde_json::Value;

/// How long anything may take on a busy machine.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(180);

pub(crate) struct Bank {
    folder: tempfile::TempDir,
}

/// A server that is killed when the test ends.
pub(crate) struct Server(pub(crate) Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Bank {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With its database, in which there is nothing yet.
    pub(crate) fn ready() -> Self {
        let bank = Self::new();
        assert_eq!(bank.ask(&["db", "setup"])["status"], "pass");
        bank
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("bank.db")
    }

    pub(crate) fn uri(&self) -> String {
        format!("sqlite:{}", self.database().display())
    }

    pub(crate) fn domain(&self) -> Domain {
        fidelis::domain_on(&self.uri()).build().unwrap()
    }

    pub(crate) fn program(&self) -> Command {
        self.prepared(Path::new(env!("CARGO_BIN_EXE_fidelis")))
    }

    /// A copy of the program in the bank's folder, which a test may replace.
    pub(crate) fn copy_of_program(&self) -> PathBuf {
        let copy = self.folder.path().join("fidelis");
        copy_program(env!("CARGO_BIN_EXE_fidelis"), &copy);
        copy
    }

    fn prepared(&self, program: &Path) -> Command {
        let mut program = Command::new(program);
        program.env("DATABASE_URI", self.uri()).stdin(Stdio::null());
        for name in ["PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
            program.env_remove(name);
        }
        program
    }

    /// A command that must succeed, with `--json`.
    pub(crate) fn ask(&self, words: &[&str]) -> Value {
        let output = self.program().args(words).arg("--json").output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", transcript(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// A server with these options, whose log begins anew.
    pub(crate) fn serve_with(&self, options: &[&str]) -> Server {
        self.serve_by(Path::new(env!("CARGO_BIN_EXE_fidelis")), options)
    }

    /// The same, by this program.
    pub(crate) fn serve_by(&self, program: &Path, options: &[&str]) -> Server {
        let log = std::fs::File::create(self.log()).unwrap();
        let mut program = self.prepared(program);
        program.arg("server").args(options).stdout(Stdio::null()).stderr(log);
        Server(program.spawn().unwrap())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// Waits until the server has logged this, and gives the whole log.
    pub(crate) fn await_logged(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            if log.contains(text) {
                return log;
            }
            assert!(began.elapsed() < WAIT_LIMIT, "no '{text}' in\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Writes settings of one's own into the bank's folder.
    pub(crate) fn settings(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("own.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Waits until the bank counts so many accounts and summaries.
    pub(crate) fn await_accounts(&self, accounts: u64) -> Value {
        let began = Instant::now();
        loop {
            let stats = self.ask(&["stats"]);
            if stats["accounts"] == accounts && stats["summaries"] == accounts {
                return stats;
            }
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            assert!(began.elapsed() < WAIT_LIMIT, "{stats}\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends accounts in at a priority; each number is sent once.
    pub(crate) async fn send(&self, accounts: std::ops::Range<u64>, priority: Priority) -> u64 {
        let commands: Vec<_> = accounts.map(account).collect();
        let sent = self.domain().process_all(commands).priority(priority).await.unwrap();
        sent.accepted
    }
}

pub(crate) fn account(number: u64) -> Submission<OpenAccount> {
    let account_number = format!("T-{number:06}");
    let (holder_name, opening_deposit) = ("Ada Lovelace".to_owned(), Decimal::new(1001, 2));
    let command =
        OpenAccount { account_number: account_number.clone(), holder_name, opening_deposit };
    Submission::new(command).idempotency_key(account_number)
}

pub(crate) fn transcript(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}
