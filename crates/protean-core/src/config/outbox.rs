//! `[outbox]`: how messages leave for the broker.

use std::time::Duration;

use super::quantity::SOME;
use super::section::Section;

/// What the relay between the outbox and the broker goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbox {
    /// The broker that gets every message.
    pub broker: String,
    /// Brokers that get a copy of what is published.
    pub external_brokers: Vec<String>,
    /// The least number of messages the relay takes at a time, when there are that many.
    pub messages_per_tick: usize,
    /// The relay wakes on commit; this is how often it looks all the same.
    pub tick_interval: Duration,
    /// How rarely it may look when nothing happens; as often as ever when unset.
    pub max_tick_interval: Option<Duration>,
    /// What happens when the broker refuses a message.
    pub retry: OutboxRetry,
    /// How long rows are kept.
    pub cleanup: OutboxCleanup,
}

/// Trying to publish again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutboxRetry {
    /// How often a message is tried before it is abandoned.
    pub max_attempts: u32,
    /// The wait before the second attempt.
    pub base_delay: Duration,
    /// The longest wait.
    pub max_backoff: Duration,
    /// How much longer each wait is than the one before.
    pub backoff_multiplier: f64,
    /// Whether waits are spread at random.
    pub jitter: bool,
    /// The part of a wait that is random, from 0 to 1.
    pub jitter_factor: f64,
}

/// Rows that are done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxCleanup {
    /// How long a published row stays.
    pub published_retention: Duration,
    /// How long an abandoned row stays.
    pub abandoned_retention: Duration,
    /// How many rows are deleted at a time.
    pub batch_size: usize,
}

impl Outbox {
    pub(super) fn read(section: &mut Section<'_>, brokers: &[&str]) -> Self {
        let tick_interval = section.some_seconds("tick_interval").unwrap_or(Duration::from_secs(1));
        let max_tick_interval = section.some_seconds("max_tick_interval");
        if max_tick_interval.is_some_and(|most| most < tick_interval) {
            section.conflict("max_tick_interval", "is below tick_interval; raise it");
        }
        Self {
            broker: section.name_of("broker", "broker", brokers).unwrap_or("default".into()),
            external_brokers: section.names_of("external_brokers", "broker", brokers),
            messages_per_tick: section.whole("messages_per_tick", SOME).unwrap_or(10),
            tick_interval,
            max_tick_interval,
            retry: section.section("retry", OutboxRetry::read),
            cleanup: section.section("cleanup", OutboxCleanup::read),
        }
    }
}

impl OutboxRetry {
    fn read(section: &mut Section<'_>) -> Self {
        let base_delay = section.seconds("base_delay_seconds");
        let max_backoff =
            section.seconds("max_backoff_seconds").unwrap_or(Duration::from_secs(3600));
        if base_delay.is_some_and(|base| base > max_backoff) {
            section.conflict("base_delay_seconds", "is above max_backoff_seconds; lower it");
        }
        Self {
            max_attempts: section.whole("max_attempts", SOME).unwrap_or(3),
            base_delay: base_delay.unwrap_or(Duration::from_secs(60).min(max_backoff)),
            max_backoff,
            backoff_multiplier: section.number("backoff_multiplier", 1.0, 1000.0).unwrap_or(2.0),
            jitter: section.flag("jitter").unwrap_or(true),
            jitter_factor: section.number("jitter_factor", 0.0, 1.0).unwrap_or(0.25),
        }
    }
}

impl OutboxCleanup {
    fn read(section: &mut Section<'_>) -> Self {
        section.obsolete(&["cleanup_interval_ticks"]);
        let days = |count: u64| Duration::from_secs(count * 24 * 3600);
        Self {
            published_retention: section.hours("published_retention_hours").unwrap_or(days(7)),
            abandoned_retention: section.hours("abandoned_retention_hours").unwrap_or(days(30)),
            batch_size: section.whole("batch_size", SOME).unwrap_or(5000),
        }
    }
}
