//! The brokers that a domain is configured for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use protean_port::port::{BoxFuture, Broker, BrokerLocation, BrokerProvider};
use protean_port::{Error, Result};
use tokio::sync::OnceCell;

use super::advice::ServerAdvice;
use crate::catalog::Catalog;
use crate::config::{self, Config, SubscriptionType, hint};
use crate::handling::{Group, HandlerKind};

/// The brokers of a domain by their names, each opened when it is first needed.
#[derive(Default)]
pub(super) struct Brokers(BTreeMap<String, Configured>);

struct Configured {
    provider: Arc<dyn BrokerProvider>,
    location: BrokerLocation,
    opened: OnceCell<Arc<dyn Broker>>,
}

impl Configured {
    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Broker>>> {
        self.provider.open(&self.location)
    }
}

impl Brokers {
    /// The broker of this name, opened once and kept.
    pub(super) async fn get(&self, name: &str) -> Result<&Arc<dyn Broker>> {
        let configured = self.find(name)?;
        configured.opened.get_or_try_init(|| configured.open()).await
    }

    /// Another one at the same place, opened for the caller.
    pub(super) async fn open(&self, name: &str) -> Result<Arc<dyn Broker>> {
        self.find(name)?.open().await
    }

    /// What each broker says about its settings, by name.
    pub(super) async fn advice(&self) -> Vec<ServerAdvice> {
        let asked = self.0.iter().map(|(name, Configured { provider, location, .. })| {
            ServerAdvice::of(format!("brokers.{name}"), provider.advice(location))
        });
        join_all(asked).await
    }

    fn find(&self, name: &str) -> Result<&Configured> {
        self.0.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let hint = hint(name, &known);
            Error::misused(format!("no broker '{name}' with streams is configured{hint}"))
        })
    }

    /// The providers of the configured brokers, and whether they are enough for the
    /// subscriptions; otherwise everything that is wrong with them.
    pub(super) fn choose(
        file: &str,
        providers: &[Arc<dyn BrokerProvider>],
        config: &Config,
        groups: &[Arc<Group>],
        catalog: &Catalog,
    ) -> Result<Self, Vec<String>> {
        let (mut brokers, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, broker) in &config.brokers {
            if broker.provider == config::BrokerKind::Inline {
                continue;
            }
            match configured(providers, broker) {
                Ok(configured) => {
                    brokers.insert(name.clone(), configured);
                }
                Err((key, fault)) => {
                    let line = broker.line.map(|line| format!(":{line}")).unwrap_or_default();
                    faults.push(format!("{file}{line}: brokers.{name}.{key}: {fault}"));
                }
            }
        }
        faults.extend(without_streams(config, groups));
        faults.extend(outbox_without_memory(config).map(|fault| format!("{file}: {fault}")));
        faults.extend(unknown_brokers(config, groups));
        faults.extend(not_external(config).map(|fault| format!("{file}: {fault}")));
        faults.extend(nothing_published(config, catalog).map(|fault| format!("{file}: {fault}")));
        if faults.is_empty() { Ok(Self(brokers)) } else { Err(faults) }
    }
}

fn configured(
    providers: &[Arc<dyn BrokerProvider>],
    broker: &config::BrokerConfig,
) -> Result<Configured, (&'static str, String)> {
    let wanted = broker.provider.to_string();
    let found = providers.iter().rev().find(|provider| provider.name() == wanted);
    let provider = found.ok_or_else(|| {
        let known = providers.iter().map(|provider| provider.name());
        let known: Vec<&str> = std::iter::once("inline").chain(known).collect();
        let known = known.join("', '");
        ("provider", format!("'{wanted}' is not part of this program, which has '{known}'"))
    })?;
    let location = BrokerLocation {
        uri: broker.uri.clone(),
        max_connections: broker.max_connections,
        socket_timeout: broker.socket_timeout,
        socket_connect_timeout: broker.socket_connect_timeout,
    };
    match provider.fault(&location) {
        Some(fault) => Err(("URI", fault)),
        None => {
            Ok(Configured { provider: Arc::clone(provider), location, opened: OnceCell::new() })
        }
    }
}

/// Reports handlers that read streams, when the broker that messages are published to has none.
fn without_streams(config: &Config, groups: &[Arc<Group>]) -> Vec<String> {
    let name = &config.outbox.broker;
    if config.brokers.get(name).is_some_and(config::BrokerConfig::has_streams) {
        return Vec::new();
    }
    let streams = groups
        .iter()
        .filter(|group| group.subscription.subscription_type == SubscriptionType::Stream);
    let handlers: BTreeSet<&str> = streams.map(|group| group.handler.as_str()).collect();
    let describe = |handler| {
        format!(
            "{handler} reads a broker stream, and brokers.{name} has no streams: set \
             brokers.{name}.provider = \"redis\", or server.default_subscription_type = \
             \"event_store\", or choose another profile"
        )
    };
    handlers.into_iter().map(describe).collect()
}

/// Reports an outbox whose broker keeps nothing.
fn outbox_without_memory(config: &Config) -> Option<String> {
    let name = &config.outbox.broker;
    let provider = config.brokers.get(name)?.provider;
    (config.enable_outbox && provider == config::BrokerKind::RedisPubsub).then(|| {
        format!(
            "outbox.broker: '{name}' is {provider}, which keeps nothing for a reader that is away: set \
             brokers.{name}.provider = \"redis\", or list '{name}' in outbox.external_brokers"
        )
    })
}

/// Reports subscribers to a broker that is not configured.
fn unknown_brokers(config: &Config, groups: &[Arc<Group>]) -> Vec<String> {
    let describe = |group: &Arc<Group>| {
        let HandlerKind::Subscriber { broker } = group.kind else { return None };
        let known: Vec<&str> = config.brokers.keys().map(String::as_str).collect();
        let (handler, stream, hint) = (&group.handler, &group.category, hint(broker, &known));
        (!known.contains(&broker)).then(|| {
            format!(
                "{handler} reads the stream '{stream}' of the broker '{broker}', which is not \
                 configured: add [brokers.{broker}]{hint}"
            )
        })
    };
    groups.iter().filter_map(describe).collect()
}

/// Reports external brokers of a domain that publishes no event.
fn nothing_published(config: &Config, catalog: &Catalog) -> Option<String> {
    let first = config.outbox.external_brokers.first()?;
    let publishes = catalog.message_types().any(|(_, _, known)| known.is_published);
    (!publishes).then(|| {
        format!(
            "outbox.external_brokers: '{first}' gets only published events, and the domain has none: \
             write `#[event(…, published)]` above each event that other systems may see"
        )
    })
}

/// Reports external brokers that cannot be published to beside the domain's own.
fn not_external(config: &Config) -> impl Iterator<Item = String> {
    config.outbox.external_brokers.iter().filter_map(|name| {
        let broker = config.brokers.get(name)?;
        let fault = if config.enable_outbox && *name == config.outbox.broker {
            format!("'{name}' gets every message already, as outbox.broker; remove it here")
        } else if !broker.reaches_others() {
            let provider = broker.provider;
            format!(
                "'{name}' is {provider}, where others cannot read: set \
                 brokers.{name}.provider = \"redis\""
            )
        } else {
            return None;
        };
        Some(format!("outbox.external_brokers: {fault}"))
    })
}
