//! Which files are looked at: every text of the workspace.

use std::path::Path;
use std::{fs, io};

use crate::code;

/// Hidden names that belong to the project all the same.
const HIDDEN_BUT_OURS: &[&str] = &[".cargo", ".ci", ".github", ".gitignore"];

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// Path below the workspace, with `/`.
    pub(crate) path: String,
    /// As it stands on disk.
    pub(crate) text: String,
    /// Rust text without comments and strings, line for line; empty for other files.
    pub(crate) code: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { code::strip(text) } else { String::new() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// The folder of the crate and the path below its `src`, for Rust files below one.
    pub(crate) fn source(&self) -> Option<(&str, &str)> {
        let (home, below) = self.path.split_once("/src/")?;
        self.path.ends_with(".rs").then_some((home, below))
    }

    /// Whether this is a file of tests rather than of the library.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }
}

/// Every text file below `root`, in order of path.
pub(crate) fn read(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if is_left_out(&name) || kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if let Some(text) = text_of(&entry.path())? {
            files.push(File::new(&path, &text));
        }
    }
    Ok(())
}

/// The content of a text file; nothing for a binary one, nor for one that has just gone.
fn text_of(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

fn is_left_out(name: &str) -> bool {
    name == "target" || (name.starts_with('.') && !HIDDEN_BUT_OURS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::{File, is_left_out};

    #[test]
    fn leaves_out_build_output_and_hidden_names_that_are_not_ours() {
        assert!(is_left_out("target"));
        assert!(is_left_out(".git"));
        assert!(!is_left_out(".ci"));
        assert!(!is_left_out("crates"));
    }

    #[test]
    fn splits_a_source_path_at_its_crate() {
        let file = File::new("crates/x/src/port/log.rs", "");
        assert_eq!(file.source(), Some(("crates/x", "port/log.rs")));
        assert_eq!(File::new("crates/x/src/sql/a.sql", "").source(), None);
        assert_eq!(File::new("crates/x/tests/a.rs", "").source(), None);
    }
}
