//! A temporary folder that deletes itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder for one run, deleted at its end.
pub(crate) struct Folder(Option<tempfile::TempDir>);

impl Folder {
    /// # Errors
    /// When there is no room for temporary files.
    pub(crate) fn new() -> std::io::Result<Self> {
        tempfile::Builder::new().prefix("fidelis-").tempdir().map(|folder| Self(Some(folder)))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new(""), tempfile::TempDir::path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let Some(folder) = self.0.take() else { return };
        let path = folder.keep();
        // A database that is being closed may put a file back for a moment.
        for _ in 0..20 {
            if std::fs::remove_dir_all(&path).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        eprintln!("could not delete {}: please do", path.display());
    }
}
