//! Opens a broker at a location of the configuration.

use std::sync::Arc;

use protean_port::port::{BoxFuture, Broker, BrokerLocation, BrokerProvider};
use protean_port::{Error, Result};

use crate::broker::RedisBroker;
use crate::pubsub::Channels;
use crate::reader::Readers;
use crate::shared::Shared;
use crate::{advice, check, location};

/// Opens brokers on Redis Streams: `redis://user:password@host:6379/0`, `rediss://…`
/// for TLS, `redis+unix:///path/to/socket`.
///
/// With TLS, `?ssl_ca_certs=…` names the file of an authority that the system does not
/// know; `ssl_certfile` and `ssl_keyfile` name a client certificate.
///
/// Answering and connecting time out after 5 s each, unless the location says otherwise.
/// A reader notices a dead connection within twice that time. Opening fails when the
/// server is a cluster, or evicts keys that do not expire. How much survives a crash of
/// the server is up to its settings: with `appendonly yes`, all but the last second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redis;

impl BrokerProvider for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn fault(&self, location: &BrokerLocation) -> Option<String> {
        location::fault(location)
    }

    fn advice<'a>(&'a self, location: &'a BrokerLocation) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let server = location::server(location).map_err(Error::misused)?;
            advice::ask(&Shared::new(Arc::new(server))).await
        })
    }

    fn open<'a>(&'a self, location: &'a BrokerLocation) -> BoxFuture<'a, Result<Arc<dyn Broker>>> {
        Box::pin(async move {
            let server = location::server(location).map_err(Error::misused)?;
            let shared = Shared::new(Arc::new(server));
            let max_message_bytes = check::check(&shared).await?;
            let readers = Readers::default();
            Ok(Arc::new(RedisBroker { shared, readers, max_message_bytes }) as Arc<dyn Broker>)
        })
    }
}

/// Opens brokers on publish and subscribe, at the same locations as [`Redis`]: a stream
/// is a channel of that name, and an entry is a message published there.
///
/// **Redis stores nothing.** Only current subscribers receive a message; a server that is
/// down, starting or disconnected misses it. When more than 32 MiB wait to be handled,
/// further messages are lost, with a warning. Use it where losing messages is acceptable,
/// in both directions. Every group of every process receives every message, and two
/// copies of a message have different ids, so only one process should read; the inbox of
/// subscribers makes sure of that.
///
/// The Redis user needs `PUBLISH`, `SUBSCRIBE`, `PING` and access to the channels.
/// This broker is not compatible with the broker of the same name in Protean for Python,
/// which stores messages in lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedisPubsub;

impl BrokerProvider for RedisPubsub {
    fn name(&self) -> &'static str {
        "redis_pubsub"
    }

    fn fault(&self, location: &BrokerLocation) -> Option<String> {
        location::fault(location)
    }

    fn open<'a>(&'a self, location: &'a BrokerLocation) -> BoxFuture<'a, Result<Arc<dyn Broker>>> {
        Box::pin(async move {
            let server = location::server(location).map_err(Error::misused)?;
            let channels = Channels::connect(Shared::new(Arc::new(server))).await?;
            Ok(Arc::new(channels) as Arc<dyn Broker>)
        })
    }
}
