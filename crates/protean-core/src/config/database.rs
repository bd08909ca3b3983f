//! `[databases.default]`: the database that keeps aggregates, events and projections.

use std::fmt;
use std::ops::RangeInclusive;

use super::form::choices;
use super::redact::{redact, shown};
use super::section::{Fixed, Section};

/// Each connection that reads a SQLite file has a thread of its own.
const POOL_SIZE: RangeInclusive<i64> = 1..=1000;

/// The kind of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseKind {
    /// Kept by this process, and lost when it ends.
    Memory,
    /// A file.
    Sqlite,
    /// A PostgreSQL server.
    Postgresql,
}

/// What a commit of SQLite waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// Nothing: a power failure may damage the file.
    Off,
    /// The disk, at checkpoints only: a power failure may lose the last commits.
    Normal,
    /// The disk, at every commit.
    Full,
    /// The disk, at every commit, its directory entry included.
    Extra,
}

/// The database of a domain.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// Its kind.
    pub provider: DatabaseKind,
    /// Its address; always set unless the database is kept in memory. May hold a password.
    pub uri: Option<String>,
    /// The number of connections that read, at least two.
    pub pool_size: u32,
    /// What a commit waits for; SQLite only.
    pub synchronous: Synchronous,
    /// The line that declares it; none when the file does not.
    pub line: Option<usize>,
}

impl DatabaseConfig {
    pub(super) fn read_default(root: &mut Section<'_>) -> Self {
        root.section("databases", |databases| {
            databases.others(
                "is not used, because one database, [databases.default], keeps everything; \
                 remove this table",
            );
            databases.section("default", Self::read)
        })
    }

    fn read(section: &mut Section<'_>) -> Self {
        section.ignored_unless(
            "max_overflow",
            Fixed::Number(0.0),
            "no connection is opened beyond pool_size; set pool_size instead",
        );
        section.ignored(
            "pool_recycle",
            "a connection is replaced when it breaks, whatever its age; remove the key",
        );
        section.ignored(
            "schema",
            "tables are in the schema that the database user sees first; set the search_path \
             of that user instead",
        );
        let uri = section.alias(&["database_uri", "database_url"]);
        let synchronous = section.choice("synchronous");
        let pool_size = section.whole("pool_size", POOL_SIZE);
        let provider = section.choice("provider").unwrap_or(DatabaseKind::Memory);
        let default_pool_size = if provider == DatabaseKind::Sqlite { 4 } else { 5 };
        let database = Self {
            provider,
            uri: section.text(uri),
            pool_size: pool_size.unwrap_or(default_pool_size),
            synchronous: synchronous.unwrap_or(Synchronous::Full),
            line: section.line(),
        };
        if synchronous.is_some() && database.provider != DatabaseKind::Sqlite {
            section.warn(
                "synchronous",
                "has no meaning here, because only SQLite has it; remove the key",
            );
        }
        if pool_size.is_some() && database.provider == DatabaseKind::Memory {
            let message = "has no meaning here, because a database in memory has no connections; \
                           remove the key";
            section.warn("pool_size", message);
        }
        database.check_uri(section, uri);
        database
    }

    fn check_uri(&self, section: &mut Section<'_>, key: &'static str) {
        let (scheme, example) = match self.provider {
            DatabaseKind::Memory => return,
            DatabaseKind::Sqlite => ("sqlite", "sqlite:///app.db"),
            DatabaseKind::Postgresql => ("postgres", "postgresql://localhost:5432/app"),
        };
        let provider = self.provider;
        let Some(uri) = &self.uri else {
            let message =
                format!("missing; the provider '{provider}' needs a URI, such as '{example}'");
            return section.missing(key, message);
        };
        section.one_line(key, uri);
        let found = uri.split_once("://").map(|(found, _)| found);
        if let Some(found) = found.filter(|found| !found.starts_with(scheme) && *found != "file") {
            let message = format!(
                "'{}://' does not match the provider '{provider}'; use a URI such as '{example}'",
                shown(found)
            );
            section.conflict(key, message);
        }
    }

    /// Checks that `[event_store]` asks for nothing but this database: one transaction covers
    /// the events and everything else.
    pub(super) fn check_event_store(&self, section: &mut Section<'_>) {
        section.ignored(
            "max_connections",
            "events are kept in the default database; see pool_size of [databases.default]",
        );
        let uri_key = section.alias(&["database_uri", "database_url"]);
        let uri = section.text(uri_key);
        let (wanted, provider) = (section.choice::<DatabaseKind>("provider"), self.provider);
        match wanted {
            None | Some(DatabaseKind::Memory) if provider == DatabaseKind::Memory => {}
            Some(DatabaseKind::Memory) => section.warn(
                "provider",
                format!(
                    "has no meaning here, because events are kept in the default database \
                     ({provider}); remove the key"
                ),
            ),
            Some(other) if other != provider => section.conflict(
                "provider",
                format!(
                    "events are kept in the default database ({provider}); remove [event_store], \
                     or give [databases.default] the provider '{other}'"
                ),
            ),
            _ if uri.is_some() && uri != self.uri => section.conflict(
                uri_key,
                "events are kept in the default database; remove the key, \
                 or give [databases.default] the same URI",
            ),
            _ => {}
        }
    }
}

choices!(DatabaseKind: "memory" is Memory, "sqlite" is Sqlite, "postgresql" is Postgresql);

choices!(Synchronous: "off" is Off, "normal" is Normal, "full" is Full, "extra" is Extra);

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("provider", &self.provider)
            .field("uri", &self.uri.as_deref().map(redact))
            .field("pool_size", &self.pool_size)
            .field("synchronous", &self.synchronous)
            .field("line", &self.line)
            .finish()
    }
}
