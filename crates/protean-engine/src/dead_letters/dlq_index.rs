//! What the dead-letter streams of a broker hold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use protean_port::port::{
    Batch, Broker, BrokerGroup, BrokerRead, EntryRef, Publication, Published,
};
use protean_port::{Error, Result};
use tracing::warn;

use super::dlq_entry::DlqEntry;

/// How many entries are read or taken out at once.
const PAGE: usize = 500;

/// The entries of these streams, known by what they tell of.
pub(super) struct DlqIndex {
    broker: Arc<dyn Broker>,
    streams: Vec<Arc<str>>,
    /// Two names for one group: who begins takes the one that is not there, reads
    /// every entry under it, and removes the other.
    names: [Arc<str>; 2],
    /// Under which name it reads, in which life of the broker's server.
    reading: Option<(usize, Arc<str>)>,
    entries: HashMap<DlqEntry, Option<EntryRef>>,
}

impl DlqIndex {
    pub(super) fn new(broker: Arc<dyn Broker>, domain: &str, streams: Vec<Arc<str>>) -> Self {
        let names = ["a", "b"].map(|name| format!("{domain}.dlq:{name}").into());
        Self { broker, streams, names, reading: None, entries: HashMap::new() }
    }

    /// Nothing is taken to be known any more.
    pub(super) fn forget(&mut self) {
        self.reading = None;
        self.entries.clear();
    }

    /// Learns what has come since, or everything when that may be another.
    pub(super) async fn look(&mut self) -> Result {
        let life = self.broker.kept(&self.names[0]).await?.incarnation;
        let reading = match &self.reading {
            Some((name, known)) if *known == life => {
                let missing = self.broker.prepare(&self.groups(*name)).await?;
                missing.is_empty().then_some(*name)
            }
            _ => None,
        };
        let name = match reading {
            Some(name) => name,
            None => self.begin().await?,
        };
        self.read(name).await?;
        self.reading = Some((name, life));
        Ok(())
    }

    /// A name under which nothing is read yet on any of the streams.
    async fn begin(&mut self) -> Result<usize> {
        self.forget();
        let second = self.broker.prepare(&self.groups(1)).await?;
        let first_is_new = second.len() < self.streams.len();
        if first_is_new {
            // With the second there, nothing goes that waits for the first alone.
            self.broker.forget(&self.groups(0)).await?;
            self.broker.prepare(&self.groups(0)).await?;
        }
        let (name, other) = if first_is_new { (0, 1) } else { (1, 0) };
        self.broker.forget(&self.groups(other)).await?;
        Ok(name)
    }

    async fn read(&mut self, name: usize) -> Result {
        loop {
            let read = BrokerRead {
                group: Arc::clone(&self.names[name]),
                consumer: Arc::clone(&self.names[name]),
                streams: self.streams.as_slice().into(),
                limit: PAGE,
                wait: None,
            };
            let entries = self.broker.read(read).await?;
            if entries.is_empty() {
                return Ok(());
            }
            let mut twice = Vec::new();
            for entry in entries {
                // What others have put there is theirs.
                let Some(dead) = DlqEntry::of_stream(&entry) else { continue };
                let known = self.entries.insert(dead, Some(entry.at.clone())).flatten();
                twice.extend(known.filter(|known| *known != entry.at));
            }
            if !twice.is_empty() {
                self.broker.settle(&self.names[name], &twice).await?;
            }
        }
    }

    pub(super) fn has(&self, entry: &DlqEntry) -> bool {
        self.entries.contains_key(entry)
    }

    /// Publishes letters; what the broker will never take is passed over.
    pub(super) async fn put(&mut self, letters: Vec<(DlqEntry, Arc<str>, Vec<u8>)>) -> Result {
        if letters.is_empty() {
            return Ok(());
        }
        let (deaths, entries): (Vec<DlqEntry>, Vec<Publication>) = letters
            .into_iter()
            .map(|(entry, stream, data)| (entry, Publication { stream, data: data.into() }))
            .unzip();
        let streams: Vec<_> = entries.iter().map(|entry| Arc::clone(&entry.stream)).collect();
        let receipt = self.broker.publish(Batch { entries: entries.into(), mark: None }).await?;
        for ((entry, stream), published) in deaths.into_iter().zip(streams).zip(receipt.published) {
            let at = match published {
                Published::Accepted(id) => Some(EntryRef { stream, id }),
                Published::Refused(reason) => {
                    warn!(%stream, "a dead letter stays in the database alone: {reason}");
                    None
                }
                Published::Unavailable(reason) => return Err(Error::unavailable(reason)),
            };
            self.entries.insert(entry, at);
        }
        Ok(())
    }

    /// Takes out what is not dead any more.
    pub(super) async fn keep(&mut self, dead: &HashSet<DlqEntry>) -> Result {
        let gone: Vec<DlqEntry> =
            self.entries.keys().filter(|entry| !dead.contains(entry)).cloned().collect();
        let Some((name, _)) = &self.reading else { return Ok(()) };
        let entries = gone.iter().filter_map(|entry| self.entries.get(entry)?.clone());
        let entries: Vec<EntryRef> = entries.collect();
        if !entries.is_empty() {
            self.broker.settle(&self.names[*name], &entries).await?;
        }
        for entry in gone {
            self.entries.remove(&entry);
        }
        Ok(())
    }

    /// The group of a name on each stream.
    fn groups(&self, name: usize) -> Vec<BrokerGroup> {
        let group = &self.names[name];
        let on = |stream: &Arc<str>| BrokerGroup {
            stream: Arc::clone(stream),
            group: Arc::clone(group),
        };
        self.streams.iter().map(on).collect()
    }
}
