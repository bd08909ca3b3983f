//! From entries of a stream to the messages of the log that they speak of.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use protean_port::Result;
use protean_port::message::{Envelope, Lane};
use protean_port::port::{Broker, BrokerGroup, Delivery, Entry, EntryRef};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::unreadable::{EntryReader, Unreadable, add_to_dlq};
use crate::worker::runner::HandlerRunner;

/// The wait before a broker or store that failed is asked again.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// The messages that a read has brought.
#[derive(Default)]
pub(crate) struct Fetched {
    /// Messages to handle.
    pub(crate) messages: Vec<FetchedMessage>,
    /// Entries with nothing to handle: their messages are settled or parked.
    pub(crate) done: Vec<EntryRef>,
}

impl Fetched {
    /// How many entries were read.
    pub(crate) fn entries(&self) -> usize {
        self.messages.len() + self.done.len()
    }
}

/// A message to handle, and the entry that it came with.
pub(crate) struct FetchedMessage {
    pub(crate) entry: EntryRef,
    pub(crate) delivery: Delivery,
}

/// Reads for a group from a broker, and finds in the log what was read.
#[derive(Clone)]
pub(crate) struct BrokerReader {
    pub(crate) runner: HandlerRunner,
    pub(crate) broker: Arc<dyn Broker>,
    /// Nothing is waited for once this is cancelled.
    pub(crate) stop: CancellationToken,
}

/// The log position and the id of the message that an entry refers to.
struct Reference {
    position: u64,
    id: String,
}

/// An entry, and the id of the message that it says it is.
struct Referred {
    entry: EntryRef,
    id: String,
}

impl BrokerReader {
    /// Carries out a read, or a take-over, and finds its messages. What cannot be
    /// identified before the worker stops is left to be taken over.
    pub(crate) async fn fetch(
        self,
        lane: Lane,
        stream: Arc<str>,
        consumer: Arc<str>,
        entries: impl Future<Output = Result<Vec<Entry>>>,
    ) -> Fetched {
        let from = BrokerGroup { stream, group: Arc::clone(&self.runner.group.name) };
        let entries = tokio::select! {
            entries = entries => entries,
            _ = self.stop.cancelled() => return Fetched::default(),
        };
        match entries {
            Ok(entries) => {
                let identified = self.identify(&from, &consumer, entries);
                self.runner.steps.run(lane, identified).await
            }
            Err(error) => {
                let BrokerGroup { stream, group } = &from;
                if error.is_not_found() {
                    // The relay makes it, since what it has missed has to be published then.
                    info!(%group, %stream, "consumer group missing, waiting for the relay to create it");
                } else {
                    warn!(
                        handler = %self.runner.group.handler, %stream,
                        error = format_args!("{error:#}"),
                        "cannot read the stream, trying again"
                    );
                }
                self.pause(RETRY_DELAY).await;
                Fetched::default()
            }
        }
    }

    /// Waits; false when the worker is to stop.
    pub(crate) async fn pause(&self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.stop.cancelled()).await.is_err()
    }

    async fn identify(&self, from: &BrokerGroup, consumer: &str, entries: Vec<Entry>) -> Fetched {
        let mut referred: BTreeMap<u64, Vec<Referred>> = BTreeMap::new();
        let mut unreadable = Vec::new();
        for entry in entries {
            match self.reference(&entry) {
                Ok(Reference { position, id }) => {
                    referred.entry(position).or_default().push(Referred { entry: entry.at, id });
                }
                Err(reason) => unreadable.push(Unreadable { entry, reason }),
            }
        }
        let mut fetched = self.recall(referred).await;
        let (domain, broker) = (&self.runner.domain, &*self.broker);
        let reader = EntryReader { handler: &self.runner.group.handler, from, consumer };
        fetched.done.extend(add_to_dlq(domain, broker, reader, unreadable).await);
        fetched
    }

    /// Looks again at a message that is in the log for certain.
    pub(crate) async fn reconsider(self, delivery: Delivery, entries: Vec<EntryRef>) -> Fetched {
        let (position, id) = (delivery.recorded.position, &delivery.recorded.message.id);
        let referred = |entry| Referred { entry, id: id.to_string() };
        let referred = entries.into_iter().map(referred).collect();
        self.recall(BTreeMap::from([(position, referred)])).await
    }

    /// The log position and the message that an entry refers to, or why it is not one of
    /// this group.
    fn reference(&self, entry: &Entry) -> Result<Reference, String> {
        let data = entry.data.as_deref().ok_or("the entry has no field `data`")?;
        let envelope = Envelope::read(data).map_err(|unreadable| unreadable.to_string())?;
        let (found, expected) = (envelope.stream.category(), &self.runner.group.category);
        if found != expected {
            return Err(format!("the message is of the category '{found}', expected '{expected}'"));
        }
        let position =
            envelope.position.ok_or("the message has no log position: it is not of this domain")?;
        Ok(Reference { position, id: envelope.id.into_owned() })
    }

    /// Finds in the log what entries refer to, for as long as it takes.
    async fn recall(&self, referred: BTreeMap<u64, Vec<Referred>>) -> Fetched {
        let mut fetched = Fetched::default();
        let positions: Vec<u64> = referred.keys().copied().collect();
        if positions.is_empty() {
            return fetched;
        }
        let group = &self.runner.group;
        let found = loop {
            match self.runner.store.recall(&group.name, &group.category, &positions).await {
                Ok(found) => break found,
                Err(error) => warn!(
                    handler = %group.handler, error = format_args!("{error:#}"),
                    "cannot read the log, trying again"
                ),
            }
            if !self.pause(RETRY_DELAY).await {
                return fetched;
            }
        };
        let by_position = |delivery: Delivery| (delivery.recorded.position, delivery);
        let mut found: BTreeMap<u64, Delivery> = found.into_iter().map(by_position).collect();
        for (position, entries) in referred {
            let delivery = found.remove(&position).filter(|delivery| !delivery.parked);
            for Referred { entry, id } in entries {
                match &delivery {
                    Some(delivery) if *delivery.recorded.message.id == *id => {
                        let delivery = delivery.clone();
                        fetched.messages.push(FetchedMessage { entry, delivery });
                    }
                    Some(delivery) => {
                        let here = &delivery.recorded.message.id;
                        error!(
                            handler = %group.handler, message_id = %id, position, in_log = %here,
                            "entry of another database skipped: the log has another message at \
                             its position"
                        );
                        fetched.done.push(entry);
                    }
                    None => fetched.done.push(entry),
                }
            }
        }
        fetched
    }
}
