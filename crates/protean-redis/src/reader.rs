//! Blocking reads: each consumer has its own connection for them.
//!
//! Redis assigns entries to a consumer before it sends the reply. So a read runs as a
//! task that goes on when its caller is dropped; the consumer's next read takes the result.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protean_port::port::{BrokerRead, Entry};
use protean_port::{Error, Result};
use redis::aio::ConnectionLike;
use redis::{Cmd, Value};
use tokio::task::JoinHandle;

use crate::server::{Connection, Server};
use crate::shared::Shared;
use crate::{entry, error};

/// How long an unblocked read may take to end before it is unblocked again.
const UNBLOCK_INTERVAL: Duration = Duration::from_millis(5);

#[derive(PartialEq, Eq, Hash)]
struct ConsumerName {
    group: Arc<str>,
    consumer: Arc<str>,
}

/// The readers of this process, by consumer.
#[derive(Default)]
pub(crate) struct Readers(Mutex<HashMap<ConsumerName, Arc<Reader>>>);

/// The reader of one consumer; it runs one read at a time.
#[derive(Default)]
struct Reader(tokio::sync::Mutex<State>);

#[derive(Default)]
struct State {
    connection: Option<ReadConnection>,
    running: Option<JoinHandle<Result<Vec<Entry>>>>,
}

#[derive(Clone)]
struct ReadConnection {
    connection: Connection,
    /// Redis's id of the connection, for unblocking it; 0 when unknown.
    client_id: i64,
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
            state.connection = None;
        }
        result
    }

    /// Closes the connection of a consumer once its running read has ended.
    pub(crate) fn forget(&self, group: &str, consumer: &str) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.remove(&ConsumerName { group: group.into(), consumer: consumer.into() });
    }

    fn of(&self, read: &BrokerRead) -> Arc<Reader> {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let BrokerRead { group, consumer, .. } = read;
        let name = ConsumerName { group: Arc::clone(group), consumer: Arc::clone(consumer) };
        Arc::clone(readers.entry(name).or_default())
    }
}

impl State {
    /// The result of a read whose caller was dropped.
    async fn left_over(&mut self, shared: &Shared) -> Result<Vec<Entry>> {
        if self.running.as_ref().is_none_or(JoinHandle::is_finished) {
            return self.finish().await;
        }
        while let Some(ReadConnection { client_id, .. }) = &self.connection {
            let mut unblock = redis::cmd("CLIENT");
            unblock.arg("UNBLOCK").arg(*client_id);
            // Fails while the read is not blocking yet. Without the right to unblock, the
            // read ends at its own timeout.
            let _ = shared.send(unblock).await;
            if let Ok(left) = tokio::time::timeout(UNBLOCK_INTERVAL, self.finish()).await {
                return left;
            }
        }
        self.finish().await
    }

    async fn read(&mut self, server: &Arc<Server>, read: &BrokerRead) -> Result<Vec<Entry>> {
        let until = read.wait.map(|wait| Instant::now() + wait);
        loop {
            // Cut short, so that a dead connection is noticed however long the wait.
            let wait = until
                .map(|until| until.saturating_duration_since(Instant::now()))
                .map(|remaining| remaining.min(server.response_timeout));
            let connection = self.connection(server).await?;
            let fetch = Fetch { connection, read: read.clone(), wait };
            self.running = Some(tokio::spawn(fetch.run(Arc::clone(server))));
            let entries = self.finish().await?;
            if !entries.is_empty() || until.is_none_or(|until| Instant::now() >= until) {
                return Ok(entries);
            }
        }
    }

    /// Waits for the running read, which goes on when this future is dropped.
    async fn finish(&mut self) -> Result<Vec<Entry>> {
        let Some(running) = &mut self.running else { return Ok(Vec::new()) };
        let ended = running.await;
        self.running = None;
        ended.unwrap_or_else(|ended| {
            Err(Error::unavailable("the task of a read from Redis ended early").with_source(ended))
        })
    }

    async fn connection(&mut self, server: &Arc<Server>) -> Result<Connection> {
        if let Some(ReadConnection { connection, .. }) = &self.connection {
            return Ok(connection.clone());
        }
        let mut connection = server.connect().await.map_err(error::outage)?;
        let mut command = redis::cmd("CLIENT");
        command.arg("ID");
        let sending = connection.commands.req_packed_command(&command);
        // Without its id a read cannot be unblocked, and only ends later.
        let client_id = match tokio::time::timeout(server.response_timeout, sending).await {
            Ok(Ok(Value::Int(id))) => id,
            _ => 0,
        };
        self.connection = Some(ReadConnection { connection: connection.clone(), client_id });
        Ok(connection)
    }
}

/// One read, run by a task.
struct Fetch {
    connection: Connection,
    read: BrokerRead,
    wait: Option<Duration>,
}

impl Fetch {
    async fn run(mut self, server: Arc<Server>) -> Result<Vec<Entry>> {
        let streams = Arc::clone(&self.read.streams);
        if streams.len() > 1 || self.wait.is_none() {
            let entries = self.available(&server, &streams).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
        let Some(wait) = self.wait.filter(|_| !streams.is_empty()) else { return Ok(Vec::new()) };
        let share = (self.read.limit / streams.len()).max(1);
        self.fetch(&server, &streams, share, Some(wait)).await
    }

    /// The entries that are available now, the most preferred stream first.
    async fn available(&mut self, server: &Server, streams: &[Arc<str>]) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for stream in streams {
            let rest = self.read.limit.max(1).saturating_sub(entries.len());
            if rest == 0 {
                break;
            }
            match self.fetch(server, std::slice::from_ref(stream), rest, None).await {
                Ok(more) => entries.extend(more),
                // The entries read so far must not be lost; the next read reports the failure.
                Err(_) if !entries.is_empty() => break,
                Err(failed) => return Err(failed),
            }
        }
        Ok(entries)
    }

    async fn fetch(
        &mut self,
        server: &Server,
        streams: &[Arc<str>],
        count: usize,
        wait: Option<Duration>,
    ) -> Result<Vec<Entry>> {
        let command = self.command(streams, count, wait);
        let address = &server.address;
        let timeout = wait.unwrap_or_default() + server.response_timeout;
        let sending = self.connection.commands.req_packed_command(&command);
        match server.answer(timeout, sending).await.map_err(error::outage)? {
            Value::ServerError(error) => Err(error::from_reply(&error, address)),
            reply => entry::of_streams(reply, streams)
                .ok_or_else(|| error::unexpected("XREADGROUP", address)),
        }
    }

    fn command(&self, streams: &[Arc<str>], count: usize, wait: Option<Duration>) -> Cmd {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&*self.read.group).arg(&*self.read.consumer);
        command.arg("COUNT").arg(count);
        if let Some(wait) = wait {
            // Redis takes 0 to mean no timeout.
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
