//! Settings that have no effect, and what the reader says about them.

use super::{accepted, lines, overlaid, refused};

#[test]
fn warns_once_about_each_thing_that_has_no_effect() {
    let config = overlaid(
        "testing = true\n[databases.default]\nprovider = 'postgresql'\n\
         database_uri = 'postgresql://db'\nsynchronous = 'off'\n\
         [event_store]\nprovider = 'memory'\n[caches.default]\nprovider = 'memory'\n\
         [idempotency]\nredis_url = 'x'\n[server.transient_retry]\nenabled = true\n\
         [outbox.cleanup]\ncleanup_interval_ticks = 3\n[prodution]\ntesting = true\n",
        Some("production"),
    );
    assert_eq!(
        lines(&config.warnings),
        "domain.toml:1: testing: has no meaning here, because tests choose their own settings; \
         remove the key\n\
         domain.toml:5: databases.default.synchronous: has no meaning here, because only SQLite \
         has it; remove the key\n\
         domain.toml:7: event_store.provider: has no meaning here, because events are kept in the \
         default database (postgresql); remove the key\n\
         domain.toml:8: caches: has no meaning here, because projections are kept in the default \
         database; remove the table\n\
         domain.toml:11: idempotency.redis_url: has no meaning here, because keys are kept in the \
         default database; remove the key\n\
         domain.toml:12: server.transient_retry: has no meaning here, because a transient failure \
         is retried like any other; see max_retries of the subscription\n\
         domain.toml:15: outbox.cleanup.cleanup_interval_ticks: has no meaning here, because the \
         outbox needs no cleaning up; remove the key\n\
         domain.toml:16: prodution: is not used, because the environment is 'production'; did \
         you mean this section?"
    );
}

/// A file, and how each setting in it that has no effect is answered.
const ANSWERED: &[(&str, &str)] = &[
    ("identity_type = 'uuid'", "identities are always kept as text; remove the key"),
    (
        "[databases.default]\nmax_overflow = 10",
        "no connection is opened beyond pool_size; set pool_size instead",
    ),
    (
        "[databases.default]\npool_size = 10",
        "a database in memory has no connections; remove the key",
    ),
    (
        "[server]\ntick_interval = 0.5",
        "the server does not pause between reads, and wakes on every commit; remove the key",
    ),
    (
        "[server.profiles.slow]\ntick_interval = 1",
        "the server does not pause between reads, and wakes on every commit; remove the key",
    ),
    (
        "[server.subscriptions.Mailer]\nretention_maxlen = 1000",
        "an entry leaves its stream once every group has handled it; remove the key",
    ),
    (
        "[server.event_store_subscription]\nposition_update_interval = 10",
        "a position is stored in the same transaction as what the handler did; remove the key",
    ),
    (
        "[server.event_store_subscription]\nenable_recovery = false",
        "a failed message is always retried; set max_retries instead",
    ),
    (
        "[server.event_store_subscription]\nrecovery_interval_seconds = 30",
        "a failed message is retried as soon as it is due; see retry_delay_seconds",
    ),
    (
        "[server.event_store_subscription]\ngap_timeout_seconds = 5",
        "the log is read in the order of its commits, so no gap has to be waited for; remove the key",
    ),
    (
        "[outbox]\nmessages_per_tick = 50",
        "the relay adapts the size of its batches to the time they take; remove the key",
    ),
    (
        "[outbox]\ntick_interval = 2\nmax_tick_interval = 5",
        "the relay wakes on every commit and its interval does not grow; set tick_interval instead",
    ),
    (
        "[outbox.cleanup]\npublished_retention_hours = 168",
        "a published message leaves nothing in the outbox; remove the key",
    ),
    (
        "[outbox.cleanup]\nabandoned_retention_hours = 720",
        "an abandoned message is kept until it is published; see the command `outbox retry`",
    ),
    ("[outbox.cleanup]\nbatch_size = 5000", "the outbox needs no cleaning up; remove the key"),
    (
        "[telemetry]\nexporter = 'console'",
        "spans and metrics are sent over OTLP, and the collector decides where they go; remove \
         the key",
    ),
    (
        "[logging]\nlevel = 'DEBUG'",
        "the variable PROTEAN_LOG decides what is logged; use it instead",
    ),
    (
        "[logging]\nlog_dir = '/var/log'",
        "log lines go to stderr; let what starts the program keep them, and remove the key",
    ),
    (
        "[logging]\nslow_query_threshold_ms = 100",
        "slowness is not logged; see protean_handler_seconds on the page /metrics",
    ),
    (
        "[logging]\nredact = ['password']",
        "messages are not logged, so nothing has to be hidden; remove the key",
    ),
];

#[test]
fn a_setting_without_an_effect_is_answered_with_the_reason() {
    for (text, because) in ANSWERED {
        let warnings = accepted(text).warnings;
        let [warning] = &warnings[..] else { panic!("{text}: {}", lines(&warnings)) };
        assert_eq!(warning.message(), format!("has no meaning here, because {because}"), "{text}");
        assert_eq!(warning.line(), Some(text.lines().count()), "{text}");
    }
}

#[test]
fn a_value_that_asks_for_what_happens_anyway_is_accepted() {
    for text in [
        "identity_strategy = 'uuid'\nidentity_type = 'string'",
        "[databases.default]\nmax_overflow = 0",
        "[server]\ntick_interval = 0\n[server.subscriptions.Mailer]\ntick_interval = 0.0",
        "[server.event_store_subscription]\nenable_recovery = true",
        "[server.priority_lanes]\npolicy = 'strict'\nmin_share = 0",
        "[outbox]\ntick_interval = 2\nmax_tick_interval = 2",
        "[telemetry]\nenabled = false\nexporter = 'otlp'",
        "[telemetry]\nenabled = '${NOBODY|false}'",
    ] {
        assert_eq!(lines(&accepted(text).warnings), "", "{text}");
    }
}

#[test]
fn a_built_in_profile_needs_no_answer() {
    for profile in ["production", "fast", "batch", "debug", "projection"] {
        let text = format!(
            "[server.profiles.mine]\ninherits = '{profile}'\n\
             [server.subscriptions.Mailer]\nprofile = '{profile}'"
        );
        assert_eq!(lines(&accepted(&text).warnings), "", "{text}");
    }
}

#[test]
fn what_is_not_in_use_is_not_answered_but_refused_all_the_same() {
    assert_eq!(lines(&accepted("[production.server]\ntick_interval = 1").warnings), "");
    let faults = refused("[production]\nidentity_strategy = 'function'");
    assert_eq!(faults.len(), 1, "{}", lines(&faults));
}
