//! A temporary folder that deletes itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a folder is tried to be deleted, and the pause between two tries.
const TRIES: (u32, Duration) = (20, Duration::from_millis(50));

/// A temporary folder, deleted with all that is in it when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A folder whose name begins like this.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn new(prefix: &str) -> std::io::Result<Self> {
        tempfile::Builder::new().prefix(prefix).tempdir().map(|made| Self(made.keep()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The address of an SQLite database in it.
    pub fn database_uri(&self, name: &str) -> String {
        format!("sqlite:{}", self.file(name).display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A database that is being closed may put a file back for a moment.
        for _ in 0..TRIES.0 {
            if std::fs::remove_dir_all(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(TRIES.1);
        }
        eprintln!("could not delete {}: please do", self.0.display());
    }
}
