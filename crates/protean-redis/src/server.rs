//! The server's address, and how to connect to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use protean_port::{Error, Result};
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, RedisResult};

use crate::error;

/// A Redis server, the limits for using it, and the count of open connections.
pub(crate) struct Server {
    client: Client,
    /// For messages: without user and password.
    pub(crate) address: String,
    pub(crate) response_timeout: Duration,
    connect_timeout: Duration,
    max_connections: u32,
    open_connections: AtomicU32,
}

/// The limits for using a server.
pub(crate) struct Limits {
    pub(crate) response_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_connections: u32,
}

/// A connection. It has no response timeout of its own: callers set one for each command,
/// since some commands block.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) commands: MultiplexedConnection,
    _slot: Arc<ConnectionSlot>,
}

/// Counts as one of the open connections until it is dropped.
pub(crate) struct ConnectionSlot(Arc<Server>);

impl Server {
    pub(crate) fn new(client: Client, address: String, limits: &Limits) -> Self {
        Self {
            client,
            address,
            response_timeout: limits.response_timeout,
            connect_timeout: limits.connect_timeout,
            max_connections: limits.max_connections,
            open_connections: AtomicU32::new(0),
        }
    }

    /// Opens a connection for commands.
    ///
    /// # Errors
    /// Unavailable when the server cannot be reached now, misused when somebody has to
    /// change the configuration first.
    pub(crate) async fn connect(self: &Arc<Self>) -> Result<Connection> {
        let slot = Arc::new(self.take_slot()?);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(None);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let commands = self.answer(self.connect_timeout, connecting).await?;
        Ok(Connection { commands, _slot: slot })
    }

    /// Opens a connection for subscribing to channels.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub(crate) async fn connect_pubsub(self: &Arc<Self>) -> Result<(PubSub, ConnectionSlot)> {
        let slot = self.take_slot()?;
        let connecting = self.client.get_async_pubsub();
        Ok((self.answer(self.connect_timeout, connecting).await?, slot))
    }

    /// The answer of the server, when it comes within a time.
    pub(crate) async fn answer<T>(
        &self,
        timeout: Duration,
        asking: impl Future<Output = RedisResult<T>>,
    ) -> Result<T> {
        match tokio::time::timeout(timeout, asking).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failed)) => Err(error::from_connection(failed, &self.address)),
            Err(_) => Err(error::timed_out(&self.address, timeout)),
        }
    }

    fn take_slot(self: &Arc<Self>) -> Result<ConnectionSlot> {
        if self.open_connections.fetch_add(1, Ordering::Relaxed) < self.max_connections {
            return Ok(ConnectionSlot(Arc::clone(self)));
        }
        self.open_connections.fetch_sub(1, Ordering::Relaxed);
        let Self { max_connections, address, .. } = &**self;
        Err(Error::misused(format!(
            "max_connections = {max_connections} is too low for Redis at {address}: each \
             consumer needs one connection and everything else shares one more; raise it"
        )))
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.open_connections.fetch_sub(1, Ordering::Relaxed);
    }
}
