//! The whole configuration, with every question answered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::broker::{Broker, BrokerProvider};
use super::custom::Custom;
use super::database::{Database, DatabaseProvider};
use super::declared::Declared;
use super::document::{self, Table};
use super::event_store;
use super::fault::Fault;
use super::find::find;
use super::idempotency::Idempotency;
use super::identity::{IdentityStrategy, IdentityType};
use super::outbox::Outbox;
use super::overlay::{self, Names};
use super::priority_lanes::spell_out;
use super::processing::Processing;
use super::quantity::ANY;
use super::report::Report;
use super::section::{Asked, Section};
use super::server::Server;
use super::subscription::{Subscription, SubscriptionType};
use super::subscriptions::Subscriptions;
use super::substitute::{Variables, fill};
use super::telemetry::Telemetry;

/// What the program uses of `domain.toml`.
///
/// [`Config::default`] is what an empty file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// When event handlers run.
    pub event_processing: Processing,
    /// When command handlers run.
    pub command_processing: Processing,
    /// When subscribers to the messages of others run.
    pub message_processing: Processing,
    /// How long a command stays valid that says nothing about it; for ever when unset.
    pub command_default_timeout: Option<Duration>,
    /// Where new identities come from.
    pub identity_strategy: IdentityStrategy,
    /// What identities are kept as.
    pub identity_type: IdentityType,
    /// How many events of an event-sourced aggregate lie between two snapshots;
    /// with 0 none is made on the way, only where somebody asks for one.
    pub snapshot_threshold: u32,
    /// Whether messages leave for the broker through the outbox.
    pub enable_outbox: bool,
    /// Whether fields of a stored message that its type no longer has are dropped.
    pub lenient_deserialization: bool,
    /// The databases by name; `default` is always there.
    pub databases: BTreeMap<String, Database>,
    /// The brokers by name; `default` is always there.
    pub brokers: BTreeMap<String, Broker>,
    /// The server.
    pub server: Server,
    /// The outbox.
    pub outbox: Outbox,
    /// Memory of commands with an idempotency key.
    pub idempotency: Idempotency,
    /// Traces and metrics.
    pub telemetry: Telemetry,
    /// What the application keeps in the file.
    pub custom: Custom,
    /// What a person should look at, though nothing is wrong.
    pub warnings: Vec<Fault>,
    subscriptions: Subscriptions,
}

impl Config {
    /// The nearest `.domain.toml` or `domain.toml`, in this folder or up to two above it.
    pub fn find(folder: impl AsRef<Path>) -> Option<PathBuf> {
        find(folder.as_ref())
    }

    /// Reads a file; see [`Config::parse`].
    ///
    /// # Errors
    /// That the file cannot be read, or every fault in it.
    pub fn load(
        file: impl AsRef<Path>,
        environment: Option<&str>,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Fault>> {
        let name = file.as_ref().display().to_string();
        let text = std::fs::read_to_string(file.as_ref())
            .map_err(|error| vec![Fault::whole(&name, format!("cannot be read: {error}"))])?;
        Self::parse(&name, &text, environment, variables)
    }

    /// Reads the text of a file called `name`, with the section of `environment` laid over
    /// the rest and `${VAR|default}` filled in from `variables`.
    ///
    /// # Errors
    /// Every fault in the text, in its order.
    pub fn parse(
        name: &str,
        text: &str,
        environment: Option<&str>,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Fault>> {
        let mut report = Report::new(name);
        let config = match document::parse(text, &mut report) {
            Some(document) => {
                let environment = environment.filter(|name| !name.is_empty());
                resolve(document, environment, variables, &mut report)
            }
            None => Self::default(),
        };
        report.finish().map(|warnings| Self { warnings, ..config })
    }

    /// The same, with everything kept in memory and every handler run at once.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        for database in self.databases.values_mut() {
            database.provider = DatabaseProvider::Memory;
        }
        for broker in self.brokers.values_mut() {
            broker.provider = BrokerProvider::Inline;
        }
        self.event_processing = Processing::Sync;
        self.command_processing = Processing::Sync;
        self.message_processing = Processing::Sync;
        self
    }

    /// The settings of the subscription of `handler`, of which the code says `declared`.
    ///
    /// Heard first to last: the handler's own fields, its profile, its type,
    /// `[server.subscriptions.HANDLER]`, the server, the default profile.
    pub fn subscription(&self, handler: &str, declared: &Declared) -> Subscription {
        self.subscriptions.of(handler, declared)
    }

    /// The same for a subscriber to a broker's stream: below its section comes
    /// `[server.broker_subscription]`, and it reads the log, in no order, whatever is said.
    pub fn subscriber(&self, handler: &str, declared: &Declared) -> Subscription {
        self.subscriptions.of_subscriber(handler, declared)
    }

