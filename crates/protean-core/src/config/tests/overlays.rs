//! Sections of environments.

use super::{NAME, accepted, lines, no_variable, overlaid, parsed, refused};
use crate::config::{Config, DatabaseKind, Processing};

#[test]
fn lanes_switched_on_in_the_base_stay_on_under_an_overlay() {
    let text = "[server]\npriority_lanes = true\n[production.server.priority_lanes]\nthreshold = 5";
    let lanes = overlaid(text, Some("production")).server.priority_lanes;
    assert_eq!((lanes.enabled, lanes.threshold), (true, 5));
}

#[test]
fn an_overlay_replaces_key_by_key_in_its_environment_only() {
    let text = "event_processing = 'sync'\n\
        [databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'sqlite:///a.db'\npool_size = 7\n\
        [production]\nevent_processing = 'async'\n\
        [production.databases.default]\nprovider = 'postgresql'\ndatabase_url = 'postgresql://db/a'\n\
        [test.databases.default]\nprovider = 'memory'\n";
    let base = accepted(text);
    assert_eq!(base.event_processing, Processing::Sync);
    assert_eq!(base.database.provider, DatabaseKind::Sqlite);
    let production = overlaid(text, Some("production"));
    let database = &production.database;
    assert_eq!(production.event_processing, Processing::Async);
    assert_eq!(database.provider, DatabaseKind::Postgresql);
    assert_eq!((database.uri.as_deref(), database.pool_size), (Some("postgresql://db/a"), 7));
    let test = overlaid(text, Some("test"));
    assert_eq!(test.database.provider, DatabaseKind::Memory);
    assert_eq!(overlaid(text, Some("")), base);
}

#[test]
fn names_the_place_in_the_overlay_that_is_at_fault() {
    let text = "[server]\nconcurrency = 8\n[production.server]\nreserved = 8";
    let faults =
        Config::parse(NAME, text, Some("production"), &no_variable).expect_err("must be refused");
    assert_eq!(
        lines(&faults),
        "domain.toml:4: production.server.reserved: must be below concurrency, which is 8; lower it"
    );
    assert!(parsed(text).is_ok(), "only the whole can tell");
}

#[test]
fn an_overlay_may_say_true_to_a_variable_that_is_unset_elsewhere() {
    let text = "[databases.default]\nprovider = 'postgresql'\ndatabase_uri = '${PG}'\n\
        [memory.databases.default]\nprovider = 'memory'\ndatabase_uri = 'none'\n\
        [live.server]\nconcurrency = '${SLOTS}'";
    assert!(Config::parse(NAME, text, Some("memory"), &no_variable).is_ok());
    assert_eq!(refused(text).len(), 1);
}

#[test]
fn an_environment_may_be_called_like_an_obsolete_value() {
    let text = "[testing.server]\nconcurrency = 2";
    assert_eq!(overlaid(text, Some("testing")).server.concurrency, 2);
    assert_eq!(accepted(text).warnings, []);
}
