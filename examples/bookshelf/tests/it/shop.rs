//! A folder with a bookshelf in it, and the program run there.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own, gone when the test ends.
pub(crate) struct Shop {
    folder: TempDir,
}

/// What the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A server that runs until the test ends.
pub(crate) struct Server(Child);

impl Shop {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The names of all files in the folder.
    pub(crate) fn file_names(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The program, to be run in the folder.
    pub(crate) fn program(&self, words: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_bookshelf"));
        program
            .args(words)
            .current_dir(self.folder.path())
            .env("DATABASE_URI", "sqlite:shelf.db")
            .stdin(Stdio::null());
        for name in ["PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
            program.env_remove(name);
        }
        program
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        let Output { status, stdout, stderr } = self.program(words).output().unwrap();
        let [out, err] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(!err.contains("panicked"), "{words:?}: {err}");
        Said { code: status.code().unwrap(), out, err }
    }

    /// What a command that goes well answers with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let said = self.run(&[words, &["--json"]].concat());
        assert_eq!(said.code, 0, "{words:?}: {}", said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    /// Starts a server and leaves it running.
    pub(crate) fn server(&self) -> Server {
        let mut program = self.program(&["server"]);
        Server(program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for something another process does.
#[track_caller]
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(15), "it did not come to hold");
        std::thread::sleep(Duration::from_millis(50));
    }
}
