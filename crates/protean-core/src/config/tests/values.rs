//! Values as the program sees them: defaults, forms, variables.

use std::time::Duration;

use proptest::prelude::{any, prop_assert_eq, proptest};

use super::{NAME, accepted, seconds};
use crate::config::{
    BrokerKind, Config, DatabaseKind, Declared, LanePolicy, SubscriptionType, Synchronous,
};

#[test]
fn an_empty_file_is_the_default() {
    let config = accepted("");
    assert_eq!(config, Config::default());
    assert_eq!(config.database.provider, DatabaseKind::Memory);
    assert_eq!(config.brokers["default"].provider, BrokerKind::Inline);
    let subscription = config.subscription("Any", &Declared::NONE);
    assert_eq!(subscription.subscription_type, SubscriptionType::EventStore);
    assert_eq!((config.server.concurrency, config.server.reserved), (32, 4));
    assert_eq!(config.server.lease, seconds(30));
    assert_eq!(config.outbox.retry.max_backoff, seconds(3600));
    assert!(!config.enable_outbox && !config.server.priority_lanes.enabled);
}

#[test]
fn the_number_of_readers_depends_on_the_database_unless_the_file_says_it() {
    let sqlite = "[databases.default]\nprovider = 'sqlite'\ndatabase_uri = 'sqlite:a.db'\n";
    let postgresql = sqlite.replace("'sqlite'", "'postgresql'").replace("sqlite:", "postgresql://");
    assert_eq!(accepted(sqlite).database.pool_size, 4);
    assert_eq!(accepted(&postgresql).database.pool_size, 5);
    assert_eq!(accepted(&format!("{sqlite}pool_size = 20")).database.pool_size, 20);
}

#[test]
fn redis_makes_subscriptions_streams_and_enables_the_outbox() {
    let config = accepted("[brokers.default]\nprovider = 'redis'\nuri = 'redis://localhost'");
    let subscription = config.subscription("Any", &Declared::NONE);
    assert_eq!(subscription.subscription_type, SubscriptionType::Stream);
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
fn a_policy_of_the_lanes_comes_with_its_figure() {
    let lanes = |text: &str| accepted(text).server.priority_lanes;
    let none = lanes("");
    assert_eq!((none.policy, none.min_share, none.aging), (LanePolicy::Strict, 0.0, None));
    let share =
        "[server]\nconcurrency = 1\n[server.priority_lanes]\npolicy = 'min_share'\nmin_share = 0.9";
    assert_eq!((lanes(share).policy, lanes(share).min_share), (LanePolicy::MinShare, 0.9));
    let aging = "[server.priority_lanes]\npolicy = 'aging'\naging_ms = 1500";
    let age = Some(Duration::from_millis(1500));
    assert_eq!((lanes(aging).policy, lanes(aging).aging), (LanePolicy::Aging, age));
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
fn brokers_may_be_called_like_sections() {
    let config = accepted("[brokers.server]\nprovider = 'inline'\n[brokers.outbox]\n");
    assert!(config.brokers.contains_key("server") && config.brokers.contains_key("outbox"));
}

#[test]
fn fills_variables_into_texts_numbers_and_flags() {
    let text = "[databases.default]\nprovider = '${KIND|sqlite}'\ndatabase_uri = 'sqlite://${AT}'\n\
        synchronous = '${NONE|normal}'\n[server.health]\nport = '${PORT}'\nenabled = '${ON|false}'\n\
        [custom]\ndeep = [{ a = '${AT}-${AT}' }]";
    let variables = |name: &str| match name {
        // As a file ends.
        "AT" => Some("/x.db\n".into()),
        "PORT" => Some(" 9090\r\n".into()),
        _ => None,
    };
    let config = Config::parse(NAME, text, None, &variables).expect("must be accepted");
    let database = &config.database;
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
        let held = format!("<{}>", held.trim());
        prop_assert_eq!(config.custom["a"].as_str().expect("must be accepted"), held);
        prop_assert_eq!(config.server.concurrency, 32);
    }
}
