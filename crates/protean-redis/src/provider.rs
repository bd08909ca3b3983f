//! How a location in the configuration becomes a broker.

use std::sync::Arc;

use protean_port::port::{BoxFuture, Broker, BrokerLocation, BrokerProvider};
use protean_port::{Error, Result};

use crate::broker::RedisBroker;
use crate::pubsub::Channels;
use crate::reader::Readers;
use crate::shared::Shared;
use crate::{check, location};

/// Opens brokers on Redis Streams: `redis://user:password@host:6379/0`, `rediss://…`
/// for TLS, `redis+unix:///path/to/socket`.
///
/// Where TLS is spoken, `?ssl_ca_certs=…` names the file of an authority that the
/// system does not know, `ssl_certfile` and `ssl_keyfile` a certificate of one's own.
///
/// Answers may take 5 s, and so may connecting, unless the location says otherwise.
/// A reader notices within twice that time that its connection is dead. The server
/// is refused when it is a cluster or evicts keys that do not expire. What survives
/// when it is killed is decided there: with `appendonly yes` all but the last second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redis;

impl BrokerProvider for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn fault(&self, location: &BrokerLocation) -> Option<String> {
        location::fault(location)
    }

    fn open<'a>(&'a self, location: &'a BrokerLocation) -> BoxFuture<'a, Result<Arc<dyn Broker>>> {
        Box::pin(async move {
            let server = location::server(location).map_err(Error::misused)?;
            let shared = Shared::new(Arc::new(server));
            let longest = check::check(&shared).await?;
            let readers = Readers::default();
            Ok(Arc::new(RedisBroker { shared, readers, longest }) as Arc<dyn Broker>)
        })
    }
}

/// Opens brokers on publish and subscribe, at the locations that [`Redis`] takes too: a
/// stream is a channel of that name, and an entry is what was published there.
///
/// **Nothing is kept.** Who listens when it is published hears it; for a server that is
/// away, starting or cut off it never was, and when what waits to be handled passes
/// 32 MiB, more is lost, as a warning says. Fit for events that others may miss, and for
/// what they send that may be missed. Every group of every process hears everything, and
/// knows no two copies for the same, so one is to read; the inbox of subscribers sees to
/// that.
///
/// The user of Redis needs `PUBLISH`, `SUBSCRIBE` and `PING`, and the channels.
/// Nothing about it is as the broker of the same name in Protean for Python has it, which
/// keeps lists.
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
