//! Looking for the file.

use std::path::{Path, PathBuf};

/// The names a configuration file may have, the preferred one first.
const NAMES: [&str; 2] = [".domain.toml", "domain.toml"];

/// The given folder and two above it.
const FOLDERS: usize = 3;

/// The nearest configuration file.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let files = folder.ancestors().take(FOLDERS).flat_map(|at| NAMES.map(|name| at.join(name)));
    files.into_iter().find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::find;

    #[test]
    fn takes_the_nearest_file_and_the_hidden_one_first() {
        let root = std::env::temp_dir().join(format!("domain-toml-{}", std::process::id()));
        let deep = root.join("a/b/c");
        fs::create_dir_all(&deep).expect("a folder");
        let root = root.canonicalize().expect("the folder");
        fs::write(root.join("domain.toml"), "").expect("a file");
        assert_eq!(find(&root.join("a/b")), Some(root.join("domain.toml")));
        assert_ne!(find(&deep), Some(root.join("domain.toml")), "three folders up is too far");
        fs::write(root.join("a/domain.toml"), "").expect("a file");
        assert_eq!(find(&deep), Some(root.join("a/domain.toml")));
        fs::write(root.join("a/.domain.toml"), "").expect("a file");
        assert_eq!(find(&deep), Some(root.join("a/.domain.toml")));
        assert_eq!(find(&root.join("nowhere")), None);
        fs::remove_dir_all(root).expect("removed");
    }
}
