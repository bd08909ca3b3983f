//! The configuration as a whole: what a person writes, and what comes of it.

use std::time::Duration;

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::{
    BATCH, BrokerProvider, Config, DatabaseProvider, Declared, FAST, Fault, OnDeadLetter, Ordering,
    PRODUCTION, Processing, StartFrom, SubscriptionType, Synchronous,
};

const NAME: &str = "domain.toml";

fn no_variable(_: &str) -> Option<String> {
    None
}

fn parsed(text: &str) -> Result<Config, Vec<Fault>> {
    Config::parse(NAME, text, None, &no_variable)
}

#[track_caller]
fn accepted(text: &str) -> Config {
    overlaid(text, None)
}

#[track_caller]
fn overlaid(text: &str, environment: Option<&str>) -> Config {
    match Config::parse(NAME, text, environment, &no_variable) {
        Ok(config) => config,
        Err(faults) => panic!("refused: {}", told(&faults)),
    }
}

#[track_caller]
fn refused(text: &str) -> Vec<Fault> {
    parsed(text).expect_err("must be refused")
}

fn told(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Each file with everything that is told about it, in order.
const REFUSED: &[(&str, &str)] = &[
    (
        "[server.priority_lanes]\nenabled = true\ntreshold = 0",
        "domain.toml:3: server.priority_lanes.treshold: unknown key; did you mean 'threshold'?",
    ),
    (
        "[server.version_retry]\ncolour = 1",
        "domain.toml:2: server.version_retry.colour: unknown key; known: 'base_delay_seconds', \
         'enabled', 'max_delay_seconds' and 'max_retries'",
    ),
    ("[sever]\nconcurrency = 3", "domain.toml:1: sever: unknown key; did you mean 'server'?"),
    (
        "[server]\n\"a b\\u001b\" = 1\nconcurency = 2",
        "domain.toml:2: server.\"a b\\u{1b}\": unknown key; known:",
    ),
    (
        "event_processing = true",
        "domain.toml:1: event_processing: expected 'async' or 'sync', found true",
    ),
    (
        "command_processing = 'synk'",
        "domain.toml:1: command_processing: expected 'async' or 'sync', found the text 'synk'; \
         did you mean 'sync'?",
    ),
    (
        "identity_strategy = 'function'",
        "domain.toml:1: identity_strategy: expected 'uuid', found the text 'function'",
    ),
    ("snapshot_threshold = -1", "domain.toml:1: snapshot_threshold: expected 0 or more, found -1"),
    (
        "command_default_timeout = 0",
        "domain.toml:1: command_default_timeout: expected more than 0 seconds, found 0",
    ),
    (
        "lenient_deserialization = 1",
        "domain.toml:1: lenient_deserialization: expected true or false, found 1",
    ),
    ("server = 3", "domain.toml:1: server: expected a table, found 3"),
    ("[[server]]\na = 1", "domain.toml:1: server: expected a table, found an array"),
    (
        "[server]\nconcurrency = 0\nmessages_per_tick = '10'",
        "domain.toml:2: server.concurrency: expected 1 or more, found 0\n\
         domain.toml:3: server.messages_per_tick: expected a whole number, found the text '10'",
    ),
    (
        "[server]\nconcurrency = 4\nreserved = 4",
        "domain.toml:3: server.reserved: must be below concurrency, which is 4; lower it",
    ),
    (
        "[server]\nreserved = 32",
        "domain.toml:2: server.reserved: must be below concurrency, which is 32; lower it",
    ),
    (
        "[server]\ntick_interval = -0.5",
        "domain.toml:2: server.tick_interval: expected 0 or more seconds, found -0.5",
    ),
    (
        "[server]\ndrain_timeout = '10s'",
        "domain.toml:2: server.drain_timeout: expected a number of seconds, found the text '10s'",
    ),
    (
        "[server]\ndrain_timeout = inf",
        "domain.toml:2: server.drain_timeout: expected a number of seconds, found inf",
    ),
    (
        "[server]\nlease_seconds = 1e300",
        "domain.toml:2: server.lease_seconds: expected at most 1000000000 seconds, found 1e300",
    ),
    (
        "[server]\nconcurrency = 99999999999999999999",
        "domain.toml:2: server.concurrency: expected a whole number, found a number beyond 64 bits",
    ),
    (
        "[server.stream_subscription]\nblocking_timeout_ms = 0",
        "domain.toml:2: server.stream_subscription.blocking_timeout_ms: \
         expected more than 0 milliseconds, found 0",
    ),
    (
        "[server.health]\nport = 70000",
        "domain.toml:2: server.health.port: expected at most 65535, found 70000",
    ),
    (
        "[server.dlq]\nretention_hours = -1",
        "domain.toml:2: server.dlq.retention_hours: expected 0 or more hours, found -1",
    ),
    (
        "[server]\npriority_lanes = 'yes'",
        "domain.toml:2: server.priority_lanes: expected true, false or a table, found the text 'yes'",
    ),
    (
        "[server.priority_lanes]\nbackfill_suffix = ''",
        "domain.toml:2: server.priority_lanes.backfill_suffix: is empty; write a text or remove the key",
    ),
    (
        "[server.priority_lanes]\nbackfill_suffix = 'dlq'",
        "domain.toml:2: server.priority_lanes.backfill_suffix: 'dlq' ends the names of other \
         streams; choose another word",
    ),
    (
        "[server.priority_lanes]\nbackfill_suffix = 'a:b'",
        "domain.toml:2: server.priority_lanes.backfill_suffix: holds ':', which separates the \
         parts of a stream name; remove it",
    ),
    (
        "[server.priority_lanes]\npolicy = 'fair'\nmin_share = 2",
        "domain.toml:2: server.priority_lanes.policy: expected 'strict', found the text 'fair'\n\
         domain.toml:3: server.priority_lanes.min_share: expected a number from 0 to 1, found 2",
    ),
    (
        "[server.priority_lanes]\nbackfill_low_water = 10000",
        "domain.toml:2: server.priority_lanes.backfill_low_water: must be below \
         backfill_high_water, which is 10000; lower it",
    ),
    (
        "[server.priority_lanes]\nthreshold = 3000000000",
        "domain.toml:2: server.priority_lanes.threshold: expected at most 2147483647, found 3000000000",
    ),
    (
        "[server]\ndefault_subscription_profile = 'produktion'",
        "domain.toml:2: server.default_subscription_profile: expected the name of a profile, \
         found the text 'produktion'; did you mean 'production'?",
    ),
    (
        "[server.profiles.slow]\ninherits = 'fasst'",
        "domain.toml:2: server.profiles.slow.inherits: expected the name of a built-in profile, \
         found the text 'fasst'; did you mean 'fast'?",
    ),
    (
        "[server.profiles.fast]\nmax_retries = 1",
        "domain.toml:1: server.profiles.fast: is built in; give yours another name and \
         inherits = \"fast\"",
    ),
    (
        "[server.subscriptions.Mailer]\nprofile = 'slow'\nordering = 'strict'",
        "domain.toml:2: server.subscriptions.Mailer.profile: expected the name of a profile, \
         found the text 'slow'; known: 'production', 'fast', 'batch', 'debug' and 'projection'\n\
         domain.toml:3: server.subscriptions.Mailer.ordering: expected 'stream' or 'none', \
         found the text 'strict'",
    ),
    (
        "enable_outbox = true\n[server]\ndefault_subscription_type = 'event_store'",
        "domain.toml:1: enable_outbox: true does not go with subscriptions of type 'event_store', \
         which read no broker; remove the key, or set server.default_subscription_type = \"stream\"",
    ),
    (
        "enable_outbox = false\n[server]\ndefault_subscription_type = 'stream'",
        "domain.toml:1: enable_outbox: false does not go with subscriptions of type 'stream': a \
         message could be lost between database and broker; remove the key, or set \
         server.default_subscription_type = \"event_store\"",
    ),
    (
        "[databases.default]\nprovider = 'postgres'",
        "domain.toml:2: databases.default.provider: expected 'memory', 'sqlite' or 'postgresql', \
         found the text 'postgres'; did you mean 'postgresql'?",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'",
        "domain.toml:1: databases.default.database_uri: missing; the provider 'sqlite' needs one, \
         such as 'sqlite:///app.db'",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'postgresql://a:b@c/d'",
        "domain.toml:3: databases.default.database_uri: 'postgresql://' does not go with the \
         provider 'sqlite'; expected one such as 'sqlite:///app.db'",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'a'\ndatabase_url = 'b'",
        "domain.toml:4: databases.default.database_url: says the same as 'database_uri'; keep one of them",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'a'\nsynchronous = 'ful'",
        "domain.toml:4: databases.default.synchronous: expected 'off', 'normal', 'full' or 'extra', \
         found the text 'ful'; did you mean 'full'?",
    ),
    (
        "[event_store]\nprovider = 'sqlite'\ndatabase_uri = 'sqlite:///events.db'",
        "domain.toml:2: event_store.provider: events are kept in the default database (memory); \
         remove [event_store], or give [databases.default] the provider 'sqlite'",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'sqlite:///a'\n\
         [event_store]\nprovider = 'sqlite'\ndatabase_uri = 'sqlite:///b'",
        "domain.toml:6: event_store.database_uri: events are kept in the default database; \
         remove the key, or give [databases.default] the same URI",
    ),
    (
        "[brokers.default]\nprovider = 'redis'\nmax_connections = 0",
        "domain.toml:1: brokers.default.URI: missing; the provider 'redis' needs one, such as \
         'redis://localhost:6379/0'\n\
         domain.toml:3: brokers.default.max_connections: expected 1 or more, found 0",
    ),
    (
        "[outbox]\nbroker = 'defualt'\nexternal_brokers = ['kafka']",
        "domain.toml:2: outbox.broker: expected the name of a broker, found the text 'defualt'; \
         did you mean 'default'?\n\
         domain.toml:3: outbox.external_brokers: expected names of a broker, found the text \
         'kafka'; known: 'default'",
    ),
    (
        "[outbox.retry]\nbackoff_multiplier = 0.5\njitter = 'no'",
        "domain.toml:2: outbox.retry.backoff_multiplier: expected a number from 1 to 1000, found 0.5\n\
         domain.toml:3: outbox.retry.jitter: expected true or false, found the text 'no'",
    ),
    (
        "[outbox.retry]\nbase_delay_seconds = 10\nmax_backoff_seconds = 5",
        "domain.toml:2: outbox.retry.base_delay_seconds: is above max_backoff_seconds; lower it",
    ),
    (
        "[telemetry]\nendpoint = 5",
        "domain.toml:2: telemetry.endpoint: expected a text in quotes, found 5",
    ),
    (
        "[databases.default]\ndatabase_uri = '${PG}'\n[custom]\na = ['${', '${a-b}', '${A|${B}}']",
        "domain.toml:2: databases.default.database_uri: the variable 'PG' is not set; set it, or \
         write ${PG|default}\n\
         domain.toml:4: custom.a: '${' without a closing '}'; add it\n\
         domain.toml:4: custom.a: '${…}' takes the name of a variable: letters, digits and '_'\n\
         domain.toml:4: custom.a: a default in '${…|…}' cannot hold another '${'",
    ),
    (
        "[production.server]\nconcurency = 1\n[production.outbx]\na = 1",
        "domain.toml:2: production.server.concurency: unknown key; did you mean 'concurrency'?\n\
         domain.toml:3: production.outbx: unknown key; did you mean 'outbox'?",
    ),
    (
        "a = 1\na = 2\n[b",
        "domain.toml:2:1: duplicate key\ndomain.toml:3:3: unclosed table, expected `]`",
    ),
    ("é = 1\nb = x", "domain.toml:1:1: invalid unquoted key"),
];

#[test]
fn tells_everything_that_is_wrong_with_a_file() {
    for (text, expected) in REFUSED {
        let found = told(&refused(text));
        let exact = if expected.contains("known:") || text.starts_with('é') {
            found.starts_with(expected)
        } else {
            found == *expected
        };
        assert!(exact, "{text}\n--- expected\n{expected}\n--- found\n{found}");
    }
}

#[test]
fn a_fault_names_its_place() {
    let faults = refused("[server]\nconcurency = 1");
    let [fault] = &faults[..] else { panic!("one fault") };
    assert_eq!((fault.file(), fault.line(), fault.column()), (NAME, Some(2), None));
    assert_eq!(fault.key(), "server.concurency");
    assert_eq!(fault.message(), "unknown key; did you mean 'concurrency'?");
}

#[test]
fn an_empty_file_is_the_default() {
    let config = accepted("");
    assert_eq!(config, Config::default());
    assert_eq!(config.databases["default"].provider, DatabaseProvider::Memory);
    assert_eq!(config.brokers["default"].provider, BrokerProvider::Inline);
    assert_eq!(config.server.default_subscription_type, SubscriptionType::EventStore);
    assert_eq!((config.server.concurrency, config.server.reserved), (32, 4));
    assert_eq!(config.server.lease, seconds(30));
    assert_eq!(config.outbox.retry.max_backoff, seconds(3600));
    assert!(!config.enable_outbox && !config.server.priority_lanes.enabled);
}

#[test]
fn redis_makes_subscriptions_streams_and_enables_the_outbox() {
    let config = accepted("[brokers.default]\nprovider = 'redis'\nuri = 'redis://localhost'");
    assert_eq!(config.server.default_subscription_type, SubscriptionType::Stream);
    assert!(config.enable_outbox);
}

#[test]
fn accepts_both_forms_of_priority_lanes() {
    assert!(accepted("[server]\npriority_lanes = true").server.priority_lanes.enabled);
    assert!(!accepted("[server]\npriority_lanes = false").server.priority_lanes.enabled);
    let table =
        "[server.priority_lanes]\nenabled = true\nthreshold = -10\nbackfill_suffix = 'bulk'";
    let lanes = accepted(table).server.priority_lanes;
    assert_eq!((lanes.threshold, lanes.backfill_suffix.as_str()), (-10, "bulk"));
}

#[test]
fn lanes_switched_on_in_the_base_stay_on_under_an_overlay() {
    let text = "[server]\npriority_lanes = true\n[production.server.priority_lanes]\nthreshold = 5";
    let lanes = overlaid(text, Some("production")).server.priority_lanes;
    assert_eq!((lanes.enabled, lanes.threshold), (true, 5));
}

#[test]
fn lowering_one_bound_lowers_the_default_of_the_other() {
    let config = accepted(
        "[server]\nconcurrency = 1\n[server.priority_lanes]\nbackfill_high_water = 10\n\
         [outbox.retry]\nmax_backoff_seconds = 5",
    );
    assert_eq!(config.server.reserved, 0);
    assert_eq!(config.server.priority_lanes.backfill_low_water, 9);
    assert_eq!(config.outbox.retry.base_delay, seconds(5));
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
    assert_eq!(base.databases["default"].provider, DatabaseProvider::Sqlite);
    let production = overlaid(text, Some("production"));
    let database = &production.databases["default"];
    assert_eq!(production.event_processing, Processing::Async);
    assert_eq!(database.provider, DatabaseProvider::Postgresql);
    assert_eq!((database.uri.as_deref(), database.pool_size), (Some("postgresql://db/a"), 7));
    let test = overlaid(text, Some("test"));
    assert_eq!(test.databases["default"].provider, DatabaseProvider::Memory);
    assert_eq!(overlaid(text, Some("")), base);
}

#[test]
fn names_the_place_in_the_overlay_that_is_at_fault() {
    let text = "[server]\nconcurrency = 8\n[production.server]\nreserved = 8";
    let faults =
        Config::parse(NAME, text, Some("production"), &no_variable).expect_err("must be refused");
    assert_eq!(
        told(&faults),
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

#[test]
fn databases_may_be_called_like_sections() {
    let config = accepted("[databases.server]\nprovider = 'memory'\n[brokers.outbox]\n");
    assert!(config.databases.contains_key("server") && config.brokers.contains_key("outbox"));
}

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
        told(&config.warnings),
        "domain.toml:1: testing: has no meaning here and is ignored; remove it\n\
         domain.toml:5: databases.default.synchronous: only SQLite knows it; ignored here\n\
         domain.toml:7: event_store.provider: 'memory' is taken as the default database \
         (postgresql), where events are kept; remove the key\n\
         domain.toml:8: caches: has no meaning here and is ignored; remove it\n\
         domain.toml:11: idempotency.redis_url: has no meaning here and is ignored; remove it\n\
         domain.toml:12: server.transient_retry: has no meaning here and is ignored; remove it\n\
         domain.toml:15: outbox.cleanup.cleanup_interval_ticks: has no meaning here and is \
         ignored; remove it\n\
         domain.toml:16: prodution: not in use: the environment is 'production'; is this section meant?"
    );
}

#[test]
fn fills_variables_into_texts_numbers_and_flags() {
    let text = "[databases.default]\nprovider = '${KIND|sqlite}'\ndatabase_uri = 'sqlite://${AT}'\n\
        synchronous = '${NONE|normal}'\n[server.health]\nport = '${PORT}'\nenabled = '${ON|false}'\n\
        [custom]\ndeep = [{ a = '${AT}-${AT}' }]";
    let variables = |name: &str| match name {
        "AT" => Some("/x.db".into()),
        "PORT" => Some("9090".into()),
        _ => None,
    };
    let config = Config::parse(NAME, text, None, &variables).expect("must be accepted");
    let database = &config.databases["default"];
    assert_eq!(database.uri.as_deref(), Some("sqlite:///x.db"));
    assert_eq!(database.synchronous, Synchronous::Normal);
    assert_eq!((config.server.health.port, config.server.health.enabled), (9090, false));
    assert_eq!(config.custom["deep"][0]["a"].as_str(), Some("/x.db-/x.db"));
}

proptest! {
    #[test]
    fn what_a_variable_holds_stays_data(held in any::<String>()) {
        let held = format!("{held}\"\n[server]\nconcurrency = 1\n${{B}}${{C|x}}");
        let variables = |_: &str| Some(held.clone());
        let text = "[custom]\na = '<${A}>'";
        let config = Config::parse(NAME, text, None, &variables).expect("must be accepted");
        prop_assert_eq!(config.custom["a"].as_str().expect("must be accepted"), format!("<{held}>"));
        prop_assert_eq!(config.server.concurrency, 32);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "[\\[\\]a-z.=\"'$\\{\\}|\n 0-9]{0,80}", raw in any::<String>()) {
        for text in [&text, &raw] {
            let _ = Config::parse(NAME, text, Some("a"), &no_variable);
        }
    }

    #[test]
    fn no_secret_is_ever_shown(key in "[a-z_]{1,12}") {
        let text = format!(
            "[databases.default]\nprovider = 'postgresql'\n\
             database_uri = 'postgresql://u:canary@h/db?password=canary'\n{key} = 'r://u:canary@h'\n\
             [brokers.default]\nprovider = 'redis'\nURI = '${{URI}}'\n\
             [telemetry]\nendpoint = 'http://u:canary@h'\n[custom]\nsecret = 'canary'\n{key} = '${{URI}}'",
        );
        let variables = |_: &str| Some("redis://:canary@h".to_owned());
        let shown = match Config::parse(NAME, &text, None, &variables) {
            Ok(config) => format!("{config:?}"),
            Err(faults) => format!("{faults:?}{}", told(&faults)),
        };
        prop_assert!(!shown.contains("canary"), "{}", shown);
    }
}

#[test]
fn no_fault_shows_a_secret() {
    let secret = |_: &str| Some("canary".to_owned());
    for text in [
        "[server]\nconcurrency = '${S}'",
        "[server]\npriority_lanes = '${S}'\ndefault_subscription_profile = '${S}'",
        "[databases.default]\nprovider = '${S}'",
        "[databases.default]\nprovider = 'p://u:canary@h'\npool_size = 'p://:canary@h'",
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'redis://:canary@h'",
        "[databases.default]\ndatabase_uri = postgresql://u:canary@h",
        "[outbox]\nbroker = '${S}'\nexternal_brokers = ['${S}']",
        "[server.priority_lanes]\nbackfill_suffix = 'a:${S}'",
        "[databases.default]\nprovider = '${A-B|p://u:canary@h}'",
    ] {
        let faults = Config::parse(NAME, text, None, &secret).expect_err(text);
        assert!(!format!("{faults:?}{}", told(&faults)).contains("canary"), "{}", told(&faults));
    }
    let config = "[databases.default]\nprovider = 'postgresql'\ndatabase_uri = 'x://u:${S}@h'\n";
    assert!(!format!("{:?}", Config::parse(NAME, config, None, &secret)).contains("canary"));
}

const CHAIN: &str = "[server]\nmessages_per_tick = 21\ndefault_subscription_profile = 'batch'\n\
    [server.stream_subscription]\nretry_delay_seconds = 22\n\
    [server.event_store_subscription]\nretry_delay_seconds = 23\n\
    [server.profiles.slow]\ninherits = 'fast'\nmax_retries = 24\n\
    [server.subscriptions.Mailer]\nprofile = 'slow'\nposition_update_interval = 25\n\
    ordering = 'none'\non_dead_letter = 'skip'\nstart_from = 'head'\nhandler_timeout_seconds = 1.5";

#[test]
fn the_strongest_place_that_speaks_is_heard() {
    let config = accepted(CHAIN);
    let other = config.subscription("Other", &Declared::NONE);
    assert_eq!(other.messages_per_tick, 21, "the server is above the default profile");
    assert_eq!(other.retry_delay, seconds(22), "so is the section of the type");
    assert_eq!(Some(other.max_retries), BATCH.settings.max_retries);
    assert_eq!(other.circuit_breaker_reset, seconds(60), "built in");
    let mailer = config.subscription("Mailer", &Declared::NONE);
    assert_eq!(Some(mailer.messages_per_tick), FAST.settings.messages_per_tick);
    assert_eq!((mailer.max_retries, mailer.position_update_interval), (24, 25));
    assert_eq!((mailer.ordering, mailer.on_dead_letter), (Ordering::None, OnDeadLetter::Skip));
    assert_eq!(mailer.start_from, Some(StartFrom::Head));
    assert_eq!(mailer.handler_timeout, Some(Duration::from_millis(1500)));
}

#[test]
fn what_the_code_declares_is_above_the_file() {
    let config = accepted(CHAIN);
    let by_type = Declared {
        subscription_type: Some(SubscriptionType::EventStore),
        max_retries: Some(1),
        ..Declared::NONE
    };
    let mailer = config.subscription("Mailer", &by_type);
    assert_eq!(mailer.subscription_type, SubscriptionType::EventStore);
    assert_eq!((mailer.max_retries, mailer.position_update_interval), (1, 25));
    assert_eq!(config.subscription("Other", &by_type).retry_delay, seconds(23));
    let by_profile = Declared { profile: Some("production"), ..by_type };
    let mailer = config.subscription("Mailer", &by_profile);
    assert_eq!(mailer.subscription_type, SubscriptionType::Stream, "a profile is above the type");
    assert_eq!(Some(mailer.retention_maxlen), PRODUCTION.settings.retention_maxlen.map(Some));
    assert_eq!(mailer.max_retries, 1);
}

#[test]
fn a_subscriber_has_a_section_of_its_own_and_reads_the_log() {
    let more = "\n[server.broker_subscription]\nmax_retries = 26\nenable_dlq = false";
    let config = accepted(&format!("{CHAIN}{more}"));
    let by_type = Declared { subscription_type: Some(SubscriptionType::Stream), ..Declared::NONE };
    let other = config.subscriber("Other", &by_type);
    assert_eq!(other.subscription_type, SubscriptionType::EventStore);
    assert_eq!(other.ordering, Ordering::None);
    assert_eq!((other.messages_per_tick, other.max_retries, other.enable_dlq), (21, 26, false));
    assert_eq!(Some(other.retry_delay), BATCH.settings.retry_delay, "no other section's");
    assert_eq!(config.subscriber("Mailer", &Declared::NONE).max_retries, 24);
    assert_eq!(config.server.broker_subscription.max_retries, 26);
}

#[test]
fn names_sections_and_profiles_of_nobody() {
    let config = accepted(CHAIN);
    assert_eq!(config.unknown_subscriptions(&["Mailer"]), []);
    assert_eq!(
        told(&config.unknown_subscriptions(&["Mailler", "Other"])),
        "domain.toml:11: server.subscriptions.Mailer: no handler has this name; \
         did you mean 'Mailler'?"
    );
    let declared = |name| Declared { profile: Some(name), ..Declared::NONE };
    assert_eq!(config.unknown_profile(&declared("slow")), None);
    let unknown = config.unknown_profile(&declared("slw"));
    assert_eq!(unknown.as_deref(), Some("unknown profile 'slw'; did you mean 'slow'?"));
}
