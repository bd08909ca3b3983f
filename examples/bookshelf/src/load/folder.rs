//! A temporary folder that deletes itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a folder is tried to be deleted, and the pause between two tries.
const TRIES: (u32, Duration) = (20, Duration::from_millis(50));

/// A temporary folder, deleted with all that is in it when it is dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// # Errors
    /// When there is no room for temporary files.
    pub(super) fn new() -> std::io::Result<Self> {
        tempfile::Builder::new().prefix("bookshelf-").tempdir().map(|made| Self(made.keep()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
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
