//! What each key of the settings is for.

use std::time::Duration;

use crate::config::config::Config;
use crate::config::form::{Choice, Form};
use crate::config::subscription::{SubscriptionConfig, SubscriptionType};

/// What a key is for.
pub(super) enum Effect {
    /// It becomes a field, which a file outside the configuration reads when it mentions all
    /// of these words.
    Field { default: Box<dyn Fn(&Form) -> String>, words: &'static [&'static str] },
    /// It only matters to the reader.
    Reader(&'static str),
}

/// The field of an expression, its words when the name of the field alone is not enough, and
/// its default in words when the default depends on other keys.
macro_rules! field {
    ($object:ident $(. $field:ident)+) => {
        field!($object $(. $field)+ => [field!(@last $($field)+)])
    };
    ($object:ident $(. $field:ident)+ => [$($word:expr),+]) => {{
        let value = $object $(. $field)+.clone();
        Effect::Field { default: Box::new(move |form| value.shown(form)), words: &[$($word),+] }
    }};
    ($object:ident $(. $field:ident)+ => [$($word:expr),+], $default:literal) => {{
        let _ = &$object $(. $field)+;
        Effect::Field { default: Box::new(|_| $default.to_owned()), words: &[$($word),+] }
    }};
    (@last $field:ident) => { concat!(".", stringify!($field)) };
    (@last $first:ident $($field:ident)+) => { field!(@last $($field)+) };
}

/// Each key with its effect. A key of a subscription stands for that key of each section
/// that speaks of subscriptions.
pub(super) fn effects() -> Vec<(&'static str, Effect)> {
    let config = Config::default();
    let inline = config.brokers["default"].clone();
    let mut effects = vec![
        ("event_processing", field!(config.event_processing)),
        ("command_processing", field!(config.command_processing)),
        ("message_processing", field!(config.message_processing)),
        ("command_default_timeout", field!(config.command_default_timeout)),
        ("snapshot_threshold", field!(config.snapshot_threshold)),
        (
            "enable_outbox",
            field!(config.enable_outbox => [".enable_outbox"], "true with streams, else false"),
        ),
        ("lenient_deserialization", field!(config.lenient_deserialization)),
        ("custom", Effect::Reader("the application's own: `domain.config().custom`")),
        ("databases.default.provider", field!(config.database.provider => ["database.provider"])),
        ("databases.default.database_uri", field!(config.database.uri => ["database.uri"])),
        (
            "databases.default.pool_size",
            field!(config.database.pool_size => ["database.pool_size"], "4 with SQLite, else 5"),
        ),
        (
            "databases.default.synchronous",
            field!(config.database.synchronous => ["database.synchronous"]),
        ),
        ("brokers.NAME.provider", field!(inline.provider => ["broker.provider"])),
        ("brokers.NAME.URI", field!(inline.uri => ["broker.uri"])),
        (
            "brokers.NAME.max_connections",
            field!(inline.max_connections => ["broker.max_connections"]),
        ),
        ("brokers.NAME.socket_timeout", field!(inline.socket_timeout => ["broker.socket_timeout"])),
        (
            "brokers.NAME.socket_connect_timeout",
            field!(inline.socket_connect_timeout => ["broker.socket_connect_timeout"]),
        ),
        ("event_store.provider", Effect::Reader("must be that of the default database")),
        ("event_store.database_uri", Effect::Reader("must be that of the default database")),
        ("intake.max_priority", field!(config.intake.max_priority => ["intake.max_priority"])),
        ("idempotency.ttl", field!(config.idempotency.ttl => ["idempotency.ttl"])),
        (
            "idempotency.error_ttl",
            field!(config.idempotency.error_ttl => ["idempotency.error_ttl"]),
        ),
    ];
    effects.extend(telemetry_effects(&config));
    effects.extend(outbox_effects(&config));
    effects.extend(server_effects(&config));
    effects.extend(observatory_effects(&config));
    effects.extend(subscription_effects());
    effects
}

