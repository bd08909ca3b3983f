//! Bulk work, one step at a time: while one runs, no other does, so that at most one core
//! is kept from production.

use std::time::{Duration, Instant};

use protean::Priority;
use protean::message::{Category, Recorded};
use protean_cli::{Error, Result};

use super::log::{Announce, Commit, Lane, Log};
use super::message::{self, Addition};
use super::queue::Queue;

/// Messages per page and entry.
const PAGE_SIZE: u64 = 500;
/// Messages per transaction.
const STEP_SIZE: usize = 100;

pub(super) struct Bulk {
    log: Log,
    /// Commits durably, and with that everything before.
    disk: Log,
    commands: Relay,
    events: Relay,
    sent: u64,
}

/// The relay of one category.
struct Relay {
    lane: Lane,
    queue: Queue,
    position: i64,
}

impl Bulk {
    /// # Errors
    /// When a server cannot be reached.
    pub(super) async fn new(database: &str, redis: &str) -> Result<Self> {
        Ok(Self {
            log: Log::open(database, Commit::Soon).await?,
            disk: Log::open(database, Commit::Durable).await?,
            commands: Relay::new(redis, message::commands()).await?,
            events: Relay::new(redis, message::events()).await?,
            sent: 0,
        })
    }

    /// Sends `count` commands and takes each until it is projected; returns how long that took.
    ///
    /// # Errors
    /// When a server refuses.
    pub(super) async fn run(&mut self, count: u64) -> Result<Duration> {
        let (begun, until) = (Instant::now(), self.sent + count);
        while self.sent < until {
            self.send(PAGE_SIZE.min(until - self.sent)).await?;
            self.disk.flush().await?;
            self.commands.publish(&self.log).await?;
            self.handle().await?;
            self.disk.flush().await?;
            self.events.publish(&self.log).await?;
            self.project().await?;
        }
        Ok(begun.elapsed())
    }

    async fn send(&mut self, count: u64) -> Result<()> {
        let commands: Vec<_> =
            (self.sent..self.sent + count).map(message::opening).collect::<Result<_>>()?;
        for step in commands.chunks(STEP_SIZE) {
            self.log.append(step, Announce::No).await?;
        }
        self.sent += count;
        Ok(())
    }

    async fn handle(&mut self) -> Result<()> {
        let (ids, commands) = self.commands.receive(&self.log).await?;
        for step in commands.chunks(STEP_SIZE) {
            let mut events: Vec<_> = step.iter().map(message::effect).collect::<Result<_>>()?;
            self.log.place(&mut events).await?;
            let writes = async {
                let last = last(step)?;
                tokio::try_join!(
                    self.log.append(&events, Announce::No),
                    self.log.pass("bare-handler", &self.commands.lane, last)
                )?;
                Ok(())
            };
            self.log.transaction(writes).await?;
        }
        self.commands.queue.settle(&ids).await
    }

    async fn project(&mut self) -> Result<()> {
        let (ids, events) = self.events.receive(&self.log).await?;
        for step in events.chunks(STEP_SIZE) {
            let additions: Vec<_> = step.iter().map(Addition::of).collect::<Result<_>>()?;
            let writes = async {
                let last = last(step)?;
                tokio::try_join!(
                    self.log.project(&additions),
                    self.log.pass("bare-projector", &self.events.lane, last)
                )?;
                Ok(())
            };
            self.log.transaction(writes).await?;
        }
        self.events.queue.settle(&ids).await
    }
}

impl Relay {
    async fn new(redis: &str, category: Category) -> Result<Self> {
        let queue = Queue::open(redis, &format!("{category}:backfill")).await?;
        Ok(Self { lane: Lane { category, priority: Priority::BULK }, queue, position: 0 })
    }

    /// Says in one entry where the next page is.
    async fn publish(&mut self, log: &Log) -> Result<()> {
        let limit = i64::try_from(PAGE_SIZE)?;
        let range = log.range(&self.lane, self.position, limit).await?;
        let (first, last) = range.ok_or_else(|| Error::failed("the log has nothing to publish"))?;
        self.queue.add([format!("{first} {last}")]).await?;
        self.position = last;
        log.pass("bare-relay", &self.lane, last).await
    }

    /// Reads one entry, and from the log what it stands for.
    async fn receive(&mut self, log: &Log) -> Result<(Vec<String>, Vec<Recorded>)> {
        let entries = self.queue.read(1, None).await?;
        let range = entries.data.first().and_then(|data| {
            let (first, last) = data.split_once(' ')?;
            Some((first.parse::<i64>().ok()? - 1, last.parse().ok()?))
        });
        let range = range.ok_or_else(|| Error::failed("the stream has no range"))?;
        let messages = log.page(&self.lane, range, i64::try_from(PAGE_SIZE)?).await?;
        Ok((entries.ids, messages))
    }
}

fn last(step: &[Recorded]) -> Result<i64> {
    Ok(i64::try_from(step.last().map_or(0, |recorded| recorded.position))?)
}
