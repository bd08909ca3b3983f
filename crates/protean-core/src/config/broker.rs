//! `[brokers.NAME]`: services that carry messages to other processes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::form::choices;
use super::redact::redact;
use super::section::Section;
use super::values::SOME;

/// The kind of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerKind {
    /// Within this process.
    Inline,
    /// Redis Streams: durable, with consumer groups.
    Redis,
    /// Redis publish and subscribe: a message reaches only those who listen at that moment.
    RedisPubsub,
}

/// One broker.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct BrokerConfig {
    /// Its kind.
    pub provider: BrokerKind,
    /// Its address; always set unless it is inline. May hold a password.
    pub uri: Option<String>,
    /// The most connections at a time; the adapter decides when unset.
    pub max_connections: Option<u32>,
    /// The time to wait for an answer; the adapter decides when unset.
    pub socket_timeout: Option<Duration>,
    /// The time to wait for a connection; the adapter decides when unset.
    pub socket_connect_timeout: Option<Duration>,
    /// The line that declares it; none when the file does not.
    pub line: Option<usize>,
}

impl BrokerConfig {
    pub(super) fn read_all(root: &mut Section<'_>) -> BTreeMap<String, Self> {
        let mut brokers = root.named("brokers", |_, section| Self::read(section));
        brokers.entry("default".into()).or_insert_with(|| root.absent(Self::read));
        brokers
    }

    /// True for Redis Streams, which subscriptions can read.
    pub fn has_streams(&self) -> bool {
        self.provider == BrokerKind::Redis
    }

    /// True when other systems can reach it too, so that subscribers can receive from them
    /// and events can be published to them.
    pub fn reaches_others(&self) -> bool {
        self.provider != BrokerKind::Inline
    }

    fn read(section: &mut Section<'_>) -> Self {
        section.ignored(
            "IS_ASYNC",
            "event_processing and command_processing decide when messages are handled; \
             use them instead",
        );
        section.ignored("TTL", "an entry stays until every group has handled it; remove the key");
        section.ignored(
            "retry_on_timeout",
            "a request that timed out is always retried; remove the key",
        );
        let uri = section.alias(&["URI", "uri", "url"]);
        let broker = Self {
            provider: section.choice("provider").unwrap_or(BrokerKind::Inline),
            uri: section.text(uri),
            max_connections: section.whole("max_connections", SOME),
            socket_timeout: section.some_seconds("socket_timeout"),
            socket_connect_timeout: section.some_seconds("socket_connect_timeout"),
            line: section.line(),
        };
        broker.uri.iter().for_each(|found| section.one_line(uri, found));
        if broker.uri.is_none() && broker.provider != BrokerKind::Inline {
            let provider = broker.provider;
            let example = "redis://localhost:6379/0";
            section.missing(
                uri,
                format!("missing; the provider '{provider}' needs a URI, such as '{example}'"),
            );
        }
        broker
    }
}

choices!(BrokerKind: "inline" is Inline, "redis" is Redis, "redis_pubsub" is RedisPubsub);

impl fmt::Debug for BrokerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerConfig")
            .field("provider", &self.provider)
            .field("uri", &self.uri.as_deref().map(redact))
            .field("max_connections", &self.max_connections)
            .field("socket_timeout", &self.socket_timeout)
            .field("socket_connect_timeout", &self.socket_connect_timeout)
            .field("line", &self.line)
            .finish()
    }
}
