//! `[server]`: the process that handles messages.

use std::time::Duration;

use super::dead_letter::DeadLetters;
use super::declared::Declared;
use super::health::Health;
use super::priority_lanes::PriorityLanes;
use super::quantity::{ANY, SOME};
use super::section::Section;
use super::subscription::SubscriptionType;
use super::subscriptions::Subscriptions;
use super::version_retry::VersionRetry;

/// What a server process goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// How many messages are handled at the same time.
    pub concurrency: usize,
    /// How many of these places backfill never takes; below `concurrency`.
    pub reserved: usize,
    /// How long handling one message may take; as long as it likes when unset.
    pub handler_timeout: Option<Duration>,
    /// How long a message is held for a worker that no longer answers.
    pub lease: Duration,
    /// Where a subscription reads of which nobody speaks.
    pub default_subscription_type: SubscriptionType,
    /// The most messages taken in one read, by a subscription of which nobody speaks.
    pub messages_per_tick: usize,
    /// The pause between reads, in a subscription of which nobody speaks.
    pub tick_interval: Duration,
    /// How long running handlers may take to finish when the server stops.
    pub drain_timeout: Duration,
    /// The lanes.
    pub priority_lanes: PriorityLanes,
    /// The upkeep of subscriptions that read the log.
    pub recovery: Recovery,
    /// Subscribers to the messages of others.
    pub broker_subscription: BrokerSubscription,
    /// What happens when another writer came first.
    pub version_retry: VersionRetry,
    /// The upkeep of dead letters.
    pub dlq: DeadLetters,
    /// The health endpoint.
    pub health: Health,
}

/// Looking again at what a subscription to the log left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether it is done.
    pub enabled: bool,
    /// How often.
    pub interval: Duration,
    /// How long a gap in the log is waited for.
    pub gap_timeout: Duration,
}

/// How a subscriber is fed from a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerSubscription {
    /// How often a message that failed is tried again before it is dead.
    pub max_retries: u32,
    /// The wait before the first retry.
    pub retry_delay: Duration,
    /// Whether a dead message is kept.
    pub enable_dlq: bool,
}

impl Server {
    /// Reads the section; subscriptions are of type `fallback` when nobody says.
    pub(super) fn read(
        section: &mut Section<'_>,
        fallback: SubscriptionType,
    ) -> (Self, Subscriptions) {
        section.obsolete(&["transient_retry", "partitioning"]);
        let (event_store, recovery) = section.section("event_store_subscription", |log| {
            (Declared::read_event_store(log), Recovery::read(log))
        });
        let broker = section.section("broker_subscription", Declared::read_broker);
        let subscriptions = Subscriptions::read(section, fallback).with(event_store, broker);
        let general = subscriptions.general();
        let (concurrency, reserved) = read_slots(section);
        let server = Self {
            concurrency,
            reserved,
            handler_timeout: general.handler_timeout,
            lease: section.some_seconds("lease_seconds").unwrap_or(Duration::from_secs(30)),
            default_subscription_type: general.subscription_type,
            messages_per_tick: general.messages_per_tick,
            tick_interval: general.tick_interval,
            drain_timeout: section.seconds("drain_timeout").unwrap_or(Duration::from_secs(10)),
            priority_lanes: section.switch("priority_lanes", PriorityLanes::read),
            recovery,
            broker_subscription: BrokerSubscription::of(&broker),
            version_retry: section.section("version_retry", VersionRetry::read),
            dlq: section.section("dlq", DeadLetters::read),
            health: section.section("health", Health::read),
        };
        (server, subscriptions)
    }
}

/// How many messages run at once, and how many of these places are kept from backfill.
fn read_slots(section: &mut Section<'_>) -> (usize, usize) {
    let concurrency = section.whole("concurrency", SOME).unwrap_or(32);
    let reserved = section.whole("reserved", ANY);
    if reserved.is_some_and(|reserved| reserved >= concurrency) {
        let message = format!("must be below concurrency, which is {concurrency}; lower it");
        section.conflict("reserved", message);
    }
    (concurrency, reserved.unwrap_or(4.min(concurrency - 1)))
}

impl Recovery {
    fn read(section: &mut Section<'_>) -> Self {
        let interval = section.some_seconds("recovery_interval_seconds");
        let gap_timeout = section.seconds("gap_timeout_seconds");
        Self {
            enabled: section.flag("enable_recovery").unwrap_or(true),
            interval: interval.unwrap_or(Duration::from_secs(30)),
            gap_timeout: gap_timeout.unwrap_or(Duration::from_secs(5)),
        }
    }
}

impl BrokerSubscription {
    fn of(said: &Declared) -> Self {
        Self {
            max_retries: said.max_retries.unwrap_or(3),
            retry_delay: said.retry_delay.unwrap_or(Duration::from_secs(1)),
            enable_dlq: said.enable_dlq.unwrap_or(true),
        }
    }
}
