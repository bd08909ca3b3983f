//! How a location in the configuration becomes an open file.

use std::path::PathBuf;
use std::sync::Arc;

use protean_core::port::{BoxFuture, Location, Provider, Store};
use protean_core::{Error, Result};

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
        path: path(uri)?,
        synchronous: synchronous(&location.synchronous)?,
        readers: location.pool_size.clamp(2, 4),
    })
}

fn path(uri: &str) -> Result<PathBuf, String> {
    if uri.is_empty() {
        return Err("sqlite needs a file: set database_uri = \"sqlite:data.db\"".into());
    }
    if uri.contains(":memory:") {
        let found = format!("database_uri '{uri}' names no file");
        return Err(format!("{found}; for a database in memory set provider = \"memory\""));
    }
    let path = match uri.strip_prefix("sqlite:") {
        Some(rest) => in_uri(rest, uri)?,
        None if uri.contains("://") || uri.starts_with("file:") => {
            return Err(format!("database_uri '{uri}' is not of the form sqlite:path/to/file.db"));
        }
        None => uri,
    };
    if path.is_empty() || path.ends_with('/') {
        return Err(format!("database_uri '{uri}' names no file; append one, such as data.db"));
    }
    if path.contains('\0') {
        return Err("database_uri holds a NUL character, which no path may".into());
    }
    Ok(PathBuf::from(path))
}

fn in_uri<'a>(rest: &'a str, uri: &str) -> Result<&'a str, String> {
    if rest.contains('?') {
        let found = format!("database_uri '{uri}' has parameters, which sqlite does not take");
        return Err(format!("{found}; remove everything from '?' on"));
    }
    Ok(rest.strip_prefix("//").unwrap_or(rest))
}

fn synchronous(name: &str) -> Result<&'static str, String> {
    match name.to_ascii_lowercase().as_str() {
        "" | "full" => Ok("FULL"),
        "off" => Ok("OFF"),
        "normal" => Ok("NORMAL"),
        "extra" => Ok("EXTRA"),
        _ => Err(format!("synchronous = \"{name}\" is none of off, normal, full, extra")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use protean_core::port::{Location, Provider};

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
    fn says_what_is_wrong_with_a_location() {
        for uri in ["", "sqlite:", "postgresql://host/db", "sqlite:bank.db?mode=ro", "sqlite:data/"]
        {
            assert!(Sqlite.fault(&at(uri)).is_some(), "{uri}");
        }
        let odd = Location { synchronous: "often".into(), ..at("bank.db") };
        assert!(Sqlite.fault(&odd).unwrap().contains("off, normal, full, extra"));
        assert!(Sqlite.fault(&at("bank.db")).is_none());
    }

    #[test]
    fn presses_commits_to_the_disk_unless_told_otherwise() {
        assert_eq!(settings(&at("bank.db")).unwrap().synchronous, "FULL");
    }
}
