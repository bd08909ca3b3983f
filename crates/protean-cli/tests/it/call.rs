//! One call of `protean` and its output.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The folder to call `protean` from, and a folder for files.
pub(crate) struct Place {
    folder: TempDir,
    at: PathBuf,
}

/// The output of a call.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    /// A folder outside any workspace.
    pub(crate) fn nowhere() -> Self {
        let folder = TempDir::new().unwrap();
        Self { at: folder.path().to_owned(), folder }
    }

    /// A folder of the workspace.
    pub(crate) fn workspace(folder: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self { at: root.join(folder), ..Self::nowhere() }
    }

    /// A package `attic` in its own folder, with these source files.
    pub(crate) fn package(files: &[(&str, &str)]) -> Self {
        let place = Self::nowhere();
        let manifest = "[package]\nname = \"attic\"\nedition = \"2024\"\n[workspace]\n";
        for (name, text) in [("Cargo.toml", manifest)].iter().chain(files) {
            let path = place.at.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        place
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `protean` with its own database and a clean environment.
    pub(crate) fn protean(&self, words: &[&str]) -> Command {
        self.program(Path::new(env!("CARGO_BIN_EXE_protean")), words)
    }

    pub(crate) fn program(&self, program: &Path, words: &[&str]) -> Command {
        let uri = format!("sqlite:{}", self.folder.path().join("bank.db").display());
        let mut program = Command::new(program);
        program.args(words).current_dir(&self.at).env("DATABASE_URI", uri).stdin(Stdio::null());
        for name in ["PROTEAN_DOMAIN", "PROTEAN_ENV", "PROTEAN_LOG", "RUST_LOG"] {
            program.env_remove(name);
        }
        program
    }

    pub(crate) fn call(&self, words: &[&str]) -> Said {
        Said::of(&mut self.protean(words))
    }
}

impl Said {
    pub(crate) fn of(program: &mut Command) -> Self {
        let Output { status, stdout, stderr } = program.output().unwrap();
        let [out, err] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
        Self { code: status.code(), out, err }
    }
}

/// The bank's program, built once by `protean` itself.
pub(crate) fn fidelis() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let said = Place::workspace("").call(&["--domain=fidelis", "--version"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        Path::new(env!("CARGO_BIN_EXE_protean")).with_file_name("fidelis")
    })
}

/// Waits until another process has made a condition true.
#[track_caller]
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "the condition did not become true in time"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