fn telemetry_effects(config: &Config) -> Vec<(&'static str, Effect)> {
    vec![
        ("telemetry.enabled", field!(config.telemetry.enabled => ["telemetry.enabled"])),
        (
            "telemetry.endpoint",
            field!(config.telemetry.endpoint => ["telemetry.endpoint"], "http://localhost:4318"),
        ),
        (
            "telemetry.service_name",
            field!(config.telemetry.service_name => ["telemetry.service_name"], "the domain's name"),
        ),
        (
            "telemetry.resource_attributes",
            field!(config.telemetry.resource_attributes => ["telemetry.resource_attributes"], "none"),
        ),
        ("logging.format", field!(config.logging.format => ["logging.format"])),
    ]
}

pub(super) fn outbox_effects(config: &Config) -> Vec<(&'static str, Effect)> {
    let outbox = &config.outbox;
    let retry = &outbox.retry;
    vec![
        ("outbox.broker", field!(outbox.broker => ["outbox.broker"])),
        ("outbox.external_brokers", field!(outbox.external_brokers)),
        ("outbox.external_metadata", field!(outbox.external_metadata)),
        ("outbox.tick_interval", field!(outbox.tick_interval => ["outbox.tick_interval"])),
        ("outbox.retry.max_attempts", field!(retry.max_attempts => ["retry.max_attempts"])),
        (
            "outbox.retry.base_delay_seconds",
            field!(retry.base_delay => ["OutboxRetry", "base_delay"]),
        ),
        (
            "outbox.retry.max_backoff_seconds",
            field!(retry.max_backoff => ["OutboxRetry", "max_backoff"]),
        ),
        (
            "outbox.retry.backoff_multiplier",
            field!(retry.backoff_multiplier => ["OutboxRetry", "backoff_multiplier"]),
        ),
        ("outbox.retry.jitter", field!(retry.jitter => ["retry.jitter"])),
        ("outbox.retry.jitter_factor", field!(retry.jitter_factor => ["retry.jitter_factor"])),
    ]
}

pub(super) fn server_effects(config: &Config) -> Vec<(&'static str, Effect)> {
    let server = &config.server;
    let (lanes, health, dlq) = (&server.priority_lanes, &server.health, &server.dlq);
    let retry = &server.version_retry;
    vec![
        ("server.concurrency", field!(server.concurrency => ["server.concurrency"])),
        ("server.reserved", field!(server.reserved => ["server.reserved"])),
        ("server.lease_seconds", field!(server.lease => ["server.lease"])),
        ("server.drain_timeout", field!(server.drain_timeout => ["server.drain_timeout"])),
        (
            "server.allow_vanished_groups",
            field!(server.allow_vanished_groups => ["server.allow_vanished_groups"]),
        ),
        ("server.priority_lanes.enabled", field!(lanes.enabled => ["lanes.enabled"])),
        ("server.priority_lanes.threshold", field!(lanes.threshold => ["lanes.threshold"])),
        ("server.priority_lanes.backfill_suffix", field!(lanes.backfill_suffix)),
        (
            "server.priority_lanes.policy",
            Effect::Reader("strict when unset; decides whether min_share or aging_ms applies"),
        ),
        ("server.priority_lanes.min_share", field!(lanes.min_share => ["lanes.min_share"])),
        ("server.priority_lanes.aging_ms", field!(lanes.aging => ["priority_lanes.aging"])),
        ("server.priority_lanes.backfill_latency_target_ms", field!(lanes.backfill_latency_target)),
        (
            "server.priority_lanes.production_latency_target_ms",
            field!(lanes.production_latency_target),
        ),
        ("server.priority_lanes.backfill_high_water", field!(lanes.backfill_high_water)),
        ("server.priority_lanes.backfill_entries", field!(lanes.backfill_entries)),
        ("server.priority_lanes.backfill_low_water", field!(lanes.backfill_low_water)),
        ("server.priority_lanes.producer_high_water", field!(lanes.producer_high_water)),
        ("server.version_retry.enabled", field!(retry.enabled => ["version_retry", ".enabled"])),
        (
            "server.version_retry.max_retries",
            field!(retry.max_retries => ["version_retry", ".max_retries"]),
        ),
        (
            "server.version_retry.base_delay_seconds",
            field!(retry.base_delay => ["version_retry", ".base_delay"]),
        ),
        (
            "server.version_retry.max_delay_seconds",
            field!(retry.max_delay => ["version_retry", ".max_delay"]),
        ),
        ("server.dlq.enabled", field!(dlq.enabled => ["dlq.enabled"])),
        ("server.dlq.retention_hours", field!(dlq.retention => ["server.dlq", ".retention"])),
        ("server.dlq.alert_threshold", field!(dlq.alert_threshold)),
        ("server.dlq.check_interval_seconds", field!(dlq.check_interval)),
        ("server.health.enabled", field!(health.enabled => ["HealthConfig", ".enabled"])),
        ("server.health.host", field!(health.host => ["HealthConfig", ".host"])),
        ("server.health.port", field!(health.port => ["HealthConfig", ".port"])),
        ("server.health.port_auto_increment", field!(health.port_auto_increment)),
        (
            "server.default_subscription_profile",
            Effect::Reader("chooses the settings of a profile"),
        ),
        ("server.profiles.NAME.inherits", Effect::Reader("chooses the settings of a profile")),
        ("server.subscriptions.NAME.profile", Effect::Reader("chooses the settings of a profile")),
    ]
}

