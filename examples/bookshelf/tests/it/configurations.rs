//! Configurations that are wrong: what the program says before it does anything.

use crate::shop::{Said, Shop};

/// A file and what is said about it, in the order of what is said.
type Wrong = (&'static str, &'static [&'static str]);

const WRONG: &[Wrong] = &[
    (
        "[server.priority_lanes]\ntreshold = 5\n",
        &["bad.toml:2: server.priority_lanes.treshold", "did you mean 'threshold'?"],
    ),
    ("[sever]\n", &["bad.toml:1: sever", "did you mean 'server'?"]),
    (
        "\n[server]\nmessages_per_tick = \"many\"\n",
        &["bad.toml:3: server.messages_per_tick", "number"],
    ),
    ("[server]\nmessages_per_tick = 0\n", &["bad.toml:2: server.messages_per_tick"]),
    ("[server]\npriority_lanes = \"yes\"\n", &["bad.toml:2: server.priority_lanes"]),
    (
        "[server.priority_lanes]\nenabled = true\nbackfill_suffix = \"dlq\"\n",
        &["bad.toml:3: server.priority_lanes.backfill_suffix", "dlq"],
    ),
    (
        "server.priority_lanes = { enabled = true, backfill_suffix = \"a:b\" }\n",
        &["bad.toml:1: server.priority_lanes.backfill_suffix"],
    ),
    ("[server\npriority_lanes = true\n", &["bad.toml:1:"]),
    ("[server]\nreserved = 1\nreserved = 2\n", &["bad.toml:3:1: duplicate key"]),
    ("\u{feff}[server]\nx = \"\u{1b}[2J\u{202e}\"\n", &["bad.toml:2:6: invalid basic string"]),
    ("\"\\u001b[2J\" = 1\n", &["bad.toml:1: ", "\\u{1b}[2J", "unknown key"]),
    (
        "[databases.default]\nprovider = \"mysql\"\n",
        &["bad.toml:2: databases.default.provider", "'sqlite'", "found the string 'mysql'"],
    ),
    (
        "databases.default = { provider = \"postgresql\", database_uri = \"postgresql://a:secret@b\" }\n",
        &["bad.toml:1: databases.default.database_uri: ", "does not name a database"],
    ),
    ("[databases.default]\nprovider = \"sqlite\"\n", &["database_uri", "sqlite:"]),
    (
        "databases.default = { provider = \"sqlite\", database_uri = \"sqlite:a.db?mode=ro\" }\n",
        &["bad.toml:1: databases.default.database_uri: ", "parameters"],
    ),
    (
        "databases.default = { provider = \"sqlite\", database_uri = \"sqlite://./folder/\" }\n",
        &["database_uri", "does not name a file"],
    ),
    (
        "databases.default = { provider = \"sqlite\", database_uri = \"sqlite::memory:\" }\n",
        &["database_uri", "provider = \"memory\""],
    ),
    (
        "[server.subscriptions.BookCatalogProjecter]\nmax_retries = 1\n",
        &["BookCatalogProjecter", "did you mean 'BookCatalogProjector'?"],
    ),
    (
        "[server]\ndefault_subscription_type = \"stream\"\n",
        &["BookCatalogProjector reads a broker stream", "\"event_store\""],
    ),
    (
        "enable_outbox = true\n\
         [brokers.default]\nprovider = \"redis_pubsub\"\nURI = \"redis://127.0.0.1:1/0\"\n",
        &["outbox.broker: 'default' is redis_pubsub, which keeps nothing", "external_brokers"],
    ),
    (
        "[databases.reports]\nprovider = \"sqlite\"\n",
        &["bad.toml:1: databases.reports", "[databases.default], keeps everything"],
    ),
    (
        "[telemetry]\nendpoint = \"collector:4318\"\n",
        &["bad.toml:2: telemetry.endpoint", "not the address of a collector"],
    ),
    (
        "[server.priority_lanes]\npolicy = \"fair\"\nmin_share = 2\n",
        &[
            "bad.toml:2: server.priority_lanes.policy",
            "bad.toml:3: server.priority_lanes.min_share",
        ],
    ),
    ("[server]\nreserved = \"${NOBODY_SETS_THIS}\"\n", &["bad.toml:2:", "NOBODY_SETS_THIS"]),
];

/// The error is reported on stderr, in this order, without a word too many.
#[track_caller]
fn is_reported(said: &Said, parts: &[&str], file: &str) {
    let mut rest = said.err.as_str();
    for part in parts {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{file}\nno '{part}' in\n{}", said.err));
        rest = &rest[at + part.len()..];
    }
    assert!(said.err.starts_with("error: "), "{}", said.err);
    assert!(!said.err.contains(['\u{1b}', '\u{202e}']), "{:?}", said.err);
    assert!(!said.err.contains("secret"), "{}", said.err);
}

#[test]
fn a_wrong_file_is_refused_with_its_place_whatever_is_asked() {
    let shop = Shop::new();
    for (text, parts) in WRONG {
        shop.file("bad.toml", text);
        for words in [["check"].as_slice(), &["stats"], &["import", "missing.csv"]] {
            let said = shop.run(&[words, &["--config", "bad.toml"]].concat());
            assert_eq!((said.code, said.out.as_str()), (2, ""), "{text}");
            is_reported(&said, parts, text);
        }
    }
}

#[test]
fn every_fault_of_a_file_is_reported_at_once() {
    let shop = Shop::new();
    shop.file("bad.toml", "evnt_processing = \"sync\"\n[server]\nreserved = -1\ntick = 0\n");
    let said = shop.run(&["check", "--config", "bad.toml"]);
    let parts =
        ["bad.toml:1: evnt_processing", "bad.toml:3: server.reserved", "bad.toml:4: server.tick"];
    for part in parts {
        is_reported(&said, &[part], part);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let shop = Shop::new();
    shop.file("bytes.toml", b"a = \"\xff\"");
    for (file, reason) in
        [("missing.toml", "No such file or directory"), (".", "directory"), ("bytes.toml", "UTF-8")]
    {
        is_reported(
            &shop.run(&["stats", "--config", file]),
            &[file, "cannot be read", reason],
            file,
        );
    }
}

#[test]
fn a_database_that_cannot_be_opened_is_named() {
    let shop = Shop::new();
    shop.file(
        "text",
        "this is no database at all, and longer than its header would be: ".repeat(9),
    );
    for uri in ["sqlite:text/shelf.db", "sqlite:text", "sqlite:.", "sqlite:nowhere/shelf.db"] {
        let database = format!("provider = \"sqlite\"\ndatabase_uri = \"{uri}\"\n");
        shop.file("bad.toml", format!("[databases.default]\n{database}"));
        for words in [["stats"].as_slice(), &["db", "setup"], &["server", "--test-mode"]] {
            let said = shop.run(&[words, &["--config", "bad.toml"]].concat());
            let path = uri.trim_start_matches("sqlite:");
            assert_eq!((said.code, said.out.as_str()), (1, ""), "{uri} {words:?} {}", said.err);
            let expected = format!("error: the database '{path}' ");
            assert!(said.err.contains(&expected), "{uri} {words:?} {}", said.err);
        }
    }
}

#[test]
fn a_setting_without_an_effect_is_listed_and_passes() {
    let shop = Shop::new();
    shop.file("idle.toml", "[server]\ntick_interval = 1\n[outbox]\nmessages_per_tick = 50\n");
    let said = shop.run(&["check", "--config", "idle.toml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.out.contains("Nothing is wrong"), "{}", said.out);
    let json = shop.run(&["check", "--config", "idle.toml", "--json"]);
    assert_eq!(json.code, 0, "{}", json.err);
    for setting in
        ["idle.toml:2: server.tick_interval: ", "idle.toml:4: outbox.messages_per_tick: "]
    {
        let answer = format!("{setting}has no meaning here, because ");
        assert!(said.out.contains(&answer), "{}", said.out);
        assert!(json.out.contains(&answer), "{}", json.out);
    }
}

#[test]
fn a_right_file_passes() {
    let shop = Shop::new();
    shop.file("good.toml", include_str!("../../domain.toml"));
    for words in [["check"].as_slice(), &["check", "--config", "good.toml"]] {
        let said = shop.run(words);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        assert!(said.out.contains("backfill (priority -1 and below)"), "{}", said.out);
    }
}