    /// One fault for each `[server.subscriptions.HANDLER]` that names none of `handlers`.
    pub fn unknown_subscriptions(&self, handlers: &[&str]) -> Vec<Fault> {
        self.subscriptions.unknown(handlers)
    }

    /// What to tell when a handler declares a profile that does not exist.
    pub fn unknown_profile(&self, declared: &Declared) -> Option<String> {
        self.subscriptions.unknown_profile(declared)
    }
}

impl Default for Config {
    fn default() -> Self {
        Section::root(&Table::new(), &mut Report::new("domain.toml"), read).0
    }
}

fn resolve(
    mut document: Table,
    environment: Option<&str>,
    variables: Variables<'_>,
    report: &mut Report,
) -> Config {
    spell_out(&mut document);
    for entry in document.values_mut() {
        if let document::Value::Table(table) = &mut entry.value {
            spell_out(table);
        }
    }
    let mut layers = overlay::apply(document, environment, &names(), report);
    fill(&mut layers.active, variables, report, true);
    let (config, _) = Section::root(&layers.active, report, read);
    report.partial();
    for part in &mut layers.inactive {
        fill(part, variables, report, false);
        Section::root(part, report, read);
    }
    config
}

/// The names that reading a file asks for.
fn names() -> Names {
    let (_, asked) = Section::root(&Table::new(), &mut Report::new(""), read);
    let sections = asked.iter().filter(|(_, asked)| **asked == Asked::Section);
    let sections = sections.map(|(name, _)| *name).chain(OBSOLETE_SECTIONS).collect();
    Names { sections, all: asked.into_keys().collect() }
}

/// Values of Protean 0.18 that mean nothing here.
const OBSOLETE: [&str; 6] =
    ["env", "testing", "debug", "secret_key", "source_uri", "field_defaults"];

/// Tables of Protean 0.18 that mean nothing here.
const OBSOLETE_SECTIONS: [&str; 6] =
    ["caches", "email_providers", "logging", "lint", "observatory", "consume_idempotency"];

fn read(root: &mut Section<'_>) -> Config {
    root.obsolete(&OBSOLETE);
    root.obsolete(&OBSOLETE_SECTIONS);
    let databases = Database::read_all(root);
    let brokers = Broker::read_all(root);
    let broker_names: Vec<_> = brokers.keys().map(String::as_str).collect();
    root.section("event_store", |section| event_store::read(section, &databases["default"]));
    let fallback = if brokers.values().any(Broker::has_streams) {
        SubscriptionType::Stream
    } else {
        SubscriptionType::EventStore
    };
    let (server, subscriptions) = root.section("server", |section| Server::read(section, fallback));
    Config {
        event_processing: root.choice("event_processing").unwrap_or(Processing::Async),
        command_processing: root.choice("command_processing").unwrap_or(Processing::Async),
        message_processing: root.choice("message_processing").unwrap_or(Processing::Async),
        command_default_timeout: root.some_seconds("command_default_timeout"),
        identity_strategy: root.choice("identity_strategy").unwrap_or(IdentityStrategy::Uuid),
        identity_type: root.choice("identity_type").unwrap_or(IdentityType::String),
        snapshot_threshold: root.whole("snapshot_threshold", ANY).unwrap_or(10),
        enable_outbox: read_enable_outbox(root, &subscriptions),
        lenient_deserialization: root.flag("lenient_deserialization").unwrap_or(false),
        outbox: root.section("outbox", |section| Outbox::read(section, &broker_names)),
        idempotency: root.section("idempotency", Idempotency::read),
        telemetry: root.section("telemetry", Telemetry::read),
        custom: root.free("custom").map(Custom::of).unwrap_or_default(),
        warnings: Vec::new(),
        databases,
        brokers,
        server,
        subscriptions,
    }
}

fn read_enable_outbox(root: &mut Section<'_>, subscriptions: &Subscriptions) -> bool {
    let streams = subscriptions.general().subscription_type == SubscriptionType::Stream;
    let enabled = root.flag("enable_outbox");
    let conflict = match enabled {
        Some(true) if subscriptions.general_type() == Some(SubscriptionType::EventStore) => {
            "true does not go with subscriptions of type 'event_store', which read no broker; \
             remove the key, or set server.default_subscription_type = \"stream\""
        }
        Some(false) if streams => {
            "false does not go with subscriptions of type 'stream': a message could be lost \
             between database and broker; remove the key, or set \
             server.default_subscription_type = \"event_store\""
        }
        _ => return enabled.unwrap_or(streams),
    };
    root.conflict("enable_outbox", conflict);
    streams
}
