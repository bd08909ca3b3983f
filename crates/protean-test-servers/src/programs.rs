//! Where the programs of a server are: a variable, `PATH`, or a distribution's folder.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// The programs of one server, which lie in one folder.
#[derive(Debug)]
pub struct Programs {
    /// What people call the server.
    pub server: &'static str,
    /// The variable that names the folder; no other one is looked at when it is set.
    pub variable: &'static str,
    files: &'static [&'static str],
    /// Where distributions put them; `*` stands for a version, and the newest comes first.
    folders: &'static [&'static str],
}

/// PostgreSQL, which most distributions keep out of `PATH`.
pub static POSTGRESQL: Programs = Programs {
    server: "PostgreSQL",
    variable: "PROTEAN_POSTGRES_BIN",
    files: &["initdb", "pg_ctl", "postgres", "psql"],
    folders: &[
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/usr/libexec/postgresql*",
        "/usr/lib/postgresql*/bin",
        "/usr/local/pgsql/bin",
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
        "/Applications/Postgres.app/Contents/Versions/*/bin",
        "/usr/bin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
        "/run/current-system/sw/bin",
        "~/.nix-profile/bin",
    ],
};

/// Redis.
pub static REDIS: Programs = Programs {
    server: "Redis",
    variable: "PROTEAN_REDIS_BIN",
    files: &["redis-server", "redis-cli"],
    folders: &[
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
        "/run/current-system/sw/bin",
        "~/.nix-profile/bin",
    ],
};

/// Says which programs were not found, and how they get there.
#[derive(Debug)]
pub struct Missing {
    programs: &'static Programs,
    /// The folder that the variable names.
    named: Option<PathBuf>,
}

impl Programs {
    /// The folder that holds the programs.
    ///
    /// # Errors
    /// When no folder holds all of them.
    pub fn folder(&'static self) -> Result<PathBuf, Missing> {
        let named = std::env::var_os(self.variable).map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = match &named {
            Some(folder) => self.complete(folder),
            None => std::env::split_paths(&path)
                .chain(self.folders.iter().flat_map(|pattern| expand(pattern)))
                .find_map(|folder| self.complete(&folder)),
        };
        found.ok_or(Missing { programs: self, named })
    }

    /// The folder behind links, when it holds every program.
    fn complete(&self, folder: &Path) -> Option<PathBuf> {
        let all = self.files.iter().all(|file| folder.join(file).is_file());
        let first = all.then(|| folder.join(self.files[0]))?;
        // A server looks for its other files beside its real place.
        let real = first.canonicalize().ok()?.parent()?.to_owned();
        let is_whole = self.files.iter().all(|file| real.join(file).is_file());
        Some(if is_whole { real } else { folder.to_owned() })
    }
}

impl Missing {
    /// Whether a variable names the folder that does not hold them.
    pub fn is_named(&self) -> bool {
        self.named.is_some()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Programs { server, variable, files, .. } = self.programs;
        let files = files.join(", ");
        match &self.named {
            Some(folder) => {
                let folder = folder.display();
                write!(f, "{variable} names {folder}, which does not hold all of {files}")
            }
            None => write!(
                f,
                "{server} is not installed: neither a folder of PATH nor any that distributions \
                 use holds {files}; set {variable} to the folder that does, or run `cargo xtask \
                 test`, which installs it"
            ),
        }
    }
}

impl std::error::Error for Missing {}

/// The folders that a pattern with at most one `*` stands for, the highest version first.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let pattern = match pattern.strip_prefix("~/") {
        Some(below) => match std::env::home_dir() {
            Some(home) => home.join(below).to_string_lossy().into_owned(),
            None => return Vec::new(),
        },
        None => pattern.to_owned(),
    };
    let Some((before, after)) = pattern.split_once('*') else { return vec![pattern.into()] };
    let (folder, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let versions = entries.filter_map(|entry| {
        let version = version(&entry.file_name(), prefix)?;
        Some((version, entry.path().join(after.trim_start_matches('/'))))
    });
    let mut versions: Vec<_> = versions.collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

/// The numbers after the prefix in a name such as `pgsql-9.6`.
fn version(name: &OsStr, prefix: &str) -> Option<Vec<u32>> {
    let version = name.to_str()?.strip_prefix(prefix)?;
    version.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Missing, POSTGRESQL, Programs, REDIS, expand};

    const TOOL: Programs = Programs {
        server: "Tool",
        variable: "PROTEAN_NO_SUCH_TOOL_BIN",
        files: &["tool-server", "tool-client"],
        folders: &[],
    };

    #[test]
    fn the_newest_version_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pgsql-9.6", "pgsql-17", "pgsql-16", "pgsql-old", "other-18"] {
            std::fs::create_dir_all(folder.path().join(name).join("bin")).unwrap();
        }
        let found = expand(&format!("{}/pgsql-*/bin", folder.path().display()));
        let expected = ["17", "16", "9.6"].map(|v| folder.path().join(format!("pgsql-{v}/bin")));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_folder_counts_when_it_holds_every_program() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tool-server"), "").unwrap();
        assert_eq!(TOOL.complete(folder.path()), None);
        std::fs::write(folder.path().join("tool-client"), "").unwrap();
        let real = folder.path().canonicalize().unwrap();
        assert_eq!(TOOL.complete(folder.path()), Some(real));
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        let unset = Missing { programs: &POSTGRESQL, named: None }.to_string();
        for part in ["PostgreSQL", "initdb", "PROTEAN_POSTGRES_BIN", "cargo xtask test"] {
            assert!(unset.contains(part), "{unset}");
        }
        let wrong = Missing { programs: &REDIS, named: Some("/nowhere".into()) }.to_string();
        assert!(wrong.starts_with("PROTEAN_REDIS_BIN names /nowhere,"), "{wrong}");
    }
}
