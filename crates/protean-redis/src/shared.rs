//! The one connection that all non-blocking commands share.

use std::sync::Arc;

use protean_port::{Error, Result};
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, Value};
use tokio::sync::Mutex;

use crate::error;
use crate::script::Scripts;
use crate::server::{Connection, Server};

/// A shared connection. After a failure, the next command opens a new one.
pub(crate) struct Shared {
    pub(crate) server: Arc<Server>,
    pub(crate) scripts: Scripts,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    /// Counts the connections, so that a late failure of one does not close the next.
    generation: u64,
}

impl Shared {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self { server, scripts: Scripts::new(), current: Mutex::default() }
    }

    /// Sends commands in one round trip and returns the replies, error replies included.
    /// Loads the scripts and sends again when the server does not know one.
    ///
    /// # Errors
    /// Unavailable when no reply arrives; the server may have run the commands all the same.
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let replies = self.exchange(commands).await?;
        if !replies.iter().any(is_unknown_script) {
            return Ok(replies);
        }
        for reply in self.exchange(&Scripts::load()).await? {
            self.accepted(reply)?;
        }
        self.exchange(commands).await
    }

    /// Sends one command and returns the reply.
    ///
    /// # Errors
    /// When no reply arrives, or it is an error.
    pub(crate) async fn send(&self, command: Cmd) -> Result<Value> {
        let mut one = redis::pipe();
        one.add_command(command);
        let reply = self.send_all(&one).await?.into_iter().next();
        self.accepted(reply.unwrap_or(Value::Nil))
    }

    /// The reply, or the error that it reports.
    pub(crate) fn accepted(&self, reply: Value) -> Result<Value> {
        match reply {
            Value::ServerError(reply) => Err(error::from_reply(&reply, &self.server.address)),
            reply => Ok(reply),
        }
    }

    /// The error for a reply that is not of the expected form.
    pub(crate) fn unexpected(&self, command: &str) -> Error {
        error::unexpected(command, &self.server.address)
    }

    /// Connects, and keeps the connection for later commands.
    pub(crate) async fn connect(&self) -> Result {
        self.connection().await.map(drop)
    }

    async fn exchange(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        let (mut connection, generation) = self.connection().await.map_err(error::outage)?;
        let sending = connection.commands.req_packed_commands(commands, 0, commands.len());
        let result = self.server.answer(self.server.response_timeout, sending).await;
        // After a failover the old primary keeps its connections, while the host name leads
        // to the new one.
        if result.as_ref().map_or(true, |replies| replies.iter().any(is_replica)) {
            self.close(generation).await;
        }
        result.map_err(error::outage)
    }

    async fn connection(&self) -> Result<(Connection, u64)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.generation));
        }
        let connection = self.server.connect().await?;
        current.connection = Some(connection.clone());
        current.generation += 1;
        Ok((connection, current.generation))
    }

    async fn close(&self, generation: u64) {
        let mut current = self.current.lock().await;
        if current.generation == generation {
            current.connection = None;
        }
    }
}

fn is_unknown_script(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

fn is_replica(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "READONLY")
}
