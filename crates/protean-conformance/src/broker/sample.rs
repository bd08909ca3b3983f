//! What the facts publish and read, under names of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use protean_port::Result;
use protean_port::port::{
    Batch, Broker, BrokerGroup, BrokerGroupStatus, BrokerMark, BrokerRead, Entry, EntryRef,
    Publication, Receipt, TakeOver,
};

/// So long nothing is idle that was just touched.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// A broker and the names of one fact.
#[derive(Clone)]
pub struct Sample {
    broker: Arc<dyn Broker>,
    number: u32,
}

impl Sample {
    /// Names that nobody else in this process has.
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        Self { broker, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }

    /// The broker.
    pub fn broker(&self) -> &dyn Broker {
        &*self.broker
    }

    /// The stream this fact calls `name`.
    pub fn stream(&self, name: &str) -> Arc<str> {
        format!("sample_{}::{name}", self.number).into()
    }

    /// The same for many.
    pub fn streams(&self, names: &[&str]) -> Arc<[Arc<str>]> {
        names.iter().map(|name| self.stream(name)).collect()
    }

    /// A mark of this fact.
    pub fn mark(&self, name: &str, value: &str) -> BrokerMark {
        BrokerMark { name: self.stream(name), value: value.into() }
    }

    /// Groups on a stream.
    pub fn groups(&self, stream: &str, groups: &[&str]) -> Vec<BrokerGroup> {
        let stream = self.stream(stream);
        let group = |group: &&str| BrokerGroup { stream: stream.clone(), group: (*group).into() };
        groups.iter().map(group).collect()
    }

    /// Makes groups on a stream.
    ///
    /// # Errors
    /// As the broker has them, here and below.
    pub async fn prepare(&self, stream: &str, groups: &[&str]) -> Result<Vec<BrokerGroup>> {
        self.broker.prepare(&self.groups(stream, groups)).await
    }

    /// Publishes entries with these data.
    pub async fn publish(&self, stream: &str, data: &[&str]) -> Result<Receipt> {
        let data: Vec<_> = data.iter().map(|data| (stream, *data)).collect();
        self.publish_marked(&data, None).await
    }

    /// Publishes entries of several streams, with a mark.
    pub async fn publish_marked(
        &self,
        entries: &[(&str, &str)],
        mark: Option<BrokerMark>,
    ) -> Result<Receipt> {
        let entry = |(stream, data): &(&str, &str)| Publication {
            stream: self.stream(stream),
            data: data.as_bytes().into(),
        };
        let entries = entries.iter().map(entry).collect();
        self.broker.publish(Batch { entries, mark }).await
    }

    /// Reads what is there for the consumer `one`.
    pub async fn read(&self, group: &str, streams: &[&str]) -> Result<Vec<Entry>> {
        self.broker.read(self.reading(group, streams)).await
    }

    /// What to read for the consumer `one`: at most 100 entries, without a wait.
    pub fn reading(&self, group: &str, streams: &[&str]) -> BrokerRead {
        BrokerRead {
            group: group.into(),
            consumer: "one".into(),
            streams: self.streams(streams),
            limit: 100,
            wait: None,
        }
    }

    /// What to take over for the consumer `two`: whatever nobody holds now.
    pub fn taking(&self, group: &str, streams: &[&str]) -> TakeOver {
        TakeOver {
            group: group.into(),
            consumer: "two".into(),
            streams: self.streams(streams),
            idle: Duration::ZERO,
            limit: 100,
        }
    }

    /// Settles entries.
    pub async fn settle(&self, group: &str, entries: &[Entry]) -> Result {
        self.broker.settle(group, &refs(entries)).await
    }

    /// Where a group stands.
    ///
    /// # Panics
    /// When there is no such group.
    pub async fn group_status(&self, stream: &str, group: &str) -> Result<BrokerGroupStatus> {
        let standing = self.broker.group_status(&self.groups(stream, &[group])).await?;
        Ok(standing.into_iter().next().flatten().expect("a group"))
    }

    /// How many entries a stream with this group holds.
    pub async fn length(&self, stream: &str, group: &str) -> Result<u64> {
        Ok(self.group_status(stream, group).await?.length)
    }
}

/// The names of entries.
pub(super) fn refs(entries: &[Entry]) -> Vec<EntryRef> {
    entries.iter().map(|entry| entry.at.clone()).collect()
}

/// The data of entries as text.
pub(super) fn data(entries: &[Entry]) -> Vec<String> {
    let text =
        |entry: &Entry| String::from_utf8_lossy(entry.data.as_deref().unwrap_or(b"-")).into();
    entries.iter().map(text).collect()
}
