//! `[outbox]`: publishing messages to brokers.

use std::time::Duration;

use protean_port::message::Metadata;

use super::section::{Fixed, Section};
use super::values::SOME;

/// How the relay publishes what was committed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutboxConfig {
    /// The broker that gets every message.
    pub broker: String,
    /// Brokers that get a copy of every published event.
    pub external_brokers: Vec<String>,
    /// The metadata keys that external brokers get.
    pub external_metadata: Vec<String>,
    /// The relay wakes on every commit; it also looks at this interval.
    pub tick_interval: Duration,
    /// What happens when the broker refuses a message.
    pub retry: OutboxRetry,
}

/// Publishing a refused message again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutboxRetry {
    /// The number of attempts before the message is abandoned.
    pub max_attempts: u32,
    /// The wait before the second attempt.
    pub base_delay: Duration,
    /// The longest wait.
    pub max_backoff: Duration,
    /// Each wait is this many times as long as the one before.
    pub backoff_multiplier: f64,
    /// Whether waits are varied.
    pub jitter: bool,
    /// The part of a wait that varies, from 0 to 1.
    pub jitter_factor: f64,
}

impl OutboxConfig {
    pub(super) fn read(section: &mut Section<'_>, brokers: &[&str]) -> Self {
        let tick_interval = section.some_seconds("tick_interval").unwrap_or(Duration::from_secs(1));
        section.ignored(
            "messages_per_tick",
            "the relay adapts the size of its batches to the time they take; remove the key",
        );
        section.ignored_unless(
            "max_tick_interval",
            Fixed::Number(tick_interval.as_secs_f64()),
            "the relay wakes on every commit and its interval does not grow; \
             set tick_interval instead",
        );
        section.section("cleanup", ignore_cleanup);
        let broker = section.name_of("broker", "broker", brokers).unwrap_or("default".into());
        let external_brokers = section.names_of("external_brokers", "broker", brokers);
        let external_metadata = external_metadata(section, &external_brokers);
        Self {
            broker,
            external_brokers,
            external_metadata,
            tick_interval,
            retry: section.section("retry", OutboxRetry::read),
        }
    }
}

/// The keys of `external_metadata`. Each must be one that a message can have.
fn external_metadata(section: &mut Section<'_>, external_brokers: &[String]) -> Vec<String> {
    let name = "external_metadata";
    let keys = section.texts(name, "metadata key");
    for key in &keys {
        let mut metadata = Metadata::default();
        metadata.set(key, "");
        let checked = metadata.check().err();
        let faults = checked.iter().filter_map(|error| error.violations());
        for fault in faults.flat_map(|faults| faults.get("metadata")) {
            section.refuse(name, fault);
        }
    }
    if !keys.is_empty() && external_brokers.is_empty() {
        let fault = "has no effect without external_brokers; list one there, or remove the key";
        section.conflict(name, fault);
    }
    keys
}

/// The outbox is a view of the log: it has no rows that could be deleted.
fn ignore_cleanup(section: &mut Section<'_>) {
    let published = "a published message leaves nothing in the outbox; remove the key";
    section.ignored("published_retention_hours", published);
    section.ignored(
        "abandoned_retention_hours",
        "an abandoned message is kept until it is published; see the command `outbox retry`",
    );
    for key in ["batch_size", "cleanup_interval_ticks"] {
        section.ignored(key, "the outbox needs no cleaning up; remove the key");
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
            backoff_multiplier: section.number("backoff_multiplier", 1.0..=1000.0).unwrap_or(2.0),
            jitter: section.flag("jitter").unwrap_or(true),
            jitter_factor: section.number("jitter_factor", 0.0..=1.0).unwrap_or(0.25),
        }
    }
}
