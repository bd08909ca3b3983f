//! The chain of places that say something about a subscription.

use std::time::Duration;

use super::{accepted, lines, seconds};
use crate::config::{
    BATCH, Declared, FAST, OnDeadLetter, Ordering, PRODUCTION, StartFrom, SubscriptionType,
};

const CHAIN: &str = "[server]\nmessages_per_tick = 21\ndefault_subscription_profile = 'batch'\n\
    [server.stream_subscription]\nretry_delay_seconds = 22\n\
    [server.event_store_subscription]\nretry_delay_seconds = 23\n\
    [server.profiles.slow]\ninherits = 'fast'\nmax_retries = 24\n\
    [server.subscriptions.Mailer]\nprofile = 'slow'\ncircuit_breaker_threshold = 25\n\
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
    assert_eq!((mailer.max_retries, mailer.circuit_breaker_threshold), (24, 25));
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
    assert_eq!((mailer.max_retries, mailer.circuit_breaker_threshold), (1, 25));
    assert_eq!(config.subscription("Other", &by_type).retry_delay, seconds(23));
    let by_profile = Declared { profile: Some("production"), ..by_type };
    let mailer = config.subscription("Mailer", &by_profile);
    assert_eq!(mailer.subscription_type, SubscriptionType::Stream, "a profile is above the type");
    assert_eq!(Some(mailer.blocking_timeout), PRODUCTION.settings.blocking_timeout);
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
}

#[test]
fn names_sections_and_profiles_of_nobody() {
    let config = accepted(CHAIN);
    assert_eq!(config.unknown_subscriptions(&["Mailer"]), []);
    assert_eq!(
        lines(&config.unknown_subscriptions(&["Mailler", "Other"])),
        "domain.toml:11: server.subscriptions.Mailer: no handler has this name; \
         did you mean 'Mailler'?"
    );
    let declared = |name| Declared { profile: Some(name), ..Declared::NONE };
    assert_eq!(config.unknown_profile(&declared("slow")), None);
    let unknown = config.unknown_profile(&declared("slw"));
    assert_eq!(unknown.as_deref(), Some("unknown profile 'slw'; did you mean 'slow'?"));
}
