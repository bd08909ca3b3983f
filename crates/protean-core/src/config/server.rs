//! `[server]`: the process that handles messages.

use std::time::Duration;

use super::observatory::ObservatoryConfig;
use super::priority_lanes::PriorityLanes;
use super::section::Section;
use super::subscription::SubscriptionType;
use super::subscriptions::Subscriptions;
use super::values::{ANY, SOME};

/// The settings of a server process.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// How many handlers of a server process run at the same time. Each subscription may
    /// run one message beyond that, so that none is blocked by the others.
    pub concurrency: usize,
    /// The slots of these that backfill never takes; below `concurrency`.
    pub reserved: usize,
    /// The time after which a message is taken over from a worker that does not answer.
    pub lease: Duration,
    /// The time that running handlers get to finish when the server stops.
    pub drain_timeout: Duration,
    /// Whether it starts although a group that no handler has any more has unfinished messages.
    pub allow_vanished_groups: bool,
    /// The lanes.
    pub priority_lanes: PriorityLanes,
    /// What happens when another writer committed first.
    pub version_retry: VersionRetry,
    /// Maintenance of dead letters.
    pub dlq: DeadLetterConfig,
    /// The health page.
    pub health: HealthConfig,
    /// The pages for people.
    pub observatory: ObservatoryConfig,
}

/// `[server.version_retry]`: running a handler again, at once, after a version conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRetry {
    /// Whether this is done.
    pub enabled: bool,
    /// The number of retries before the conflict counts as a failure.
    pub max_retries: u32,
    /// The wait before the first retry.
    pub base_delay: Duration,
    /// The longest wait.
    pub max_delay: Duration,
}

/// `[server.dlq]`: maintenance of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetterConfig {
    /// Whether the server purges old dead letters and warns about many.
    pub enabled: bool,
    /// The age at which a dead letter is purged.
    pub retention: Duration,
    /// The number of dead letters of one handler from which the log warns.
    pub alert_threshold: u64,
    /// The time between two rounds of maintenance.
    pub check_interval: Duration,
}

/// `[server.health]`: the page that shows the state of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthConfig {
    /// Whether it is served.
    pub enabled: bool,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Whether to take the next free port when this one is in use.
    pub port_auto_increment: bool,
}

impl ServerConfig {
    /// Reads the section; subscriptions are of type `fallback` unless it says otherwise.
    pub(super) fn read(
        section: &mut Section<'_>,
        fallback: SubscriptionType,
    ) -> (Self, Subscriptions) {
        section.ignored(
            "transient_retry",
            "a transient failure is retried like any other; see max_retries of the subscription",
        );
        section.ignored(
            "partitioning",
            "server processes share the messages of a stream by themselves; remove the key",
        );
        let subscriptions = Subscriptions::read(section, fallback);
        let concurrency = section.whole("concurrency", SOME).unwrap_or(32);
        let reserved = section.whole_below("reserved", ("concurrency", concurrency), 4);
        let server = Self {
            concurrency,
            reserved,
            lease: section.some_seconds("lease_seconds").unwrap_or(Duration::from_secs(30)),
            drain_timeout: section.seconds("drain_timeout").unwrap_or(Duration::from_secs(10)),
            allow_vanished_groups: section.flag("allow_vanished_groups").unwrap_or(false),
            priority_lanes: section.switch("priority_lanes", |lanes| {
                PriorityLanes::read(lanes, concurrency, reserved)
            }),
            version_retry: section.section("version_retry", VersionRetry::read),
            dlq: section.section("dlq", DeadLetterConfig::read),
            health: section.section("health", HealthConfig::read),
            observatory: section.section("observatory", ObservatoryConfig::read),
        };
        (server, subscriptions)
    }
}

impl VersionRetry {
    fn read(section: &mut Section<'_>) -> Self {
        let base_delay = section.seconds("base_delay_seconds");
        let max_delay = section.seconds("max_delay_seconds").unwrap_or(Duration::from_secs(1));
        if base_delay.is_some_and(|base| base > max_delay) {
            section.conflict("base_delay_seconds", "is above max_delay_seconds; lower it");
        }
        Self {
            enabled: section.flag("enabled").unwrap_or(true),
            max_retries: section.whole("max_retries", ANY).unwrap_or(3),
            base_delay: base_delay.unwrap_or(Duration::from_millis(50).min(max_delay)),
            max_delay,
        }
    }
}

impl DeadLetterConfig {
    fn read(section: &mut Section<'_>) -> Self {
        section.ignored("alert_callback", "alerts are warnings in the log; remove the key");
        let week = Duration::from_secs(7 * 24 * 3600);
        let check_interval = section.some_seconds("check_interval_seconds");
        Self {
            enabled: section.flag("enabled").unwrap_or(false),
            retention: section.hours("retention_hours").unwrap_or(week),
            alert_threshold: section.whole("alert_threshold", SOME).unwrap_or(100),
            check_interval: check_interval.unwrap_or(Duration::from_secs(60)),
        }
    }
}

impl HealthConfig {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            enabled: section.flag("enabled").unwrap_or(true),
            host: section.text("host").unwrap_or("127.0.0.1".into()),
            port: section.whole("port", 0..=u16::MAX.into()).unwrap_or(8080),
            port_auto_increment: section.flag("port_auto_increment").unwrap_or(false),
        }
    }
}
