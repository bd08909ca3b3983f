//! From entries of a stream to the messages of the log that they speak of.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protean_core::domain::Group;
use protean_port::Result;
use protean_port::message::{Category, Envelope, Lane, Positions};
use protean_port::port::{BoxFuture, Broker, BrokerGroup, Delivery, Entry, EntryRef};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::unreadable::{EntryReader, Unreadable, add_to_dlq};
use crate::log_places::{head, message_at};
use crate::pause::pause;
use crate::worker::runner::HandlerRunner;

/// The wait before a broker or store that failed is asked again.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// What a read has brought.
#[derive(Default)]
pub(crate) struct Fetched {
    /// Entries, and their messages.
    pub(crate) entries: Vec<FetchedEntry>,
    /// Entries that hold no message, and are in the dead-letter stream now.
    pub(crate) unreadable: Vec<EntryRef>,
    /// Entries that could not be looked up before the worker stops: others are to handle them.
    pub(crate) unknown: Vec<EntryRef>,
}

/// An entry that stands for messages of the log.
pub(crate) struct FetchedEntry {
    pub(crate) at: EntryRef,
    /// How many messages it stands for, when it says where they are; none when it is one.
    pub(crate) places: Option<usize>,
    /// Those to handle: the others are settled or parked.
    pub(crate) messages: Vec<Delivery>,
}

/// What a message is, now that it was looked at again.
pub(crate) enum Reconsidered {
    /// It is to be handled.
    Open(Box<Delivery>),
    /// It is settled or parked.
    Settled,
    /// The worker stops before that is known.
    Unknown,
}

/// Reads for a group from a broker, and finds in the log what was read.
#[derive(Clone)]
pub(crate) struct BrokerReader {
    pub(crate) runner: HandlerRunner,
    pub(crate) broker: Arc<dyn Broker>,
    /// Nothing is waited for once this is cancelled.
    pub(crate) stop: CancellationToken,
    /// A position that the log has reached for certain.
    pub(crate) head: Arc<AtomicU64>,
}

/// The messages that an entry refers to.
struct Referred {
    at: EntryRef,
    positions: Vec<u64>,
    /// The id of the first of them.
    first_id: String,
    says_where: bool,
}

/// What the log knows of the messages that entries refer to.
struct LogPart {
    /// Those that are not settled, by their positions.
    found: HashMap<u64, Delivery>,
    /// A position that the log has reached.
    head: u64,
}