pub(super) fn observatory_effects(config: &Config) -> Vec<(&'static str, Effect)> {
    let observatory = &config.server.observatory;
    vec![
        ("server.observatory.enabled", field!(observatory.enabled => ["observatory", ".enabled"])),
        ("server.observatory.hosts", field!(observatory.hosts => ["observatory", ".hosts"])),
        (
            "server.observatory.tokens.NAME.secret",
            Effect::Reader("lets the operator of this name change things in the observatory"),
        ),
    ]
}

/// The sections that speak of subscriptions.
pub(super) const SUBSCRIPTIONS: [&str; 6] = [
    "server",
    "server.broker_subscription",
    "server.event_store_subscription",
    "server.profiles.NAME",
    "server.stream_subscription",
    "server.subscriptions.NAME",
];

pub(super) fn subscription_effects() -> Vec<(&'static str, Effect)> {
    let subscription = SubscriptionConfig::built_in(SubscriptionType::EventStore);
    let of_type = || {
        field!(subscription.subscription_type => ["subscription.subscription_type"],
            "stream with a Redis broker, else event_store")
    };
    vec![
        ("default_subscription_type", of_type()),
        ("subscription_type", of_type()),
        (
            "messages_per_tick",
            field!(subscription.messages_per_tick => ["subscription.messages_per_tick"]),
        ),
        ("blocking_timeout_ms", field!(subscription.blocking_timeout)),
        ("max_retries", field!(subscription.max_retries => ["subscription.max_retries"])),
        ("retry_delay_seconds", field!(subscription.retry_delay => ["subscription.retry_delay"])),
        ("enable_dlq", field!(subscription.enable_dlq)),
        ("circuit_breaker_threshold", field!(subscription.circuit_breaker_threshold)),
        ("circuit_breaker_reset_seconds", field!(subscription.circuit_breaker_reset)),
        ("ordering", field!(subscription.ordering => ["subscription.ordering"])),
        ("on_dead_letter", field!(subscription.on_dead_letter)),
        ("start_from", field!(subscription.start_from => [".start_from"], "the kind of handler")),
        ("handler_timeout_seconds", field!(subscription.handler_timeout)),
    ]
}

/// The default of a key, as the file would write it.
trait Shown {
    fn shown(&self, form: &Form) -> String;
}

impl<T: Choice> Shown for T {
    fn shown(&self, _: &Form) -> String {
        self.name().to_owned()
    }
}

impl Shown for Duration {
    fn shown(&self, form: &Form) -> String {
        let Form::Duration(unit) = form else { panic!("a duration is read as {form}") };
        (self.as_secs_f64() / unit.in_seconds()).to_string()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self, form: &Form) -> String {
        self.as_ref().map_or("none".to_owned(), |value| value.shown(form))
    }
}

impl Shown for Vec<String> {
    fn shown(&self, _: &Form) -> String {
        format!("{self:?}")
    }
}

macro_rules! shown {
    ($($ty:ty),+) => {$(
        impl Shown for $ty {
            fn shown(&self, _: &Form) -> String {
                self.to_string()
            }
        }
    )+};
}

shown!(bool, f64, i32, String, u16, u32, u64, usize);
