//! The built-in profiles: settings that go together, under a name.

use std::time::Duration;

use super::subscription::{Declared, SubscriptionType};

/// A built-in set of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// Its name in the file and in handlers.
    pub name: &'static str,
    /// What it says; the next place answers what it leaves open.
    pub settings: Declared,
}

/// High throughput, with retries.
pub const PRODUCTION: Profile = Profile {
    name: "production",
    settings: Declared {
        subscription_type: Some(SubscriptionType::Stream),
        messages_per_tick: Some(100),
        blocking_timeout: Some(Duration::from_millis(5000)),
        max_retries: Some(3),
        retry_delay: Some(Duration::from_secs(1)),
        enable_dlq: Some(true),
        ..Declared::NONE
    },
};

/// Low latency rather than throughput.
pub const FAST: Profile = Profile {
    name: "fast",
    settings: Declared {
        subscription_type: Some(SubscriptionType::Stream),
        messages_per_tick: Some(10),
        blocking_timeout: Some(Duration::from_millis(100)),
        max_retries: Some(2),
        retry_delay: Some(Duration::ZERO),
        enable_dlq: Some(true),
        ..Declared::NONE
    },
};

/// Throughput rather than low latency.
pub const BATCH: Profile = Profile {
    name: "batch",
    settings: Declared {
        subscription_type: Some(SubscriptionType::Stream),
        messages_per_tick: Some(500),
        blocking_timeout: Some(Duration::from_millis(10_000)),
        max_retries: Some(5),
        retry_delay: Some(Duration::from_secs(2)),
        enable_dlq: Some(true),
        ..Declared::NONE
    },
};

/// One message at a time, and failures that show at once.
pub const DEBUG: Profile = Profile {
    name: "debug",
    settings: Declared {
        subscription_type: Some(SubscriptionType::Stream),
        messages_per_tick: Some(1),
        blocking_timeout: Some(Duration::from_millis(1000)),
        max_retries: Some(1),
        retry_delay: Some(Duration::ZERO),
        enable_dlq: Some(false),
        ..Declared::NONE
    },
};

/// Read models, which read the log.
pub const PROJECTION: Profile = Profile {
    name: "projection",
    settings: Declared {
        subscription_type: Some(SubscriptionType::EventStore),
        messages_per_tick: Some(100),
        enable_dlq: Some(false),
        ..Declared::NONE
    },
};

/// Every built-in profile.
pub(super) const BUILT_IN: [Profile; 5] = [PRODUCTION, FAST, BATCH, DEBUG, PROJECTION];
