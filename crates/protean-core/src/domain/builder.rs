//! Declaring a domain: what it is made of, and checking that it fits together.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use protean_port::memory::MemoryProvider;
use protean_port::message::{LaneRule, Priority};
use protean_port::port::{BrokerProvider, Clock, Location, Provider, SystemClock, Tracer};
use tokio::sync::OnceCell;

use super::brokers::Brokers;
use super::domain::{Domain, Shared};
use super::ids::KnownIds;
use super::instance_queues::InstanceQueues;
use super::wiring::wire;
use crate::catalog::Upcaster;
use crate::config::{Config, Fault};
use crate::handling::{Register, Registry};
use crate::model::{Aggregate, Event, Projection, Upcast};
use crate::unit::{Env, KnownCorrelations, MachineTurns, Storage, StoreClock};

/// Declares a domain: its aggregates, handlers and configuration.
///
/// [`build`](Self::build) checks everything and reports all faults at once; it
/// touches no database.
#[must_use = "a domain exists once it is built"]
pub struct DomainBuilder {
    name: String,
    registry: Registry,
    source: Source,
    environment: Option<String>,
    providers: Vec<Arc<dyn Provider>>,
    broker_providers: Vec<Arc<dyn BrokerProvider>>,
    tracer: Option<Arc<dyn Tracer>>,
    clock: Arc<dyn Clock>,
    location: DataLocation,
}

/// Like [`DomainBuilder::in_memory`], but in an SQLite file: for tests of handlers that run their
/// own SQL.
pub fn in_file(builder: DomainBuilder, file: impl AsRef<Path>) -> DomainBuilder {
    DomainBuilder { location: DataLocation::InFile(file.as_ref().to_owned()), ..builder }
}

/// Sets the tracer that records spans if `[telemetry]` is on; the last call counts.
pub fn with_tracer(builder: DomainBuilder, tracer: impl Tracer + 'static) -> DomainBuilder {
    DomainBuilder { tracer: Some(Arc::new(tracer)), ..builder }
}

/// The configuration that the domain will have, for what has to be ready before it is built; `None`
/// when there is a fault in it.
pub fn configuration(builder: &DomainBuilder) -> Option<Config> {
    let DomainBuilder { source, environment, location, .. } = builder;
    read(source, environment.clone()).ok().map(|config| location.configured(config))
}

/// Where the domain keeps its data.
enum DataLocation {
    AsConfigured,
    InMemory,
    InFile(PathBuf),
}

enum Source {
    Defaults,
    Text(String),
    File(PathBuf),
}

