//! The one connection for everything that does not block.

use std::sync::Arc;

use protean_port::{Error, Result};
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, Value};
use tokio::sync::Mutex;

use crate::error;
use crate::script::Steps;
use crate::server::{Line, Server};

/// A connection that is opened anew after it has failed, when something is asked again.
pub(crate) struct Shared {
    pub(crate) server: Arc<Server>,
    pub(crate) steps: Steps,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    line: Option<Line>,
    /// Counts the connections, so that a late failure of one does not end the next.
    turn: u64,
}

impl Shared {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self { server, steps: Steps::new(), current: Mutex::default() }
    }

    /// Sends commands together and gives their answers, refusals of the server
    /// among them. A step the server does not know is made known first.
    ///
    /// # Errors
    /// Unavailable when there is no answer; what was sent may have been done.
    pub(crate) async fn ask_all(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.exchange(commands).await?;
        if !answers.iter().any(is_unknown_step) {
            return Ok(answers);
        }
        for answer in self.exchange(&Steps::load()).await? {
            self.accepted(answer)?;
        }
        self.exchange(commands).await
    }

    /// Sends one command and gives its answer.
    ///
    /// # Errors
    /// When there is no answer, or it is a refusal.
    pub(crate) async fn ask(&self, command: Cmd) -> Result<Value> {
        let mut one = redis::pipe();
        one.add_command(command);
        let answer = self.ask_all(&one).await?.into_iter().next();
        self.accepted(answer.unwrap_or(Value::Nil))
    }

    /// The answer, unless it is a refusal.
    pub(crate) fn accepted(&self, answer: Value) -> Result<Value> {
        match answer {
            Value::ServerError(refusal) => Err(error::answered(&refusal, &self.server.place)),
            answer => Ok(answer),
        }
    }

    /// The error for an answer of another form than expected.
    pub(crate) fn unexpected(&self, what: &str) -> Error {
        error::unexpected(what, &self.server.place)
    }

    /// Connects; the connection is kept for what is asked later.
    pub(crate) async fn connect(&self) -> Result {
        self.line().await.map(drop)
    }

    async fn exchange(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        let (mut line, turn) = self.line().await.map_err(error::outage)?;
        let count = commands.len();
        let asking = line.connection.req_packed_commands(commands, 0, count);
        let answered = tokio::time::timeout(self.server.patience, asking).await;
        let result = match answered {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(failed)) => Err(error::of_connecting(failed, &self.server.place)),
            Err(_) => Err(error::silent(&self.server.place, self.server.patience)),
        };
        // A primary that has become a replica stays where it is: its name may lead elsewhere now.
        if result.as_ref().map_or(true, |answers| answers.iter().any(is_replica)) {
            self.hang_up(turn).await;
        }
        result.map_err(error::outage)
    }

    async fn line(&self) -> Result<(Line, u64)> {
        let mut current = self.current.lock().await;
        if let Some(line) = &current.line {
            return Ok((line.clone(), current.turn));
        }
        let line = self.server.connect().await?;
        current.line = Some(line.clone());
        current.turn += 1;
        Ok((line, current.turn))
    }

    async fn hang_up(&self, turn: u64) {
        let mut current = self.current.lock().await;
        if current.turn == turn {
            current.line = None;
        }
    }
}

fn is_unknown_step(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(refusal) if refusal.code() == "NOSCRIPT")
}

fn is_replica(answer: &Value) -> bool {
    match answer {
        Value::ServerError(refusal) => refusal.code() == "READONLY",
        _ => false,
    }
}
