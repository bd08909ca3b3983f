//! Which file is open: its name may come to stand for another one, or for none.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use protean_port::{Error, Result};

/// The file that a store has open.
#[derive(Clone, Debug)]
pub(crate) struct OpenedFile {
    path: PathBuf,
    /// Its device and its number there.
    identity: Option<(u64, u64)>,
}

impl OpenedFile {
    /// The file that has just been opened under this name.
    pub(crate) fn at(path: &Path) -> Self {
        let identity = path.metadata().ok().map(|found| (found.dev(), found.ino()));
        Self { path: path.to_owned(), identity }
    }

    /// Makes sure that its name still stands for it: what is written otherwise is in a file that
    /// nobody finds. A file system that cannot say so for the moment has not taken it away.
    ///
    /// # Errors
    /// When the file was removed, or another one has its name.
    pub(crate) fn check(&self) -> Result {
        let is_there = match self.path.metadata() {
            Ok(found) => self.identity.is_none_or(|known| known == (found.dev(), found.ino())),
            Err(error) => error.kind() != ErrorKind::NotFound,
        };
        match is_there {
            true => Ok(()),
            false => Err(Error::unavailable(format!(
                "the database '{}' was removed or replaced while this process has it open: put it \
                 back, or start the process again to use the file that is there now",
                self.path.display()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OpenedFile;

    #[test]
    fn a_file_that_is_removed_or_replaced_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::fs::write(&path, "one").unwrap();
        let opened = OpenedFile::at(&path);
        std::fs::write(&path, "more").unwrap();
        opened.check().unwrap();
        let moved = folder.path().join("moved.db");
        std::fs::rename(&path, &moved).unwrap();
        let error = opened.check().unwrap_err();
        assert!(
            error.is_unavailable() && error.to_string().contains("a.db' was removed"),
            "{error}"
        );
        std::fs::write(&path, "another").unwrap();
        assert!(opened.check().is_err());
        std::fs::rename(&moved, &path).unwrap();
        opened.check().unwrap();
    }
}
