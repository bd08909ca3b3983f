//! Passwords and other secrets, which no message shows.

use proptest::prelude::{prop_assert, proptest};

use super::{NAME, lines};
use crate::config::Config;

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
        assert!(!format!("{faults:?}{}", lines(&faults)).contains("canary"), "{}", lines(&faults));
    }
    let config = "[databases.default]\nprovider = 'postgresql'\ndatabase_uri = 'x://u:${S}@h'\n";
    assert!(!format!("{:?}", Config::parse(NAME, config, None, &secret)).contains("canary"));
    let token = "[server.observatory.tokens.ann]\nsecret = 'canary canary canary'\n";
    let config = Config::parse(NAME, token, None, &secret).unwrap();
    assert_eq!(config.server.observatory.tokens["ann"].reveal(), "canary canary canary");
    assert!(!format!("{config:?}").contains("canary"));
}

proptest! {
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
            Err(faults) => format!("{faults:?}{}", lines(&faults)),
        };
        prop_assert!(!shown.contains("canary"), "{}", shown);
    }
}