impl BrokerReader {
    /// Finds the messages of the entries that a read or a take-over has brought. Another consumer
    /// was given those of a take-over before.
    pub(crate) async fn fetch(
        &self,
        lane: Lane,
        stream: Arc<str>,
        consumer: Arc<str>,
        entries: Result<Vec<Entry>>,
        is_read: bool,
    ) -> Fetched {
        let from = BrokerGroup { stream, group: Arc::clone(&self.runner.group.name) };
        match entries {
            Ok(entries) => {
                let (handler, faults) = (&self.runner.group.handler, &self.runner.faults);
                if let Some(failures) = faults.ended("read stream", lane) {
                    info!(%handler, stream = %from.stream, failures, "reads the stream again");
                }
                let identified = self.identify(&from, &consumer, entries, is_read);
                self.runner.steps.run(lane, identified).await
            }
            Err(error) => {
                let BrokerGroup { stream, group } = &from;
                if error.is_not_found() {
                    // The relay makes it, since what it has missed has to be published then.
                    info!(%group, %stream, "consumer group missing, waiting for the relay to create it");
                } else if let Some(failures) = self.runner.faults.failed("read stream", lane) {
                    warn!(
                        handler = %self.runner.group.handler, %stream,
                        error = format_args!("{error:#}"), failures,
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
        pause(&self.stop, wait).await
    }

    async fn identify(
        &self,
        from: &BrokerGroup,
        consumer: &str,
        entries: Vec<Entry>,
        is_read: bool,
    ) -> Fetched {
        let (mut referred, mut unreadable) = (Vec::new(), Vec::new());
        for entry in entries {
            match self.referred(&entry) {
                Ok(entry) => referred.push(entry),
                Err(reason) => unreadable.push(Unreadable { entry, reason }),
            }
        }
        let handed = if is_read { self.handed(&referred) } else { HashMap::new() };
        let mut fetched = self.find(referred, handed).await;
        let (domain, broker) = (&self.runner.domain, &*self.broker);
        let reader = EntryReader { handler: &self.runner.group.handler, from, consumer };
        fetched.unreadable = add_to_dlq(domain, broker, reader, unreadable).await;
        fetched
    }

    /// Looks again at a message that is in the log for certain.
    pub(crate) async fn reconsider(self, delivery: Delivery) -> Reconsidered {
        match self.recall(&[delivery.recorded.position]).await.map(|found| found.into_iter().next())
        {
            Some(Some(found)) if !found.parked => Reconsidered::Open(Box::new(found)),
            Some(_) => Reconsidered::Settled,
            None => Reconsidered::Unknown,
        }
    }

    /// The messages that an entry refers to, or why they are not of this group.
    fn referred(&self, entry: &Entry) -> Result<Referred, String> {
        let data = entry.data.as_deref().ok_or("the entry has no field `data`")?;
        let at = entry.at.clone();
        if let Some(read) = Positions::read(data) {
            let Positions { positions, category, first_id } =
                read.map_err(|unreadable| unreadable.to_string())?;
            self.check_category(&category)?;
            return Ok(Referred { at, positions, first_id, says_where: true });
        }
        let envelope = Envelope::read(data).map_err(|unreadable| unreadable.to_string())?;
        self.check_category(envelope.stream.category())?;
        let position =
            envelope.position.ok_or("the message has no log position: it is not of this domain")?;
        let first_id = envelope.id.into_owned();
        Ok(Referred { at, positions: vec![position], first_id, says_where: false })
    }

    fn check_category(&self, found: &Category) -> Result<(), String> {
        let expected = &self.runner.group.category;
        match found == expected {
            true => Ok(()),
            false => {
                Err(format!("the message is of the category '{found}', expected '{expected}'"))
            }
        }
    }

    /// The messages that the relay of this process has handed over, by their positions.
    fn handed(&self, referred: &[Referred]) -> HashMap<u64, Delivery> {
        let HandlerRunner { group, handover, .. } = &self.runner;
        let messages = referred.iter().filter(|entry| !entry.says_where);
        let places = messages.flat_map(|entry| entry.positions.iter().map(move |at| (*at, entry)));
        let handed = |(at, entry): (u64, &Referred)| {
            handover.take(&group.name, at, &entry.first_id).map(|delivery| (at, delivery))
        };
        places.filter_map(handed).collect()
    }

    /// Finds in the log what entries refer to and was not handed over. Entries of another log are
    /// left where they are.
    async fn find(&self, referred: Vec<Referred>, handed: HashMap<u64, Delivery>) -> Fetched {
        let mut fetched = Fetched::default();
        let Some(log) = self.look_up(&referred, handed).await else {
            fetched.unknown = referred.into_iter().map(|entry| entry.at).collect();
            return fetched;
        };
        for entry in referred {
            match self.is_own(&entry, &log).await {
                Some(true) => fetched.entries.push(messages(entry, &log.found)),
                Some(false) => {}
                None => fetched.unknown.push(entry.at),
            }
        }
        fetched
    }

    /// What the log knows of some entries, besides what was handed over; `None` when the worker
    /// stops before that is known.
    async fn look_up(
        &self,
        referred: &[Referred],
        handed: HashMap<u64, Delivery>,
    ) -> Option<LogPart> {
        let positions = referred.iter().flat_map(|entry| &entry.positions).copied();
        let positions: BTreeSet<u64> = positions.collect();
        let last = positions.last().copied().unwrap_or(0);
        let unknown = positions.into_iter().filter(|position| !handed.contains_key(position));
        let recalled = self.recall(&Vec::from_iter(unknown)).await?;
        let mut found = handed;
        found.extend(recalled.into_iter().map(|delivery| (delivery.recorded.position, delivery)));
        // The log reaches to what was found in it.
        let reached = found.keys().max().copied();
        self.head.fetch_max(reached.unwrap_or(0), Ordering::Relaxed);
        Some(LogPart { found, head: self.head_from(last).await? })
    }

    /// False for an entry of another log; `None` when the worker stops before that is known.
    async fn is_own(&self, entry: &Referred, log: &LogPart) -> Option<bool> {
        let Referred { at, positions, first_id, .. } = entry;
        let LogPart { found, head } = log;
        let first = positions.first().copied().unwrap_or(0);
        let store = &*self.runner.store;
        // What is settled, or was never there, is not among those that were recalled.
        let first = match found.get(&first) {
            Some(found) => Some(Arc::clone(&found.recorded.message.id)),
            None => {
                let there = self.asked(|| Box::pin(message_at(store, first))).await?;
                there.map(|there| there.message.id)
            }
        };
        let is_other = first.as_ref().is_none_or(|first| **first != **first_id);
        let is_beyond = positions.iter().any(|position| position > head);
        if !is_other && !is_beyond {
            return Some(true);
        }
        if let Some(times) = self.runner.faults.failed("read another log", Lane::Primary) {
            error!(
                handler = %self.runner.group.handler, stream = %at.stream, entry = at.id.as_str(),
                message_id = %first_id, in_log = first.map(tracing::field::display), head,
                times, "the entry is of another log and is left where it is"
            );
        }
        Some(false)
    }

    /// A position that the log has reached: `position`, unless the log ends before it. `None` when
    /// the worker stops before that is known.
    async fn head_from(&self, position: u64) -> Option<u64> {
        let known = self.head.load(Ordering::Relaxed);
        if position <= known {
            return Some(known);
        }
        let store = &*self.runner.store;
        let head = self.asked(|| Box::pin(head(store))).await?;
        Some(self.head.fetch_max(head, Ordering::Relaxed).max(head))
    }

    /// What is not settled of these positions; `None` when the worker stops before that is known.
    async fn recall<'a>(&'a self, positions: &'a [u64]) -> Option<Vec<Delivery>> {
        if positions.is_empty() {
            return Some(Vec::new());
        }
        let Group { name, category, .. } = &*self.runner.group;
        self.asked(|| self.runner.store.recall(name, category, positions)).await
    }

    /// The answer of the log, for as long as it takes; `None` when the worker stops before.
    async fn asked<'a, T>(&'a self, ask: impl Fn() -> BoxFuture<'a, Result<T>>) -> Option<T> {
        loop {
            match ask().await {
                Ok(answer) => {
                    self.runner.faults.ended("recall", Lane::Primary);
                    return Some(answer);
                }
                Err(error) => {
                    if let Some(failures) = self.runner.faults.failed("recall", Lane::Primary) {
                        warn!(
                            handler = %self.runner.group.handler,
                            error = format_args!("{error:#}"), failures,
                            "cannot read the log, trying again"
                        );
                    }
                }
            }
            if !self.pause(RETRY_DELAY).await {
                return None;
            }
        }
    }
}

/// The messages of an entry that are to be handled.
fn messages(entry: Referred, found: &HashMap<u64, Delivery>) -> FetchedEntry {
    let Referred { at, positions, says_where, .. } = entry;
    let places = says_where.then_some(positions.len());
    let messages = positions.iter().filter_map(|position| found.get(position));
    let messages = messages.filter(|delivery| !delivery.parked).cloned().collect();
    FetchedEntry { at, places, messages }
}
