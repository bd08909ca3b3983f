//! `[brokers.NAME]`: what carries messages to other processes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::choice::Choice;
use super::quantity::SOME;
use super::redact::redact;
use super::section::Section;

/// The kind of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerProvider {
    /// Within this process.
    Inline,
    /// Redis Streams: durable, with consumer groups.
    Redis,
    /// Redis publish and subscribe: nothing is kept for who does not listen.
    RedisPubsub,
}

/// A broker, by its name in the file.
#[derive(Clone, PartialEq)]
pub struct Broker {
    /// Its kind.
    pub provider: BrokerProvider,
    /// Where it is; always there unless it is inline. May hold a password.
    pub uri: Option<String>,
    /// How many connections may be open; the adapter decides when unset.
    pub max_connections: Option<u32>,
    /// How long an answer may take; the adapter decides when unset.
    pub socket_timeout: Option<Duration>,
    /// How long connecting may take; the adapter decides when unset.
    pub socket_connect_timeout: Option<Duration>,
    /// The line that declares it; none for the broker nobody declared.
    pub line: Option<usize>,
}

impl Broker {
    pub(super) fn read_all(root: &mut Section<'_>) -> BTreeMap<String, Self> {
        let mut brokers = root.named("brokers", |_, section| Self::read(section));
        brokers.entry("default".into()).or_insert_with(|| root.absent(Self::read));
        brokers
    }

    /// True for Redis Streams, which subscriptions can read.
    pub fn has_streams(&self) -> bool {
        self.provider == BrokerProvider::Redis
    }

    /// True for what other systems can reach as well: subscribers hear from them there,
    /// and events can be published to them.
    pub fn reaches_others(&self) -> bool {
        self.provider != BrokerProvider::Inline
    }

    fn read(section: &mut Section<'_>) -> Self {
        section.obsolete(&["IS_ASYNC", "TTL", "retry_on_timeout"]);
        let uri = section.alias(&["URI", "uri", "url"]);
        let broker = Self {
            provider: section.choice("provider").unwrap_or(BrokerProvider::Inline),
            uri: section.text(uri),
            max_connections: section.whole("max_connections", SOME),
            socket_timeout: section.some_seconds("socket_timeout"),
            socket_connect_timeout: section.some_seconds("socket_connect_timeout"),
            line: section.line(),
        };
        if broker.uri.is_none() && broker.provider != BrokerProvider::Inline {
            let provider = broker.provider;
            let example = "redis://localhost:6379/0";
            section.missing(
                uri,
                format!("missing; the provider '{provider}' needs one, such as '{example}'"),
            );
        }
        broker
    }
}

impl Choice for BrokerProvider {
    const ALL: &'static [(&'static str, Self)] =
        &[("inline", Self::Inline), ("redis", Self::Redis), ("redis_pubsub", Self::RedisPubsub)];
}

impl fmt::Display for BrokerProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("provider", &self.provider)
            .field("uri", &self.uri.as_deref().map(redact))
            .field("max_connections", &self.max_connections)
            .field("socket_timeout", &self.socket_timeout)
            .field("socket_connect_timeout", &self.socket_connect_timeout)
            .field("line", &self.line)
            .finish()
    }
}
