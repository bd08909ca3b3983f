//! Which server, and how to connect to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use protean_port::{Error, Result};
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client};

use crate::error;

/// Where the server is and how long to wait for it.
pub(crate) struct Server {
    client: Client,
    /// For a person: without user and password.
    pub(crate) place: String,
    /// How long an answer may take.
    pub(crate) patience: Duration,
    /// How long connecting may take.
    connecting: Duration,
    /// How many connections may be open.
    most: u32,
    open: AtomicU32,
}

/// How to use a server.
pub(crate) struct Limits {
    pub(crate) answering: Duration,
    pub(crate) connecting: Duration,
    pub(crate) connections: u32,
}

/// A connection. It waits for answers without an end: who asks knows how long one may take.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) connection: MultiplexedConnection,
    _counted: Arc<Counted>,
}

/// One of the connections that may be open, for as long as it is kept.
pub(crate) struct Counted(Arc<Server>);

impl Server {
    pub(crate) fn new(client: Client, place: String, limits: &Limits) -> Self {
        Self {
            client,
            place,
            patience: limits.answering,
            connecting: limits.connecting,
            most: limits.connections,
            open: AtomicU32::new(0),
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// Unavailable when it cannot be reached now, misused when something has to be
    /// changed first.
    pub(crate) async fn connect(self: &Arc<Self>) -> Result<Line> {
        let counted = Arc::new(self.count()?);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connecting))
            .set_response_timeout(None);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        match tokio::time::timeout(self.connecting, connecting).await {
            Ok(Ok(connection)) => Ok(Line { connection, _counted: counted }),
            Ok(Err(failed)) => Err(error::of_connecting(failed, &self.place)),
            Err(_) => Err(error::silent(&self.place, self.connecting)),
        }
    }

    /// Connects for listening to channels.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub(crate) async fn listen(self: &Arc<Self>) -> Result<(PubSub, Counted)> {
        let counted = self.count()?;
        match tokio::time::timeout(self.connecting, self.client.get_async_pubsub()).await {
            Ok(Ok(connection)) => Ok((connection, counted)),
            Ok(Err(failed)) => Err(error::of_connecting(failed, &self.place)),
            Err(_) => Err(error::silent(&self.place, self.connecting)),
        }
    }

    fn count(self: &Arc<Self>) -> Result<Counted> {
        if self.open.fetch_add(1, Ordering::Relaxed) < self.most {
            return Ok(Counted(Arc::clone(self)));
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
        let most = self.most;
        Err(Error::misused(format!(
            "max_connections = {most} is too few for Redis at {}: each consumer takes one and \
             everything else another; raise it",
            self.place
        )))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
