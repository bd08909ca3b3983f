//! Files that are wrong, each with every message about it.

use proptest::prelude::{any, proptest};

use super::{NAME, lines, no_variable, refused};
use crate::config::Config;

/// Each file with every message about it, in order.
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
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = \"sqlite://a\\nb.db\"",
        "domain.toml:3: databases.default.database_uri: holds a line break or another control \
         character; write one line",
    ),
    (
        "event_processing = true",
        "domain.toml:1: event_processing: expected 'async' or 'sync', found true",
    ),
    (
        "command_processing = 'synk'",
        "domain.toml:1: command_processing: expected 'async' or 'sync', found the string 'synk'; \
         did you mean 'sync'?",
    ),
    (
        "identity_strategy = 'function'",
        "domain.toml:1: identity_strategy: the string 'function' is not supported: a new identity \
         is a UUID, unless the program gives one; remove the key",
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
         domain.toml:3: server.messages_per_tick: expected a whole number, found the string '10'",
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
        "[server]\ndrain_timeout = -0.5",
        "domain.toml:2: server.drain_timeout: expected 0 or more seconds, found -0.5",
    ),
    (
        "[server]\ndrain_timeout = '10s'",
        "domain.toml:2: server.drain_timeout: expected a number of seconds, found the string '10s'",
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
        "domain.toml:2: server.concurrency: expected a whole number, found a number that does not fit 64 bits",
    ),
    (
        "[server.stream_subscription]\nblocking_timeout_ms = 0",
        "domain.toml:2: server.stream_subscription.blocking_timeout_ms: \
         expected more than 0 milliseconds, found 0",
    ),
    (
        "[server.observatory.tokens.ann]\nsecret = 'canary'",
        "domain.toml:2: server.observatory.tokens.ann.secret: is too easy to guess; write at least \
         16 characters",
    ),
    (
        "[server.observatory.tokens.ann]",
        "domain.toml:1: server.observatory.tokens.ann.secret: missing; write a long random text, \
         such as '${OBSERVATORY_SECRET}'",
    ),
    (
        "[server.health]\nport = 70000",
        "domain.toml:2: server.health.port: expected at most 65535, found 70000",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'sqlite:///a.db'\n\
         pool_size = 100000",
        "domain.toml:4: databases.default.pool_size: expected at most 1000, found 100000",
    ),
    (
        "[server.dlq]\nretention_hours = -1",
        "domain.toml:2: server.dlq.retention_hours: expected 0 or more hours, found -1",
    ),
    (
        "[server]\npriority_lanes = 'yes'",
        "domain.toml:2: server.priority_lanes: expected true, false or a table, found the string 'yes'",
    ),
    (
        "[server.priority_lanes]\nbackfill_suffix = ''",
        "domain.toml:2: server.priority_lanes.backfill_suffix: is empty; give it a value or remove the key",
    ),
    (
        "[server.priority_lanes]\nbackfill_suffix = 'dlq'",
        "domain.toml:2: server.priority_lanes.backfill_suffix: 'dlq' is the suffix of other \
         streams; choose another word",
    ),
    (
        "[server.priority_lanes]\nbackfill_suffix = 'a:b'",
        "domain.toml:2: server.priority_lanes.backfill_suffix: contains ':', which separates the \
         parts of a stream name; remove it",
    ),
    (
        "[server.priority_lanes]\npolicy = 'fair'\nmin_share = 2\naging_ms = 0",
        "domain.toml:2: server.priority_lanes.policy: expected 'strict', 'min_share' or 'aging', \
         found the string 'fair'\n\
         domain.toml:3: server.priority_lanes.min_share: expected a number from 0 to 0.9, found 2\n\
         domain.toml:4: server.priority_lanes.aging_ms: expected more than 0 milliseconds, found 0",
    ),
    (
        "[server.priority_lanes]\nmin_share = 0.2\naging_ms = 5",
        "domain.toml:2: server.priority_lanes.min_share: needs policy = \"min_share\"; set it, or \
         remove the key\n\
         domain.toml:3: server.priority_lanes.aging_ms: needs policy = \"aging\"; set it, or \
         remove the key",
    ),
    (
        "[server.priority_lanes]\npolicy = 'min_share'\nmin_share = 1",
        "domain.toml:3: server.priority_lanes.min_share: expected a number from 0 to 0.9, found 1",
    ),
    (
        "[server.priority_lanes]\npolicy = 'min_share'\nmin_share = 0",
        "domain.toml:3: server.priority_lanes.min_share: policy \"min_share\" needs a share above \
         0, such as 0.1; add it",
    ),
    (
        "[server.priority_lanes]\npolicy = 'min_share'",
        "domain.toml:1: server.priority_lanes.min_share: policy \"min_share\" needs a share above \
         0, such as 0.1; add it",
    ),
    (
        "[server.priority_lanes]\npolicy = 'aging'",
        "domain.toml:1: server.priority_lanes.aging_ms: policy \"aging\" needs an age; add it",
    ),
    (
        "[server]\nconcurrency = 4\nreserved = 2\n[server.priority_lanes]\npolicy = 'min_share'\n\
         min_share = 0.6",
        "domain.toml:6: server.priority_lanes.min_share: cannot be kept: backfill holds at most 2 \
         of 4 slots; lower it, or server.reserved",
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
         found the string 'produktion'; did you mean 'production'?",
    ),
    (
        "[server.profiles.slow]\ninherits = 'fasst'",
        "domain.toml:2: server.profiles.slow.inherits: expected the name of a built-in profile, \
         found the string 'fasst'; did you mean 'fast'?",
    ),
    (
        "[server.profiles.fast]\nmax_retries = 1",
        "domain.toml:1: server.profiles.fast: is built in; choose another name and \
         set inherits = \"fast\"",
    ),
    (
        "[server.subscriptions.Mailer]\nprofile = 'slow'\nordering = 'strict'",
        "domain.toml:2: server.subscriptions.Mailer.profile: expected the name of a profile, \
         found the string 'slow'; known: 'production', 'fast', 'batch', 'debug' and 'projection'\n\
         domain.toml:3: server.subscriptions.Mailer.ordering: expected 'stream' or 'none', \
         found the string 'strict'",
    ),
    (
        "enable_outbox = true\n[server]\ndefault_subscription_type = 'event_store'",
        "domain.toml:1: enable_outbox: true conflicts with subscriptions of type 'event_store', \
         which read no broker; remove the key, or set server.default_subscription_type = \"stream\"",
    ),
    (
        "enable_outbox = false\n[server]\ndefault_subscription_type = 'stream'",
        "domain.toml:1: enable_outbox: false conflicts with subscriptions of type 'stream': a \
         message could be lost between database and broker; remove the key, or set \
         server.default_subscription_type = \"event_store\"",
    ),
    (
        "[databases.default]\nprovider = 'postgres'",
        "domain.toml:2: databases.default.provider: expected 'memory', 'sqlite' or 'postgresql', \
         found the string 'postgres'; did you mean 'postgresql'?",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'",
        "domain.toml:1: databases.default.database_uri: missing; the provider 'sqlite' needs a URI, \
         such as 'sqlite:///app.db'",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'postgresql://a:b@c/d'",
        "domain.toml:3: databases.default.database_uri: 'postgresql://' does not match the \
         provider 'sqlite'; use a URI such as 'sqlite:///app.db'",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'a'\ndatabase_url = 'b'",
        "domain.toml:4: databases.default.database_url: is another name of 'database_uri'; keep only one of them",
    ),
    (
        "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'a'\nsynchronous = 'ful'",
        "domain.toml:4: databases.default.synchronous: expected 'off', 'normal', 'full' or 'extra', \
         found the string 'ful'; did you mean 'full'?",
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
        "domain.toml:1: brokers.default.URI: missing; the provider 'redis' needs a URI, such as \
         'redis://localhost:6379/0'\n\
         domain.toml:3: brokers.default.max_connections: expected 1 or more, found 0",
    ),
    (
        "[outbox]\nbroker = 'defualt'\nexternal_brokers = ['kafka']",
        "domain.toml:2: outbox.broker: expected the name of a broker, found the string 'defualt'; \
         did you mean 'default'?\n\
         domain.toml:3: outbox.external_brokers: expected the name of a broker, found the string \
         'kafka'; known: 'default'",
    ),
    (
        "[outbox.retry]\nbackoff_multiplier = 0.5\njitter = 'no'",
        "domain.toml:2: outbox.retry.backoff_multiplier: expected a number from 1 to 1000, found 0.5\n\
         domain.toml:3: outbox.retry.jitter: expected true or false, found the string 'no'",
    ),
    (
        "[outbox.retry]\nbase_delay_seconds = 10\nmax_backoff_seconds = 5",
        "domain.toml:2: outbox.retry.base_delay_seconds: is above max_backoff_seconds; lower it",
    ),
    (
        "[outbox]\nexternal_brokers = ['default', 5]",
        "domain.toml:2: outbox.external_brokers: expected an array of broker names, found an array",
    ),
    (
        "[outbox]\nexternal_metadata = ['tenant']",
        "domain.toml:2: outbox.external_metadata: has no effect without external_brokers; list one \
         there, or remove the key",
    ),
    (
        "[outbox]\nexternal_brokers = ['default']\n\
         external_metadata = ['a b', 'protean.position', 'tenant']",
        "domain.toml:3: outbox.external_metadata: the key \"a b\" must consist of ASCII letters, \
         digits and _ - . : /\n\
         domain.toml:3: outbox.external_metadata: the key \"protean.position\" is reserved: choose \
         one without 'protean.'",
    ),
    (
        "[server.health]\nhost = 5",
        "domain.toml:2: server.health.host: expected a quoted string, found 5",
    ),
    (
        "[telemetry]\nendpoint = 'collector:4318'\nresource_attributes = { zone = 4 }",
        "domain.toml:2: telemetry.endpoint: is not the address of a collector; write one such as \
         'http://localhost:4318'\n\
         domain.toml:3: telemetry.resource_attributes: 'zone' must be a quoted string, not 4",
    ),
    (
        "[logging]\nformat = 'xml'",
        "domain.toml:2: logging.format: expected 'text', 'json', 'console' or 'auto', found the \
         string 'xml'",
    ),
    (
        "[databases.reports]\nprovider = 'sqlite'\n[databases.defualt]\n",
        "domain.toml:1: databases.reports: is not used, because one database, \
         [databases.default], keeps everything; remove this table\n\
         domain.toml:3: databases.defualt: is not used, because one database, \
         [databases.default], keeps everything; remove this table; did you mean 'default'?",
    ),
    (
        "[databases.default]\ndatabase_uri = '${PG}'\n[custom]\na = ['${', '${a-b}', '${A|${B}}']",
        "domain.toml:2: databases.default.database_uri: the variable 'PG' is not set; set it, or \
         write ${PG|default}\n\
         domain.toml:4: custom.a: '${' without a closing '}'; add it\n\
         domain.toml:4: custom.a: '${…}' takes the name of a variable: letters, digits and '_'\n\
         domain.toml:4: custom.a: a default in '${…|…}' cannot contain another '${'",
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
        let found = lines(&refused(text));
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

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "[\\[\\]a-z.=\"'$\\{\\}|\n 0-9]{0,80}", raw in any::<String>()) {
        for text in [&text, &raw] {
            let _ = Config::parse(NAME, text, Some("a"), &no_variable);
        }
    }
}