impl DomainBuilder {
    /// A domain by this name, with the memory provider.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            registry: Registry::new(name),
            source: Source::Defaults,
            environment: None,
            providers: vec![Arc::new(MemoryProvider)],
            broker_providers: Vec::new(),
            tracer: None,
            clock: Arc::new(SystemClock),
            location: DataLocation::AsConfigured,
        }
    }

    /// The name that the domain will have.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a `domain.toml`, usually `include_str!("../domain.toml")`.
    pub fn config(mut self, text: &str) -> Self {
        self.source = Source::Text(text.to_owned());
        self
    }

    /// A `domain.toml` to read when the domain is built.
    pub fn config_file(mut self, path: impl AsRef<Path>) -> Self {
        self.source = Source::File(path.as_ref().to_owned());
        self
    }

    /// The overlay to use, `[production]` for `"production"`; else `PROTEAN_ENV` says.
    pub fn environment(mut self, name: &str) -> Self {
        self.environment = Some(name.to_owned());
        self
    }

    /// Adds a kind of database; the last one of a name counts.
    pub fn provider(mut self, provider: impl Provider + 'static) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Adds a kind of broker; the last one of a name counts.
    pub fn broker_provider(mut self, provider: impl BrokerProvider + 'static) -> Self {
        self.broker_providers.push(Arc::new(provider));
        self
    }

    /// Takes the time from another clock than the system's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Keeps everything in memory and runs every handler at once, whatever the
    /// configuration says of databases and processing: for tests.
    pub fn in_memory(mut self) -> Self {
        self.location = DataLocation::InMemory;
        self
    }

    /// Declares an aggregate; a second time changes nothing.
    pub fn aggregate<A>(mut self) -> Self
    where
        A: Aggregate,
        A::Storage: Storage<A>,
    {
        self.registry.aggregate::<A>();
        self
    }

    /// Declares a projection that no projector brings along.
    pub fn projection<P: Projection>(mut self) -> Self {
        self.registry.projection::<P>();
        self
    }

    /// Registers an event that no handler takes and no aggregate applies, so that `events
    /// check` can read those that are stored; a second time changes nothing.
    pub fn event<E: Event>(mut self) -> Self {
        self.registry.event::<E>();
        self
    }

    /// Registers a handler of any kind.
    pub fn register(mut self, handler: impl Register) -> Self {
        handler.register(&mut self.registry);
        self
    }

    /// Registers an upcaster: a step from one version of an event or a command
    /// to the next. Every old version needs one.
    pub fn upcaster<U: Upcast>(mut self) -> Self {
        self.registry.upcasters.push(Upcaster::of::<U>());
        self
    }

    /// Checks everything and gives the domain. Touches no database.
    ///
    /// # Errors
    /// Every fault of the wiring and the configuration, at once.
    pub fn build(self) -> Result<Domain, BuildError> {
        let Self { name, mut registry, source, environment, providers, clock, .. } = self;
        let mut faults = check_name(&name);
        let file = source.name();
        let config = or_default(read(&source, environment), &mut faults);
        let mut config = self.location.configured(config);
        let tracer = check_telemetry(&mut config, self.tracer, &mut faults);
        let handlers = wire(&mut registry, &name, &config);
        faults.append(&mut registry.faults);
        let lanes = lane_rule(&config);
        let location = location(&config, lanes);
        let provider = choose(&providers, &config, &location);
        let provider = provider
            .map_err(|(key, fault)| faults.push(database_fault(&file, &config, key, &fault)))
            .ok();
        let brokers = if self.location.is_for_tests() {
            Brokers::default()
        } else {
            let groups = &handlers.groups;
            let found =
                Brokers::choose(&file, &self.broker_providers, &config, groups, &registry.catalog);
            or_default(found, &mut faults)
        };
        let Some(provider) = provider.filter(|_| faults.is_empty()) else {
            return Err(BuildError(faults));
        };
        config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        let store = OnceCell::new();
        let machine_turns = Arc::new(MachineTurns::at(location.uri.as_deref()));
        let (config, catalog) = (Arc::new(config), Arc::new(registry.catalog));
        let correlations = KnownCorrelations::default();
        let store_clock = StoreClock::new(Arc::clone(&clock));
        let enrichers = registry.enrichers.into();
        let env = Env {
            config,
            lanes,
            clock,
            catalog,
            correlations,
            store_clock,
            enrichers,
            tracer,
            machine_turns,
        };
        let env = Arc::new(env);
        let instance_queues = InstanceQueues::default();
        let shared = Shared {
            name,
            handlers,
            provider,
            location,
            store,
            ids: KnownIds::default(),
            brokers,
            instance_queues,
            prepared: OnceCell::new(),
            only_looks: AtomicBool::new(false),
        };
        Ok(Domain::new(shared, env))
    }
}

impl DataLocation {
    /// The configuration for it.
    fn configured(&self, config: Config) -> Config {
        match self {
            Self::AsConfigured => config,
            Self::InMemory => config.in_memory(),
            Self::InFile(file) => config.in_file(file),
        }
    }

    fn is_for_tests(&self) -> bool {
        !matches!(self, Self::AsConfigured)
    }
}

