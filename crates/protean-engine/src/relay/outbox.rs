//! The status of a domain's relays, and the messages that brokers refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use protean_core::domain::{Domain, broker};
use protean_core::handling::{Moment, OperationLog, Operator, resend};
use protean_port::message::{Category, Lane, Priority, Recorded, Timestamp};
use protean_port::port::{
    DeadLetter, DeadLetterRead, GroupStatus, LogId, ParkedRead, RegisteredGroup, Store,
};
use protean_port::{Error, Result};

use super::ownership;
use super::plan::{prefix, relay_plans};
use crate::inbox;
use crate::operation::commit_letters;

/// How many dead letters are in memory at once.
const PAGE_MESSAGES: usize = 500;

/// The relays of a domain as its database knows them. Works without a server and
/// without the broker.
pub struct Outbox<'a> {
    domain: &'a Domain,
    store: Arc<dyn Store>,
    /// The categories that each relay publishes, by broker.
    relays: BTreeMap<String, Vec<Category>>,
    by: Option<Operator>,
}

/// The status of one relay. What could not be read is `None`, never 0.
#[derive(Debug, Default)]
pub struct RelayStatus {
    /// The broker, as `domain.toml` names it.
    pub broker: String,
    /// Messages committed and not published yet.
    pub waiting: Option<u64>,
    /// How many seconds the oldest of them has waited; 0 when none waits.
    pub waited_seconds: Option<f64>,
    /// Messages that the broker refused and that will be tried again.
    pub failed: Option<u64>,
    /// Messages that the broker refused too often: given up until an operator retries them.
    pub abandoned: Option<u64>,
    /// Why the status could not be read, when it could not.
    pub fault: Option<Error>,
}

/// A message that a broker refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The broker.
    pub broker: String,
    /// The message.
    pub recorded: Recorded,
    /// How often publishing it was tried.
    pub attempts: u32,
    /// `None` while it will be tried again.
    pub abandoned: Option<Abandoned>,
}

/// The brokers that carry the messages of this database from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct Adopted {
    /// The new id of its log.
    pub log_id: LogId,
    /// The brokers, as `domain.toml` names them.
    pub brokers: Vec<String>,
}

/// Why and when a message was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct Abandoned {
    /// The broker's reason.
    pub reason: String,
    /// When (domain clock).
    pub time: Timestamp,
}

