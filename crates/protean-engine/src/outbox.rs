//! Where the relays of a domain stand, and what brokers have refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_core::domain::Domain;
use protean_core::handling::{Moment, resend};
use protean_port::message::{Category, Lane, Priority, Recorded, Timestamp};
use protean_port::port::{DeadLetter, DeadLetterRead, GroupStatus, Outcome, ParkedRead, Store};
use protean_port::{Error, Result};

use crate::relay::prefix;

/// How many letters are in memory at once.
const PAGE: usize = 500;

/// After every moment.
const EVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// Every priority there may be.
const EVERY: (Priority, Priority) = (Priority::new(i32::MIN), Priority::new(i32::MAX));

/// The relays of a domain as its database knows them, whether a server or a
/// broker runs or not.
pub struct Outbox<'a> {
    domain: &'a Domain,
    store: Arc<dyn Store>,
    /// By broker, the categories that its relay publishes.
    relays: BTreeMap<String, Vec<Category>>,
}

/// Where one relay stands. What could not be read is `None`, never 0.
#[derive(Debug, Default)]
pub struct RelayStatus {
    /// The broker, as `domain.toml` names it.
    pub broker: String,
    /// Messages committed and not published yet.
    pub waiting: Option<u64>,
    /// For how many seconds the oldest of them has waited, 0 when none waits.
    pub waited_seconds: Option<f64>,
    /// Messages the broker has refused and is to be asked for again.
    pub failed: Option<u64>,
    /// Messages given up.
    pub abandoned: Option<u64>,
    /// Why nothing is known, when nothing is.
    pub fault: Option<Error>,
}

/// A message that a broker has refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The broker.
    pub broker: String,
    /// The message.
    pub recorded: Recorded,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was given up, and when; none while it is to be tried again.
    pub abandoned: Option<(String, Timestamp)>,
}

impl<'a> Outbox<'a> {
    /// The relays that are configured, and those that the database knows from before.
    ///
    /// # Errors
    /// When the store cannot be opened or read.
    pub async fn of(domain: &'a Domain) -> Result<Self> {
        let store = Arc::clone(domain.store().await?);
        let mut relays: BTreeMap<String, Vec<Category>> = BTreeMap::new();
        let config = domain.config();
        let published = config.enable_outbox.then_some(&config.outbox.broker);
        for broker in published.into_iter().chain(&config.outbox.external_brokers) {
            relays.insert(broker.clone(), Vec::new());
        }
        for (group, category) in store.registered_groups().await? {
            if let Some(broker) = group.strip_prefix(&prefix(domain)) {
                relays.entry(broker.to_owned()).or_default().push(category);
            }
        }
        Ok(Self { domain, store, relays })
    }

    /// Where each relay stands. Dropping the future stops the reading.
    pub async fn status(&self) -> Vec<RelayStatus> {
        let mut statuses = Vec::new();
        for (broker, categories) in &self.relays {
            let status = self.relay(broker, categories).await;
            statuses.push(status.unwrap_or_else(|fault| RelayStatus {
                broker: broker.clone(),
                fault: Some(fault),
                ..RelayStatus::default()
            }));
        }
        statuses
    }

    async fn relay(&self, broker: &str, categories: &[Category]) -> Result<RelayStatus> {
        if categories.is_empty() {
            return Err(Error::unavailable("no server has begun to publish to it"));
        }
        let (mut waiting, mut failed, mut abandoned, mut oldest) = (0, 0, 0, None);
        for category in categories {
            let standing = self.store.standing(&self.group(broker), category).await?;
            waiting += standing.lag();
            failed += standing.parked();
            abandoned += standing.dead();
            oldest = oldest.into_iter().chain(since(&standing)).min();
        }
        let now = self.domain.clock().now();
        let waited = oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
        Ok(RelayStatus {
            broker: broker.to_owned(),
            waiting: Some(waiting),
            waited_seconds: Some(waited),
            failed: Some(failed),
            abandoned: Some(abandoned),
            fault: None,
        })
    }

    /// Messages given up, at most so many of each relay, in the order of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn abandoned(&self, limit: usize) -> Result<Vec<Refused>> {
        let mut found = Vec::new();
        for (broker, categories) in &self.relays {
            for category in categories {
                let letters = self.dead_letters((broker, category), 0, limit).await?;
                found.extend(letters.into_iter().map(|letter| Refused {
                    broker: broker.clone(),
                    recorded: letter.recorded,
                    attempts: letter.attempts,
                    abandoned: Some((letter.reason, letter.time)),
                }));
            }
        }
        found.sort_by_key(|refused| refused.recorded.position);
        Ok(found)
    }

    /// Messages that are to be tried again, at most so many of each relay, in
    /// the order of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn failed(&self, limit: usize) -> Result<Vec<Refused>> {
        let mut found = Vec::new();
        for (broker, categories) in &self.relays {
            for category in categories {
                let (group, category) = (self.group(broker).to_string(), category.clone());
                let read = ParkedRead { group, category, range: EVERY, now: EVER, limit };
                let parked = self.store.parked(read).await?.due;
                found.extend(parked.into_iter().map(|delivery| Refused {
                    broker: broker.clone(),
                    recorded: delivery.recorded,
                    attempts: delivery.attempts,
                    abandoned: None,
                }));
            }
        }
        found.sort_by_key(|refused| refused.recorded.position);
        Ok(found)
    }

    /// Lets what was given up go out again, and says how many messages: the one at
    /// this log position or with this message id, or all. What is under way when
    /// the future is dropped goes out again; the rest stays given up.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was done by then is done.
    pub async fn retry(&self, id: Option<&str>) -> Result<u64> {
        let mut sent = 0;
        for (broker, categories) in &self.relays {
            for category in categories {
                sent += self.retry_of((broker, category), id).await?;
            }
        }
        Ok(sent)
    }

    async fn retry_of(&self, of: (&str, &Category), id: Option<&str>) -> Result<u64> {
        let meant = |letter: &&DeadLetter| {
            let position = letter.recorded.position.to_string();
            id.is_none_or(|id| *letter.recorded.message.id == *id || position == id)
        };
        let (relay, mut sent, mut after) = (self.group(of.0), 0, 0);
        loop {
            let page = self.dead_letters(of, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(sent) };
            after = last.recorded.position;
            let moment = Moment::of(self.domain.env(), Lane::Backfill);
            let units = page.iter().filter(meant).map(|letter| resend(&relay, letter, moment));
            for outcome in self.store.commit(units.collect()).await {
                match outcome {
                    Outcome::Committed(_) => sent += 1,
                    Outcome::Unavailable(reason) => return Err(Error::unavailable(reason)),
                    // Somebody else was faster.
                    _ => {}
                }
            }
        }
    }

    async fn dead_letters(
        &self,
        (broker, category): (&str, &Category),
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>> {
        let (group, category) = (self.group(broker).to_string(), category.clone());
        self.store
            .dead_letters(DeadLetterRead { group, category, after, before: EVER, limit })
            .await
    }

    /// What the relay to a broker is called in the ledger.
    fn group(&self, broker: &str) -> Arc<str> {
        format!("{}{broker}", prefix(self.domain)).into()
    }
}

/// Since when the oldest message has waited.
fn since(standing: &GroupStatus) -> Option<Timestamp> {
    standing.lanes.iter().filter(|lane| lane.lag > 0).filter_map(|lane| lane.oldest).min()
}
