//! An index of what the dead-letter streams of a broker hold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use protean_port::port::{
    Batch, Broker, BrokerGroup, BrokerRead, EntryRef, Publication, Published,
};
use protean_port::{Error, Result};
use tracing::warn;

use super::dlq_entry::DlqKey;

/// How many entries are read or removed at once.
const PAGE_ENTRIES: usize = 500;

/// The entries of these streams, by the dead letter each one holds.
pub(super) struct DlqIndex {
    broker: Arc<dyn Broker>,
    streams: Vec<Arc<str>>,
    /// Two names for one group: a publisher that begins takes the one that does not
    /// exist, reads every entry under it, and removes the other.
    names: [Arc<str>; 2],
    reading: Option<Reading>,
    entries: HashMap<DlqKey, Option<EntryRef>>,
}

/// A dead letter to add to its stream.
pub(super) struct NewEntry {
    pub(super) key: DlqKey,
    pub(super) publication: Publication,
}

/// The group that the index reads under.
struct Reading {
    /// The index of its name.
    name: usize,
    /// Changes whenever the broker's server restarts.
    incarnation: Arc<str>,
}

impl DlqIndex {
    pub(super) fn new(broker: Arc<dyn Broker>, domain: &str, streams: Vec<Arc<str>>) -> Self {
        let names = ["a", "b"].map(|name| format!("{domain}.dlq:{name}").into());
        Self { broker, streams, names, reading: None, entries: HashMap::new() }
    }

    /// Forgets everything: the next refresh reads every entry anew.
    pub(super) fn forget(&mut self) {
        self.reading = None;
        self.entries.clear();
    }

    /// Reads the entries that were added since, or all of them after the broker restarted.
    pub(super) async fn refresh(&mut self) -> Result {
        let incarnation = self.broker.stored_mark(&self.names[0]).await?.incarnation;
        let reading = match &self.reading {
            Some(known) if known.incarnation == incarnation => {
                let missing = self.broker.prepare(&self.groups(known.name)).await?;
                missing.is_empty().then_some(known.name)
            }
            _ => None,
        };
        let name = match reading {
            Some(name) => name,
            None => self.begin().await?,
        };
        self.read(name).await?;
        self.reading = Some(Reading { name, incarnation });
        Ok(())
    }

    /// Takes a name under which nothing has been read on any of the streams.
    async fn begin(&mut self) -> Result<usize> {
        self.forget();
        let second = self.broker.prepare(&self.groups(1)).await?;
        let first_is_new = second.len() < self.streams.len();
        if first_is_new {
            // While the second exists, no entry goes that waits for the first alone.
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
                limit: PAGE_ENTRIES,
                wait: None,
            };
            let entries = self.broker.read(read).await?;
            if entries.is_empty() {
                return Ok(());
            }
            let mut twice = Vec::new();
            for entry in entries {
                // An entry that another program added is left alone.
                let Some(dead) = DlqKey::of_stream(&entry) else { continue };
                let known = self.entries.insert(dead, Some(entry.at.clone())).flatten();
                twice.extend(known.filter(|known| *known != entry.at));
            }
            if !twice.is_empty() {
                self.broker.settle(&self.names[name], &twice).await?;
            }
        }
    }

    pub(super) fn has(&self, entry: &DlqKey) -> bool {
        self.entries.contains_key(entry)
    }

    /// Publishes entries; one that the broker will never take is skipped.
    pub(super) async fn add(&mut self, new: Vec<NewEntry>) -> Result {
        if new.is_empty() {
            return Ok(());
        }
        let entries = new.iter().map(|entry| entry.publication.clone()).collect();
        let receipt = self.broker.publish(Batch { entries, mark: None }).await?;
        for (NewEntry { key, publication }, published) in new.into_iter().zip(receipt.published) {
            let stream = publication.stream;
            let at = match published {
                Published::Accepted(id) => Some(EntryRef { stream, id }),
                Published::Refused(reason) => {
                    warn!(%stream, %reason, "dead letter refused by the broker, it stays in the database");
                    None
                }
                Published::Unavailable(reason) => return Err(Error::unavailable(reason)),
            };
            self.entries.insert(key, at);
        }
        Ok(())
    }

    /// Removes the entries of messages that are no longer dead.
    pub(super) async fn retain(&mut self, dead: &HashSet<DlqKey>) -> Result {
        let gone: Vec<DlqKey> =
            self.entries.keys().filter(|entry| !dead.contains(entry)).cloned().collect();
        let Some(reading) = &self.reading else { return Ok(()) };
        let entries: Vec<EntryRef> =
            gone.iter().filter_map(|key| self.entries.get(key)?.clone()).collect();
        if !entries.is_empty() {
            self.broker.settle(&self.names[reading.name], &entries).await?;
        }
        for entry in gone {
            self.entries.remove(&entry);
        }
        Ok(())
    }

    /// The group with this name on each stream.
    fn groups(&self, name: usize) -> Vec<BrokerGroup> {
        let group = &self.names[name];
        let on = |stream: &Arc<str>| BrokerGroup {
            stream: Arc::clone(stream),
            group: Arc::clone(group),
        };
        self.streams.iter().map(on).collect()
    }
}