impl Source {
    /// What faults call the file.
    fn name(&self) -> String {
        match self {
            Self::Defaults | Self::Text(_) => "domain.toml".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// Everything that is wrong with how a domain is declared or configured, one
/// sentence a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError(Vec<String>);

impl BuildError {
    /// The faults, each a sentence that names what to change.
    pub fn faults(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

/// What was found, or the default, with its faults among the others.
fn or_default<T: Default>(found: Result<T, Vec<String>>, faults: &mut Vec<String>) -> T {
    found.unwrap_or_else(|found| {
        faults.extend(found);
        T::default()
    })
}

fn check_name(name: &str) -> Vec<String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let fine =
        name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(fits);
    if fine {
        return Vec::new();
    }
    vec![format!("the domain name '{name}' must be a word of letters, digits, '_' and '-'")]
}

fn read(source: &Source, environment: Option<String>) -> Result<Config, Vec<String>> {
    let name = source.name();
    let text = match source {
        Source::Defaults => String::new(),
        Source::Text(text) => text.clone(),
        Source::File(path) => std::fs::read_to_string(path)
            .map_err(|error| vec![format!("{name}: cannot be read: {error}")])?,
    };
    let variable = |name: &str| std::env::var(name).ok();
    let environment =
        environment.or_else(|| variable("PROTEAN_ENV").map(|name| name.trim().to_owned()));
    Config::parse(&name, &text, environment.as_deref(), &variable)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// The tracer, when spans are wanted. Without one, settings that need it are faults or warnings.
fn check_telemetry(
    config: &mut Config,
    tracer: Option<Arc<dyn Tracer>>,
    faults: &mut Vec<String>,
) -> Option<Arc<dyn Tracer>> {
    if tracer.is_none() {
        match config.telemetry.not_part_of_program() {
            Ok(warnings) => {
                config.warnings.extend(warnings);
                config.warnings.sort_by_key(Fault::line);
            }
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    tracer.filter(|_| config.telemetry.enabled)
}

fn lane_rule(config: &Config) -> LaneRule {
    let lanes = &config.server.priority_lanes;
    LaneRule { threshold: lanes.enabled.then(|| Priority::new(lanes.threshold)) }
}

fn location(config: &Config, lanes: LaneRule) -> Location {
    let database = &config.database;
    Location {
        uri: database.uri.clone(),
        synchronous: database.synchronous.to_string(),
        pool_size: usize::try_from(database.pool_size).unwrap_or(usize::MAX),
        lanes,
    }
}

/// The provider of the default database, or the key at fault and what is wrong.
fn choose(
    providers: &[Arc<dyn Provider>],
    config: &Config,
    location: &Location,
) -> Result<Arc<dyn Provider>, (&'static str, String)> {
    let wanted = config.database.provider.to_string();
    let found = providers.iter().rev().find(|provider| provider.name() == wanted);
    let provider = found.ok_or_else(|| {
        let known: Vec<&str> = providers.iter().map(|provider| provider.name()).collect();
        let known = known.join("', '");
        ("provider", format!("'{wanted}' is not part of this program, which has '{known}'"))
    })?;
    match provider.fault(location) {
        Some(fault) => Err(("database_uri", fault)),
        None => Ok(Arc::clone(provider)),
    }
}

/// A fault of the default database, with its place in the file as far as it is known.
fn database_fault(file: &str, config: &Config, key: &str, fault: &str) -> String {
    let line = config.database.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{file}{line}: databases.default.{key}: {fault}")
}

#[cfg(test)]
mod tests {
    use super::DomainBuilder;

    const WHY: &str = "because this program exports nothing; give `protean-cli` the feature `otlp` in \
                       Cargo.toml, or call `protean::otlp::connect`";

    #[test]
    fn a_program_that_cannot_export_refuses_to_be_asked() {
        let config = "[telemetry]\nendpoint = 'http://collector:4318'\nenabled = true";
        let refused = DomainBuilder::new("bank").config(config).build().err().unwrap();
        let expected = format!("domain.toml:3: telemetry.enabled: true is not possible, {WHY}");
        assert_eq!(refused.faults(), [expected]);
    }

    #[test]
    fn a_program_that_cannot_export_says_so_of_each_key() {
        let config = "identity_type = 'uuid'\n[telemetry]\nservice_name = 'bank'\n\
                      endpoint = 'http://u:canary@h:4318'\nenabled = false";
        let bank = DomainBuilder::new("bank").config(config).build().unwrap();
        let warnings: Vec<_> = bank.config().warnings.iter().map(ToString::to_string).collect();
        let said =
            |line, key| format!("domain.toml:{line}: telemetry.{key}: has no meaning here, {WHY}");
        assert_eq!(warnings[1..], [said(3, "service_name"), said(4, "endpoint")]);
        assert!(!format!("{:?}", bank.config()).contains("canary"));
    }
}
