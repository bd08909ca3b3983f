//! `[databases.NAME]`: where aggregates, events and projections are kept.

use std::collections::BTreeMap;
use std::fmt;

use super::choice::Choice;
use super::quantity::{ANY, SOME};
use super::redact::{redact, shown};
use super::section::Section;

/// The kind of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseProvider {
    /// Stored by this process and gone with it.
    Memory,
    /// A file.
    Sqlite,
    /// A PostgreSQL server.
    Postgresql,
}

/// How much a commit of SQLite waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// Not at all: losing power may damage the file.
    Off,
    /// At checkpoints: losing power may lose the last commits.
    Normal,
    /// At every commit.
    Full,
    /// At every commit, its directory entry included.
    Extra,
}

/// A database, by its name in the file.
#[derive(Clone, PartialEq)]
pub struct Database {
    /// Its kind.
    pub provider: DatabaseProvider,
    /// Where it is; always there unless it is kept in memory. May hold a password.
    pub uri: Option<String>,
    /// Connections kept open.
    pub pool_size: u32,
    /// Connections opened on top when all are busy.
    pub max_overflow: u32,
    /// What a commit waits for; SQLite only.
    pub synchronous: Synchronous,
    /// The line that declares it; none for the database nobody declared.
    pub line: Option<usize>,
}

impl Database {
    pub(super) fn read_all(root: &mut Section<'_>) -> BTreeMap<String, Self> {
        let mut databases = root.named("databases", |_, section| Self::read(section));
        databases.entry("default".into()).or_insert_with(|| root.absent(Self::read));
        databases
    }

    fn read(section: &mut Section<'_>) -> Self {
        section.obsolete(&["pool_recycle", "schema"]);
        let uri = section.alias(&["database_uri", "database_url"]);
        let synchronous = section.choice("synchronous");
        let database = Self {
            provider: section.choice("provider").unwrap_or(DatabaseProvider::Memory),
            uri: section.text(uri),
            pool_size: section.whole("pool_size", SOME).unwrap_or(5),
            max_overflow: section.whole("max_overflow", ANY).unwrap_or(10),
            synchronous: synchronous.unwrap_or(Synchronous::Full),
            line: section.line(),
        };
        if synchronous.is_some() && database.provider != DatabaseProvider::Sqlite {
            section.warn("synchronous", "only SQLite knows it; ignored here");
        }
        database.check_uri(section, uri);
        database
    }

    fn check_uri(&self, section: &mut Section<'_>, key: &'static str) {
        let (scheme, example) = match self.provider {
            DatabaseProvider::Memory => return,
            DatabaseProvider::Sqlite => ("sqlite", "sqlite:///app.db"),
            DatabaseProvider::Postgresql => ("postgres", "postgresql://localhost:5432/app"),
        };
        let provider = self.provider;
        let Some(uri) = &self.uri else {
            let message =
                format!("missing; the provider '{provider}' needs one, such as '{example}'");
            return section.missing(key, message);
        };
        let found = uri.split_once("://").map(|(found, _)| found);
        if let Some(found) = found.filter(|found| !found.starts_with(scheme) && *found != "file") {
            let message = format!(
                "'{}://' does not go with the provider '{provider}'; expected one such as '{example}'",
                shown(found)
            );
            section.conflict(key, message);
        }
    }
}

impl Choice for DatabaseProvider {
    const ALL: &'static [(&'static str, Self)] =
        &[("memory", Self::Memory), ("sqlite", Self::Sqlite), ("postgresql", Self::Postgresql)];
}

impl Choice for Synchronous {
    const ALL: &'static [(&'static str, Self)] = &[
        ("off", Self::Off),
        ("normal", Self::Normal),
        ("full", Self::Full),
        ("extra", Self::Extra),
    ];
}

impl fmt::Display for DatabaseProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Synchronous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("provider", &self.provider)
            .field("uri", &self.uri.as_deref().map(redact))
            .field("pool_size", &self.pool_size)
            .field("max_overflow", &self.max_overflow)
            .field("synchronous", &self.synchronous)
            .field("line", &self.line)
            .finish()
    }
}
