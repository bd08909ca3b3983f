//! From entries of a stream to the messages of the log that they speak of.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use protean_port::message::Envelope;
use protean_port::port::{Broker, BrokerGroup, Delivery, Entry, EntryRef};
use protean_port::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::unreadable::bury;
use crate::worker::runner::HandlerRunner;

/// The wait before a broker or store that failed is asked again.
const WAIT: Duration = Duration::from_millis(200);

/// What came of a read.
#[derive(Default)]
pub(crate) struct Fetched {
    /// Messages to handle, each with its entry.
    pub(crate) deliveries: Vec<(EntryRef, Delivery)>,
    /// Entries with nothing to handle: their messages are settled or parked.
    pub(crate) done: Vec<EntryRef>,
}

/// A group's end of a broker.
#[derive(Clone)]
pub(crate) struct BrokerReader {
    pub(crate) runner: HandlerRunner,
    pub(crate) broker: Arc<dyn Broker>,
    /// Nothing is waited for once this says so.
    pub(crate) stop: CancellationToken,
}

/// An entry and what it says it is: where in the log, and the id of the message.
struct Claimed {
    at: EntryRef,
    id: String,
}

impl BrokerReader {
    /// Carries out a read, or a take-over, and finds its messages. What cannot be
    /// identified before the worker stops is left to be taken over.
    pub(crate) async fn arrive(
        mut self,
        stream: Arc<str>,
        (group, consumer): (Arc<str>, Arc<str>),
        entries: impl Future<Output = Result<Vec<Entry>>>,
    ) -> Fetched {
        let group = BrokerGroup { stream, group };
        let stop = self.stop.clone();
        let entries = tokio::select! {
            entries = entries => entries,
            _ = stop.cancelled() => return Fetched::default(),
        };
        match entries {
            Ok(entries) => self.identify(&group, &consumer, entries).await,
            Err(failed) => {
                self.tell(&group, &failed);
                self.pause(WAIT).await;
                Fetched::default()
            }
        }
    }

    fn tell(&self, BrokerGroup { stream, group }: &BrokerGroup, failed: &Error) {
        if failed.is_not_found() {
            // Whoever makes it again has to publish what it has missed: the relay does.
            info!(%group, %stream, "it is not there yet, or not any more: the relay makes it");
        } else {
            warn!(%group, %stream, "cannot read: {failed}");
        }
    }

    /// Waits; false when the worker is to stop.
    pub(crate) async fn pause(&mut self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.stop.cancelled()).await.is_err()
    }

    async fn identify(
        &mut self,
        group: &BrokerGroup,
        consumer: &str,
        entries: Vec<Entry>,
    ) -> Fetched {
        let mut claimed: BTreeMap<u64, Vec<Claimed>> = BTreeMap::new();
        let mut refused = Vec::new();
        for entry in entries {
            match self.claims(&entry) {
                Ok((position, id)) => {
                    claimed.entry(position).or_default().push(Claimed { at: entry.at, id });
                }
                Err(reason) => refused.push((entry, reason)),
            }
        }
        let mut arrival = self.recall(claimed).await;
        let broker = (&self.runner.domain, &*self.broker);
        arrival.done.extend(bury(broker, (group, consumer), refused).await);
        arrival
    }

    /// Looks again at a message that is in the log for certain.
    pub(crate) async fn reconsider(
        mut self,
        delivery: Delivery,
        entries: Vec<EntryRef>,
    ) -> Fetched {
        let (position, id) = (delivery.recorded.position, &delivery.recorded.message.id);
        let claimed = entries.into_iter().map(|at| Claimed { at, id: id.to_string() }).collect();
        self.recall(BTreeMap::from([(position, claimed)])).await
    }

    /// What an entry says it is, or why it is nothing of ours.
    fn claims(&self, entry: &Entry) -> Result<(u64, String), String> {
        let data = entry.data.as_deref().ok_or("it has no field `data`")?;
        let foreign = Envelope::read(data).map_err(|unreadable| unreadable.to_string())?;
        if *foreign.stream.category() != self.runner.group.category {
            let (found, expected) = (foreign.stream.category(), &self.runner.group.category);
            return Err(format!("it is of the category '{found}', expected '{expected}'"));
        }
        let position = foreign.position.ok_or("it is not from the log of this domain")?;
        Ok((position, foreign.id.into_owned()))
    }

    /// Asks the log for what is claimed to be there, for as long as it takes.
    async fn recall(&mut self, claimed: BTreeMap<u64, Vec<Claimed>>) -> Fetched {
        let mut arrival = Fetched::default();
        let positions: Vec<u64> = claimed.keys().copied().collect();
        if positions.is_empty() {
            return arrival;
        }
        let group = Arc::clone(&self.runner.group);
        let found = loop {
            match self.runner.store.recall(&group.name, &group.category, &positions).await {
                Ok(found) => break found,
                Err(failed) => warn!(group = %group.name, "cannot read the log: {failed}"),
            }
            if !self.pause(WAIT).await {
                return arrival;
            }
        };
        let by_position = |delivery: Delivery| (delivery.recorded.position, delivery);
        let mut found: BTreeMap<u64, Delivery> = found.into_iter().map(by_position).collect();
        for (position, entries) in claimed {
            let delivery = found.remove(&position).filter(|delivery| !delivery.parked);
            for Claimed { at, id } in entries {
                match &delivery {
                    Some(delivery) if *delivery.recorded.message.id == *id => {
                        arrival.deliveries.push((at, delivery.clone()));
                    }
                    Some(delivery) => {
                        let here = &delivery.recorded.message.id;
                        error!(group = %group.name, %id, position, "passed over: the log has \
                             '{here}' there, so it is left from another database");
                        arrival.done.push(at);
                    }
                    None => arrival.done.push(at),
                }
            }
        }
        arrival
    }
}
