//! The whole configuration, with every question answered.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::broker::{BrokerConfig, BrokerKind};
use super::custom::Custom;
use super::database::{DatabaseConfig, DatabaseKind};
use super::document::Table;
use super::fault::{Fault, Report};
use super::form::choices;
use super::logging::LoggingConfig;
use super::outbox::OutboxConfig;
use super::section::{Fixed, Section, read_file};
use super::server::ServerConfig;
use super::subscription::{Declared, SubscriptionConfig, SubscriptionType};
use super::subscriptions::Subscriptions;
use super::telemetry::TelemetryConfig;
use super::values::ANY;

/// The settings of a domain, as `domain.toml` gives them.
///
/// [`Config::default`] is what an empty file gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// When event handlers run.
    pub event_processing: Processing,
    /// When command handlers run.
    pub command_processing: Processing,
    /// When subscribers to other systems' messages run.
    pub message_processing: Processing,
    /// How long a command without a deadline of its own stays valid; for ever when unset.
    pub command_default_timeout: Option<Duration>,
    /// The number of events of an event-sourced aggregate between two snapshots; with 0,
    /// snapshots are only made on request.
    pub snapshot_threshold: u32,
    /// Whether messages leave for the broker through the outbox.
    pub enable_outbox: bool,
    /// Whether to ignore fields of a stored message that its type does not have.
    pub lenient_deserialization: bool,
    /// The database.
    pub database: DatabaseConfig,
    /// The brokers by name; `default` is always among them.
    pub brokers: BTreeMap<String, BrokerConfig>,
    /// The server.
    pub server: ServerConfig,
    /// The outbox.
    pub outbox: OutboxConfig,
    /// The settings of the intake.
    pub intake: IntakeConfig,
    /// How long commands with an idempotency key are remembered.
    pub idempotency: Idempotency,
    /// Spans and metrics that are exported.
    pub telemetry: TelemetryConfig,
    /// Log lines.
    pub logging: LoggingConfig,
    /// The application's own settings.
    pub custom: Custom,
    /// What to look at, though nothing is wrong: above all, settings that have no effect.
    pub warnings: Vec<Fault>,
    subscriptions: Subscriptions,
}

impl Config {
    /// The same, with everything kept in memory and every handler run at once.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.database.provider = DatabaseKind::Memory;
        self.telemetry.enabled = false;
        for broker in self.brokers.values_mut() {
            broker.provider = BrokerKind::Inline;
        }
        self.event_processing = Processing::Sync;
        self.command_processing = Processing::Sync;
        self.message_processing = Processing::Sync;
        self
    }

    /// The same, but stored in an SQLite file.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self = self.in_memory();
        self.database.provider = DatabaseKind::Sqlite;
        self.database.uri = Some(format!("sqlite://{}", file.display()));
        self
    }

    /// The settings of the subscription of `handler`, about which the code says `declared`.
    ///
    /// From the strongest to the weakest: the handler's own fields, its profile, its type,
    /// `[server.subscriptions.HANDLER]`, the server, the default profile.
    pub fn subscription(&self, handler: &str, declared: &Declared) -> SubscriptionConfig {
        self.subscriptions.of(handler, declared)
    }

    /// The same for a subscriber to a broker's stream: `[server.broker_subscription]` comes
    /// below its own section, and it always reads the log, in no order.
    pub fn subscriber(&self, handler: &str, declared: &Declared) -> SubscriptionConfig {
        self.subscriptions.of_subscriber(handler, declared)
    }

    /// The same for a process manager, whose order and beginning are fixed.
    ///
    /// # Errors
    /// The settings and what is wrong, when its own section asks for another order or beginning.
    pub fn process_manager(
        &self,
        handler: &str,
        declared: &Declared,
    ) -> Result<SubscriptionConfig, (SubscriptionConfig, String)> {
        self.subscriptions.of_process_manager(handler, declared)
    }

    /// One fault for each `[server.subscriptions.HANDLER]` that names none of `handlers`.
    pub fn unknown_subscriptions(&self, handlers: &[&str]) -> Vec<Fault> {
        self.subscriptions.unknown(handlers)
    }

    /// The message when a handler declares a profile that does not exist.
    pub fn unknown_profile(&self, declared: &Declared) -> Option<String> {
        self.subscriptions.unknown_profile(declared)
    }
}

impl Default for Config {
    fn default() -> Self {
        read_file(&Table::new(), &mut Report::new("domain.toml"), read)
    }
}

/// When messages are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processing {
    /// Before the call that caused the message returns.
    Sync,
    /// Later, by a server process.
    Async,
}

choices!(Processing: "async" is Async, "sync" is Sync);

/// `[idempotency]`: how long the answer to a command with an idempotency key is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Idempotency {
    /// How long the output of a command that succeeded is kept.
    pub ttl: Duration,
    /// How long the failure of a command is kept.
    pub error_ttl: Duration,
}