impl<'a> Outbox<'a> {
    /// The configured relays, and those that the database knows from before.
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
        for RegisteredGroup { group, category, .. } in store.registered_groups().await? {
            if let Some(broker) = group.strip_prefix(&prefix(domain)) {
                relays.entry(broker.to_owned()).or_default().push(category);
            }
        }
        Ok(Self { domain, store, relays, by: None })
    }

    /// Records every later [`retry`](Self::retry) under the name of this operator, in the
    /// transactions that it needs.
    #[must_use]
    pub fn by(self, operator: Operator) -> Self {
        Self { by: Some(operator), ..self }
    }

    /// The status of each relay. Cancel safe: it only reads.
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
            return Err(Error::unavailable("no server has published to this broker yet"));
        }
        let (mut waiting, mut failed, mut abandoned, mut oldest) = (0, 0, 0, None);
        for category in categories {
            let status = self.store.group_status(&self.group(broker), category).await?;
            waiting += status.lag();
            failed += status.parked();
            abandoned += status.dead();
            oldest = oldest.into_iter().chain(oldest_waiting(&status)).min();
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

    /// Messages given up, at most `limit` of each category, in the order of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn abandoned(&self, limit: usize) -> Result<Vec<Refused>> {
        let mut found = Vec::new();
        for (broker, category) in self.published() {
            let dead_letters = self.dead_letters(broker, category, 0, limit).await?;
            found.extend(dead_letters.into_iter().map(|dead| Refused {
                broker: broker.clone(),
                recorded: dead.recorded,
                attempts: dead.attempts,
                abandoned: Some(Abandoned { reason: dead.reason, time: dead.time }),
            }));
        }
        found.sort_by_key(|refused| refused.recorded.position);
        Ok(found)
    }

    /// Messages that will be tried again, at most `limit` of each category, in the order
    /// of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn failed(&self, limit: usize) -> Result<Vec<Refused>> {
        let mut found = Vec::new();
        for (broker, category) in self.published() {
            let (group, category) = (self.group(broker).to_string(), category.clone());
            let (range, now) = (Priority::ALL, Timestamp::MAX);
            let read = ParkedRead { group, category, range, now, limit };
            let parked = self.store.parked(read).await?.due;
            found.extend(parked.into_iter().map(|delivery| Refused {
                broker: broker.clone(),
                recorded: delivery.recorded,
                attempts: delivery.attempts,
                abandoned: None,
            }));
        }
        found.sort_by_key(|refused| refused.recorded.position);
        Ok(found)
    }

    /// Lets messages that were given up go out again, and answers how many: the one with
    /// this log position or message id, or all of them. Cancel safe: each message goes
    /// out again or stays given up.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was done by then is done.
    pub async fn retry(&self, id: Option<&str>) -> Result<u64> {
        let mut sent = 0;
        for (broker, category) in self.published() {
            sent += self.retry_of(broker, category, id).await?;
        }
        Ok(sent)
    }

    /// Makes this database the one whose messages the brokers carry, after it was restored to an
    /// earlier moment, or copied: its log gets a new id, and what its groups have not settled is
    /// published again from the log. What other systems were sent stays with them. Safe to
    /// repeat after a failure.
    ///
    /// # Errors
    /// When a server of this database runs, or when the store or a broker cannot be used.
    pub async fn adopt(&self) -> Result<Adopted> {
        let plans = relay_plans(self.domain);
        let mut claims = Vec::new();
        for plan in &plans {
            let claim = self.store.claim(&plan.name).await?;
            claims.push(claim.ok_or_else(|| {
                Error::misused("a server of this database is running: stop it first")
            })?);
        }
        let log_id = self.store.renew_log_id().await?;
        let mut brokers = Vec::new();
        for plan in &plans {
            let broker = broker(self.domain, &plan.broker).await?;
            ownership::forget_history(&**broker, plan).await?;
            ownership::take(&**broker, self.domain.name(), log_id.as_str()).await?;
            brokers.push(plan.broker.clone());
        }
        for name in inbox::brokers(self.domain) {
            if !brokers.iter().any(|known| known == name) {
                let broker = broker(self.domain, name).await?;
                ownership::take(&**broker, self.domain.name(), log_id.as_str()).await?;
                brokers.push(name.to_owned());
            }
        }
        Ok(Adopted { log_id, brokers })
    }

    async fn retry_of(&self, broker: &str, category: &Category, id: Option<&str>) -> Result<u64> {
        let wanted = |dead: &&DeadLetter| {
            let position = dead.recorded.position.to_string();
            id.is_none_or(|id| *dead.recorded.message.id == *id || position == id)
        };
        let (relay, mut sent, mut after) = (self.group(broker), 0, 0);
        let mut log = self.by.as_ref().map(|by| {
            let place = [("broker", broker.to_owned()), ("category", category.to_string())];
            let filter = place.into_iter().chain(id.map(|id| ("id", id.to_owned())));
            OperationLog::begin(self.domain.name(), by, "outbox retry", filter)
        });
        loop {
            let page = self.dead_letters(broker, category, after, PAGE_MESSAGES).await?;
            let Some(last) = page.last() else { return Ok(sent) };
            after = last.recorded.position;
            let moment = Moment::of(self.domain.env(), Lane::Backfill);
            let units = page.iter().filter(wanted).map(|dead| resend(&relay, dead, moment));
            let now = self.domain.clock().now();
            sent += commit_letters(&*self.store, &mut log, units.collect(), now).await?;
        }
    }

    async fn dead_letters(
        &self,
        broker: &str,
        category: &Category,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>> {
        let (group, category) = (self.group(broker).to_string(), category.clone());
        self.store
            .dead_letters(DeadLetterRead { group, category, after, before: Timestamp::MAX, limit })
            .await
    }

    /// Each relay with each category that it publishes.
    fn published(&self) -> impl Iterator<Item = (&String, &Category)> {
        let relays = self.relays.iter();
        relays.flat_map(|(broker, of)| of.iter().map(move |category| (broker, category)))
    }

    /// The name of a broker's relay in the ledger.
    fn group(&self, broker: &str) -> Arc<str> {
        format!("{}{broker}", prefix(self.domain)).into()
    }
}

/// When the oldest waiting message was made.
fn oldest_waiting(status: &GroupStatus) -> Option<Timestamp> {
    status.lanes.iter().filter(|lane| lane.lag > 0).filter_map(|lane| lane.oldest).min()
}
