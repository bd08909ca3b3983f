//! `[event_store]`: always the default database, so that one transaction covers all.

use super::database::{Database, DatabaseProvider};
use super::section::Section;

/// Checks that the section asks for nothing else than `default`.
pub(super) fn read(section: &mut Section<'_>, default: &Database) {
    section.obsolete(&["max_connections"]);
    let uri_key = section.alias(&["database_uri", "database_url"]);
    let uri = section.text(uri_key);
    let provider = section.choice::<DatabaseProvider>("provider");
    match provider {
        None | Some(DatabaseProvider::Memory) if default.provider == DatabaseProvider::Memory => {}
        Some(DatabaseProvider::Memory) => section.warn(
            "provider",
            format!(
                "'memory' is taken as the default database ({}), where events are kept; \
                 remove the key",
                default.provider
            ),
        ),
        Some(other) if other != default.provider => section.conflict(
            "provider",
            format!(
                "events are kept in the default database ({}); remove [event_store], \
                 or give [databases.default] the provider '{other}'",
                default.provider
            ),
        ),
        _ if uri.is_some() && uri != default.uri => section.conflict(
            uri_key,
            "events are kept in the default database; remove the key, \
             or give [databases.default] the same URI",
        ),
        _ => {}
    }
}
