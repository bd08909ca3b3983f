//! Reads that wait: each consumer has a connection of its own for them.
//!
//! Redis hands an entry out before its answer is on the way, so a read is a task
//! that goes on when nobody waits for it any more; the next read of the consumer
//! takes what it brings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protean_port::port::{BrokerRead, Entry};
use protean_port::{Error, Result};
use redis::aio::ConnectionLike;
use redis::{Cmd, Value};
use tokio::task::JoinHandle;

use crate::server::{Line, Server};
use crate::shared::Shared;
use crate::{entry, error};

/// How long a read that is to end gets before it is told again.
const SHORTLY: Duration = Duration::from_millis(5);

/// Group and consumer.
type Name = (Arc<str>, Arc<str>);

/// The consumers of this process that have read.
#[derive(Default)]
pub(crate) struct Readers(Mutex<HashMap<Name, Arc<Reader>>>);

/// One consumer; it reads one thing at a time.
#[derive(Default)]
struct Reader(tokio::sync::Mutex<State>);

#[derive(Default)]
struct State {
    line: Option<(Line, i64)>,
    running: Option<JoinHandle<Result<Vec<Entry>>>>,
}

impl Readers {
    /// Reads; see [`Consumer::read`](protean_port::port::Consumer::read).
    pub(crate) async fn read(&self, shared: &Shared, read: &BrokerRead) -> Result<Vec<Entry>> {
        let reader = self.of(read);
        let mut state = reader.0.lock().await;
        let result = match state.left_over(shared).await {
            Ok(left) if left.is_empty() => state.read(&shared.server, read).await,
            left => left,
        };
        if result.is_err() {
            state.line = None;
        }
        result
    }

    /// Closes the connection of a consumer, as soon as nobody reads there.
    pub(crate) fn forget(&self, group: &str, consumer: &str) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.remove(&(group.into(), consumer.into()));
    }

    fn of(&self, read: &BrokerRead) -> Arc<Reader> {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (Arc::clone(&read.group), Arc::clone(&read.consumer));
        Arc::clone(readers.entry(name).or_default())
    }
}

impl State {
    /// What a read has brought that nobody waits for any more.
    async fn left_over(&mut self, shared: &Shared) -> Result<Vec<Entry>> {
        if self.running.as_ref().is_none_or(JoinHandle::is_finished) {
            return self.finish().await;
        }
        while let Some((_, id)) = &self.line {
            let mut unblock = redis::cmd("CLIENT");
            unblock.arg("UNBLOCK").arg(*id);
            // It may not be blocked yet; and when it may not be unblocked, it ends by itself.
            let _ = shared.ask(unblock).await;
            if let Ok(left) = tokio::time::timeout(SHORTLY, self.finish()).await {
                return left;
            }
        }
        self.finish().await
    }

    async fn read(&mut self, server: &Arc<Server>, read: &BrokerRead) -> Result<Vec<Entry>> {
        let until = read.wait.map(|wait| Instant::now() + wait);
        loop {
            // Cut short, so that a connection that is dead is noticed however long the wait.
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = left.map(|left| left.min(server.patience));
            let fetch = Fetch { line: self.line(server).await?, read: read.clone(), wait: left };
            self.running = Some(tokio::spawn(fetch.run(Arc::clone(server))));
            let entries = self.finish().await?;
            if !entries.is_empty() || until.is_none_or(|until| Instant::now() >= until) {
                return Ok(entries);
            }
        }
    }

    /// Waits for the running read; it stays in its place when this is dropped.
    async fn finish(&mut self) -> Result<Vec<Entry>> {
        let Some(running) = &mut self.running else { return Ok(Vec::new()) };
        let ended = running.await;
        self.running = None;
        ended.unwrap_or_else(|ended| Err(Error::unavailable("a read was ended").with_source(ended)))
    }

    async fn line(&mut self, server: &Arc<Server>) -> Result<Line> {
        if let Some((line, _)) = &self.line {
            return Ok(line.clone());
        }
        let mut line = server.connect().await.map_err(error::outage)?;
        let mut id = redis::cmd("CLIENT");
        id.arg("ID");
        let asking = tokio::time::timeout(server.patience, line.connection.req_packed_command(&id));
        // Without an id it cannot be unblocked, which only takes longer.
        let id = match asking.await {
            Ok(Ok(Value::Int(id))) => id,
            _ => 0,
        };
        self.line = Some((line.clone(), id));
        Ok(line)
    }
}

/// One read, on its own.
struct Fetch {
    line: Line,
    read: BrokerRead,
    wait: Option<Duration>,
}

impl Fetch {
    async fn run(mut self, server: Arc<Server>) -> Result<Vec<Entry>> {
        let streams = Arc::clone(&self.read.streams);
        if streams.len() > 1 || self.wait.is_none() {
            let entries = self.in_order(&server, &streams).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
        let Some(wait) = self.wait.filter(|_| !streams.is_empty()) else { return Ok(Vec::new()) };
        let share = (self.read.limit / streams.len()).max(1);
        self.ask(&server, &streams, share, Some(wait)).await
    }

    /// What is there already, the most preferred stream first.
    async fn in_order(&mut self, server: &Server, streams: &[Arc<str>]) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for stream in streams {
            let rest = self.read.limit.max(1).saturating_sub(entries.len());
            if rest == 0 {
                break;
            }
            match self.ask(server, std::slice::from_ref(stream), rest, None).await {
                Ok(more) => entries.extend(more),
                // What has been read must not be lost; the next read fails again.
                Err(_) if !entries.is_empty() => break,
                Err(failed) => return Err(failed),
            }
        }
        Ok(entries)
    }

    async fn ask(
        &mut self,
        server: &Server,
        streams: &[Arc<str>],
        count: usize,
        wait: Option<Duration>,
    ) -> Result<Vec<Entry>> {
        let command = self.command(streams, count, wait);
        let patience = wait.unwrap_or_default() + server.patience;
        let asking = self.line.connection.req_packed_command(&command);
        let answer = match tokio::time::timeout(patience, asking).await {
            Ok(Ok(Value::ServerError(refusal))) => {
                return Err(error::answered(&refusal, &server.place));
            }
            Ok(Ok(answer)) => answer,
            Ok(Err(failed)) => {
                return Err(error::outage(error::of_connecting(failed, &server.place)));
            }
            Err(_) => return Err(error::silent(&server.place, patience)),
        };
        entry::of_streams(answer, streams)
            .ok_or_else(|| error::unexpected("XREADGROUP", &server.place))
    }

    fn command(&self, streams: &[Arc<str>], count: usize, wait: Option<Duration>) -> Cmd {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&*self.read.group).arg(&*self.read.consumer);
        command.arg("COUNT").arg(count);
        if let Some(wait) = wait {
            // To Redis, 0 is for ever.
            command.arg("BLOCK").arg(wait.as_millis().max(1) as u64);
        }
        command.arg("STREAMS");
        streams.iter().for_each(|stream| {
            command.arg(&**stream);
        });
        streams.iter().for_each(|_| {
            command.arg(">");
        });
        command
    }
}