/// `[intake]`: commands that plain programs enqueue in the table `protean_intake`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntakeConfig {
    /// The highest priority that a row may have.
    pub max_priority: i32,
}

impl IntakeConfig {
    fn read(section: &mut Section<'_>) -> Self {
        let max_priority = section.whole("max_priority", i32::MIN.into()..=i32::MAX.into());
        Self { max_priority: max_priority.unwrap_or(0) }
    }
}

impl Idempotency {
    fn read(section: &mut Section<'_>) -> Self {
        section.ignored("redis_url", "keys are kept in the default database; remove the key");
        Self {
            ttl: section.some_seconds("ttl").unwrap_or(Duration::from_secs(86_400)),
            error_ttl: section.seconds("error_ttl").unwrap_or(Duration::from_secs(60)),
        }
    }
}

/// Tables of Protean 0.18 without effect here, each with the reason.
pub(super) const IGNORED_TABLES: [(&str, &str); 5] = [
    ("caches", "projections are kept in the default database; remove the table"),
    ("email_providers", "no mail is sent; remove the table"),
    ("lint", "the command `check` finds what is wrong; remove the table"),
    ("observatory", "its settings are in [server.observatory]; move them there"),
    ("consume_idempotency", "the effects of a message always apply once; remove the key"),
];

/// Values of Protean 0.18 without effect here, each with the reason.
const IGNORED_VALUES: [(&str, &str); 6] = [
    ("env", "the variable PROTEAN_ENV chooses the environment; use it instead"),
    ("testing", "tests choose their own settings; remove the key"),
    ("debug", "the variable PROTEAN_LOG decides what is logged; use it instead"),
    ("secret_key", "nothing is signed or encrypted with it; remove the key"),
    ("source_uri", "messages carry no source; remove the key"),
    ("field_defaults", "types declare the defaults of their fields; remove the key"),
];

/// Reads the top of the file and everything below.
pub(super) fn read(root: &mut Section<'_>) -> Config {
    for (key, because) in IGNORED_VALUES.into_iter().chain(IGNORED_TABLES) {
        root.ignored(key, because);
    }
    read_identities(root);
    let database = DatabaseConfig::read_default(root);
    let brokers = BrokerConfig::read_all(root);
    let broker_names: Vec<_> = brokers.keys().map(String::as_str).collect();
    root.section("event_store", |section| database.check_event_store(section));
    let fallback = if brokers.values().any(BrokerConfig::has_streams) {
        SubscriptionType::Stream
    } else {
        SubscriptionType::EventStore
    };
    let (server, subscriptions) =
        root.section("server", |section| ServerConfig::read(section, fallback));
    Config {
        event_processing: root.choice("event_processing").unwrap_or(Processing::Async),
        command_processing: root.choice("command_processing").unwrap_or(Processing::Async),
        message_processing: root.choice("message_processing").unwrap_or(Processing::Async),
        command_default_timeout: root.some_seconds("command_default_timeout"),
        snapshot_threshold: root.whole("snapshot_threshold", ANY).unwrap_or(10),
        enable_outbox: read_enable_outbox(root, &subscriptions),
        lenient_deserialization: root.flag("lenient_deserialization").unwrap_or(false),
        outbox: root.section("outbox", |section| OutboxConfig::read(section, &broker_names)),
        idempotency: root.section("idempotency", Idempotency::read),
        intake: root.section("intake", IntakeConfig::read),
        telemetry: root.section("telemetry", TelemetryConfig::read),
        logging: root.section("logging", LoggingConfig::read),
        custom: root.free("custom").map(Custom::of).unwrap_or_default(),
        warnings: Vec::new(),
        database,
        brokers,
        server,
        subscriptions,
    }
}

fn read_identities(root: &mut Section<'_>) {
    root.refused_unless(
        "identity_strategy",
        Fixed::Text("uuid"),
        "a new identity is a UUID, unless the program gives one; remove the key",
    );
    root.ignored_unless(
        "identity_type",
        Fixed::Text("string"),
        "identities are always kept as text; remove the key",
    );
}

fn read_enable_outbox(root: &mut Section<'_>, subscriptions: &Subscriptions) -> bool {
    let streams = subscriptions.default_type() == SubscriptionType::Stream;
    let enabled = root.flag("enable_outbox");
    let conflict = match enabled {
        Some(true) if subscriptions.wanted_type() == Some(SubscriptionType::EventStore) => {
            "true conflicts with subscriptions of type 'event_store', which read no broker; \
             remove the key, or set server.default_subscription_type = \"stream\""
        }
        Some(false) if streams => {
            "false conflicts with subscriptions of type 'stream': a message could be lost \
             between database and broker; remove the key, or set \
             server.default_subscription_type = \"event_store\""
        }
        _ => return enabled.unwrap_or(streams),
    };
    root.conflict("enable_outbox", conflict);
    streams
}
