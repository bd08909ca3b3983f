//! The stages of production, each a task that waits for work.

use std::time::Duration;

use futures_util::future::poll_fn;
use protean::Priority;
use protean::message::{Category, Envelope, Recorded};
use protean_cli::{Error, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_postgres::{AsyncMessage, Client, NoTls};

use super::log::{Announce, CHANNEL, Commit, Lane, Log};
use super::message::{self, Addition};
use super::queue::{Entries, Queue};
use crate::clock;

/// Messages per page. The customers' accounts are more, so a page has each account once.
const PAGE_SIZE: usize = 100;
const WAIT: Duration = Duration::from_secs(1);

/// A deposit whose event is durable.
pub(super) struct Handled {
    pub(super) number: u64,
    /// When, in microseconds.
    pub(super) at: i64,
}

/// Starts the stages; they end with an error, or with the set.
///
/// # Errors
/// When a server cannot be reached.
pub(super) async fn start(
    tasks: &mut JoinSet<Result<()>>,
    database: &str,
    redis: &str,
) -> Result<mpsc::UnboundedReceiver<Handled>> {
    let (sender, handled) = mpsc::unbounded_channel();
    let (listener, announced) = listen(database).await?;
    let log = Log::open(database, Commit::Soon).await?;
    let commands = Relay::new(redis, message::commands()).await?;
    let events = Relay::new(redis, message::events()).await?;
    tasks.spawn(relay(listener, announced, log, [commands, events]));
    let stage = Stage::new(database, redis, message::commands(), Commit::Durable).await?;
    tasks.spawn(stage.handle(sender));
    let stage = Stage::new(database, redis, message::events(), Commit::Soon).await?;
    tasks.spawn(stage.project());
    Ok(handled)
}

/// A connection that listens, and a receiver of its notifications.
async fn listen(database: &str) -> Result<(Client, mpsc::UnboundedReceiver<()>)> {
    let (client, mut connection) = tokio_postgres::connect(database, NoTls).await?;
    let (sender, announced) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if matches!(message, AsyncMessage::Notification(_)) && sender.send(()).is_err() {
                return;
            }
        }
    });
    client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    Ok((client, announced))
}

async fn relay(
    _listener: Client,
    mut announced: mpsc::UnboundedReceiver<()>,
    log: Log,
    mut relays: [Relay; 2],
) -> Result<()> {
    while announced.recv().await.is_some() {
        // What was announced meanwhile is on the same page.
        while announced.try_recv().is_ok() {}
        for relay in &mut relays {
            relay.publish(&log).await?;
        }
    }
    Err(Error::failed("PostgreSQL closed the connection"))
}

/// The relay of one category. What is announced is durable, since its commit waited.
struct Relay {
    lane: Lane,
    queue: Queue,
    position: i64,
}

impl Relay {
    async fn new(redis: &str, category: Category) -> Result<Self> {
        let queue = Queue::open(redis, category.as_str()).await?;
        Ok(Self { lane: Lane { category, priority: Priority::NORMAL }, queue, position: 0 })
    }

    async fn publish(&mut self, log: &Log) -> Result<()> {
        let range = (self.position, i64::MAX);
        let page = log.page(&self.lane, range, i64::try_from(PAGE_SIZE)?).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let envelope = |recorded| Envelope::of(recorded, "fidelis").map(Envelope::into_string);
        let entries: Result<Vec<_>, _> = page.iter().map(envelope).collect();
        self.queue.add(entries?).await?;
        self.position = i64::try_from(last.position)?;
        log.pass("bare-relay", &self.lane, self.position).await
    }
}

/// What reads one category.
struct Stage {
    log: Log,
    lane: Lane,
    queue: Queue,
}

impl Stage {
    async fn new(database: &str, redis: &str, category: Category, commit: Commit) -> Result<Self> {
        let log = Log::open(database, commit).await?;
        let queue = Queue::open(redis, category.as_str()).await?;
        Ok(Self { log, queue, lane: Lane { category, priority: Priority::NORMAL } })
    }

    async fn handle(mut self, handled: mpsc::UnboundedSender<Handled>) -> Result<()> {
        loop {
            let (ids, commands, last) = self.receive().await?;
            let mut events: Vec<_> = commands.iter().map(message::effect).collect::<Result<_>>()?;
            self.log.place(&mut events).await?;
            let writes = async {
                tokio::try_join!(
                    self.log.append(&events, Announce::Yes),
                    self.log.pass("bare-handler", &self.lane, last)
                )?;
                Ok(())
            };
            self.log.transaction(writes).await?;
            let at = clock::now();
            for event in &events {
                // Nobody waits for it once the run is over.
                let _ = handled.send(Handled { number: message::number_of(event)?, at });
            }
            self.queue.settle(&ids).await?;
        }
    }

    async fn project(mut self) -> Result<()> {
        loop {
            let (ids, events, last) = self.receive().await?;
            let additions: Vec<_> = events.iter().map(Addition::of).collect::<Result<_>>()?;
            let writes = async {
                tokio::try_join!(
                    self.log.project(&additions),
                    self.log.pass("bare-projector", &self.lane, last)
                )?;
                Ok(())
            };
            self.log.transaction(writes).await?;
            self.queue.settle(&ids).await?;
        }
    }

    /// The next messages, with the ids of their entries and the last position.
    async fn receive(&mut self) -> Result<(Vec<String>, Vec<Recorded>, i64)> {
        loop {
            let Entries { ids, data } = self.queue.read(PAGE_SIZE, Some(WAIT)).await?;
            let messages: Vec<_> = data.iter().map(|entry| parsed(entry)).collect::<Result<_>>()?;
            if let Some(last) = messages.last() {
                let last = i64::try_from(last.position)?;
                return Ok((ids, messages, last));
            }
        }
    }
}

fn parsed(entry: &str) -> Result<Recorded> {
    let recorded = Envelope::read(entry.as_bytes())?.recorded();
    recorded.ok_or_else(|| Error::failed("an entry has no position"))
}
