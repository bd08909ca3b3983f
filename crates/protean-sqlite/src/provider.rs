//! How a location in the configuration becomes an open file.

use std::path::PathBuf;
use std::sync::Arc;

use protean_port::port::{BoxFuture, Location, Provider, Store};
use protean_port::{Error, Result};

use crate::connection::Settings;
use crate::store::SqliteStore;

/// Opens SQLite files: `sqlite:relative/path.db`, `sqlite:///absolute/path.db`
/// or a plain path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sqlite;

impl Provider for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn fault(&self, location: &Location) -> Option<String> {
        settings(location).err()
    }

    fn absence<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move { settings(location).map_err(Error::misused)?.absence() })
    }

    fn open<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        Box::pin(async move {
            let settings = settings(location).map_err(Error::misused)?;
            Ok(Arc::new(SqliteStore::open(settings)?) as Arc<dyn Store>)
        })
    }
}

fn settings(location: &Location) -> Result<Settings, String> {
    let uri = location.uri.as_deref().unwrap_or("");
    Ok(Settings {
        path: resolved(path(uri)?),
        synchronous: synchronous(&location.synchronous)?,
        readers: location.pool_size.max(2),
    })
}

/// The path of the file itself, when it is reached through a symbolic link: SQLite keeps its own
/// files beside that one, and so do we, so that a claim is one claim for everybody.
fn resolved(path: PathBuf) -> PathBuf {
    let Ok(target) = path.read_link() else { return path };
    // The file need not exist yet.
    path.canonicalize().unwrap_or_else(|_| match path.parent() {
        Some(folder) => folder.join(target),
        None => target,
    })
}

/// The path in a location. A fault never quotes the location: it may hold a password.
fn path(uri: &str) -> Result<PathBuf, String> {
    if uri.is_empty() {
        return Err("sqlite needs a file; set database_uri = \"sqlite:data.db\"".into());
    }
    if uri.contains(":memory:") {
        return Err(
            "database_uri does not name a file; for a database in memory set provider = \"memory\""
                .into(),
        );
    }
    let path = match uri.strip_prefix("sqlite:") {
        Some(rest) => in_uri(rest)?,
        None if uri.contains("://") || uri.starts_with("file:") => {
            return Err("database_uri is not of the form sqlite:path/to/file.db".into());
        }
        None => uri,
    };
    if path.is_empty() || path.ends_with('/') {
        return Err("database_uri does not name a file; append one, such as data.db".into());
    }
    if has_password(path) {
        return Err("database_uri contains a password, but a file has none; \
                    write sqlite:path/to/file.db"
            .into());
    }
    if path.contains('\0') {
        return Err("database_uri contains a NUL character; remove it".into());
    }
    Ok(PathBuf::from(path))
}

fn in_uri(rest: &str) -> Result<&str, String> {
    if rest.contains('?') {
        return Err("database_uri has parameters, but sqlite takes none; \
                    remove everything from '?' on"
            .into());
    }
    Ok(rest.strip_prefix("//").unwrap_or(rest))
}

/// True for a location meant for a server, such as `bob:password@host/db`. It must be
/// refused, because every message about a file names its path.
fn has_password(path: &str) -> bool {
    let user = path.split_once(':').is_some_and(|(_, rest)| rest.contains('@'));
    let lower = path.to_ascii_lowercase();
    let keys = ["password=", "passwd=", "pwd=", "secret=", "token="];
    (user && !path.starts_with('/')) || keys.iter().any(|key| lower.contains(key))
}

fn synchronous(name: &str) -> Result<&'static str, String> {
    match name.to_ascii_lowercase().as_str() {
        "" | "full" => Ok("FULL"),
        "off" => Ok("OFF"),
        "normal" => Ok("NORMAL"),
        "extra" => Ok("EXTRA"),
        _ => Err(format!("synchronous = \"{name}\" is unknown; use off, normal, full or extra")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use protean_port::port::{Location, Provider};

    use super::{Sqlite, path, settings};

    fn at(uri: &str) -> Location {
        Location { uri: Some(uri.into()), ..Location::default() }
    }

    #[test]
    fn reads_every_form_of_a_path() {
        for (uri, expected) in [
            ("sqlite:data/bank.db", "data/bank.db"),
            ("sqlite:///var/bank.db", "/var/bank.db"),
            ("sqlite://bank.db", "bank.db"),
            ("sqlite:/var/bank.db", "/var/bank.db"),
            ("bank.db", "bank.db"),
        ] {
            assert_eq!(path(uri).unwrap(), Path::new(expected), "{uri}");
        }
    }

    #[test]
    fn points_to_the_memory_provider() {
        for uri in [":memory:", "sqlite::memory:", "sqlite:///:memory:"] {
            assert!(Sqlite.fault(&at(uri)).unwrap().contains("provider = \"memory\""));
        }
    }

    #[test]
    fn explains_what_is_wrong_with_a_location() {
        for uri in ["", "sqlite:", "postgresql://host/db", "sqlite:bank.db?mode=ro", "sqlite:data/"]
        {
            assert!(Sqlite.fault(&at(uri)).is_some(), "{uri}");
        }
        let odd = Location { synchronous: "often".into(), ..at("bank.db") };
        assert!(Sqlite.fault(&odd).unwrap().contains("off, normal, full or extra"));
        assert!(Sqlite.fault(&at("bank.db")).is_none());
    }

    #[test]
    fn has_as_many_readers_as_pool_size_says_and_at_least_two() {
        for (pool_size, readers) in [(1, 2), (2, 2), (20, 20)] {
            let location = Location { pool_size, ..at("bank.db") };
            assert_eq!(settings(&location).unwrap().readers, readers);
        }
    }

    #[test]
    fn faults_never_reveal_the_password() {
        for uri in [
            "postgresql://bob:canary@host/db",
            "sqlite:///bank.db?password=canary",
            "sqlite://bob:canary@host/bank.db",
            "sqlite://bob:can/canary@host/bank.db",
            "bob:canary@host",
            "sqlite:host=h password=canary",
            "sqlite:bank.db;Pwd=canary",
            "sqlite://bob:canary@host/",
            "sqlite::memory:?token=canary",
            "file:bank.db?Password=canary",
        ] {
            let fault = Sqlite.fault(&at(uri)).unwrap_or_else(|| panic!("{uri} is taken"));
            assert!(!fault.contains("canary"), "{fault}");
        }
        for uri in ["sqlite:///var/a:b@c.db", "sqlite:bob@host.db", "sqlite:a:b.db"] {
            assert_eq!(Sqlite.fault(&at(uri)), None, "{uri}");
        }
    }

    #[test]
    fn syncs_commits_to_disk_by_default() {
        assert_eq!(settings(&at("bank.db")).unwrap().synchronous, "FULL");
    }
}
