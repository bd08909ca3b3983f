//! Settings that go together, by name, and what holds when nobody says anything.

use std::time::Duration;

use super::declared::Declared;
use super::subscription::{OnDeadLetter, Ordering, Subscription, SubscriptionType};

/// A built-in set of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name the file and the handlers call it by.
    pub name: &'static str,
    /// What it says; a later place answers what it leaves open.
    pub settings: Declared,
}

/// Many messages, reliably.
pub const PRODUCTION: Profile = Profile {
    name: "production",
    settings: Declared {
        subscription_type: Some(SubscriptionType::Stream),
        messages_per_tick: Some(100),
        blocking_timeout: Some(Duration::from_millis(5000)),
        max_retries: Some(3),
        retry_delay: Some(Duration::from_secs(1)),
        enable_dlq: Some(true),
        position_update_interval: Some(10),
        retention_maxlen: Some(100_000),
        ..Declared::NONE
    },
};

/// Soon rather than many.
pub const FAST: Profile = Profile {
    name: "fast",
    settings: Declared {
        subscription_type: Some(SubscriptionType::Stream),
        messages_per_tick: Some(10),
        blocking_timeout: Some(Duration::from_millis(100)),
        max_retries: Some(2),
        retry_delay: Some(Duration::ZERO),
        enable_dlq: Some(true),
        position_update_interval: Some(5),
        retention_maxlen: Some(100_000),
        ..Declared::NONE
    },
};

/// Many rather than soon.
pub const BATCH: Profile = Profile {
    name: "batch",
    settings: Declared {
        subscription_type: Some(SubscriptionType::Stream),
        messages_per_tick: Some(500),
        blocking_timeout: Some(Duration::from_millis(10_000)),
        max_retries: Some(5),
        retry_delay: Some(Duration::from_secs(2)),
        enable_dlq: Some(true),
        position_update_interval: Some(50),
        retention_maxlen: Some(500_000),
        ..Declared::NONE
    },
};

/// One at a time, slowly, to watch.
pub const DEBUG: Profile = Profile {
    name: "debug",
    settings: Declared {
        subscription_type: Some(SubscriptionType::Stream),
        messages_per_tick: Some(1),
        tick_interval: Some(Duration::from_secs(1)),
        blocking_timeout: Some(Duration::from_millis(1000)),
        max_retries: Some(1),
        retry_delay: Some(Duration::ZERO),
        enable_dlq: Some(false),
        position_update_interval: Some(1),
        retention_maxlen: Some(1000),
        ..Declared::NONE
    },
};

/// Read models, fed from the log.
pub const PROJECTION: Profile = Profile {
    name: "projection",
    settings: Declared {
        subscription_type: Some(SubscriptionType::EventStore),
        messages_per_tick: Some(100),
        enable_dlq: Some(false),
        position_update_interval: Some(10),
        ..Declared::NONE
    },
};

/// The profiles that are always there.
pub(super) const BUILT_IN: [Profile; 5] = [PRODUCTION, FAST, BATCH, DEBUG, PROJECTION];

/// What holds when nobody says anything; the brokers decide about the type.
pub(super) const fn unsaid(subscription_type: SubscriptionType) -> Subscription {
    Subscription {
        subscription_type,
        messages_per_tick: 10,
        tick_interval: Duration::ZERO,
        blocking_timeout: Duration::from_millis(5000),
        max_retries: 3,
        retry_delay: Duration::from_secs(1),
        enable_dlq: true,
        position_update_interval: 10,
        retention_maxlen: None,
        circuit_breaker_threshold: 10,
        circuit_breaker_reset: Duration::from_secs(60),
        ordering: Ordering::Stream,
        on_dead_letter: OnDeadLetter::Hold,
        start_from: None,
        handler_timeout: None,
    }
}
