//! Counts what waits to be handled.

use std::sync::Arc;

use protean::config::SubscriptionType;
use protean::message::Lane;
use protean::port::{BrokerGroup, LaneRead, Store};
use protean::{Domain, Result};
use protean::{HandlerKind, broker};

/// Looks at what waits in the database of a domain.
pub struct Backlog {
    domain: Domain,
    store: Arc<dyn Store>,
}

/// Messages that wait, of all groups together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Production.
    pub primary: u64,
    /// Bulk work.
    pub backfill: u64,
    /// The commands among those of backfill.
    pub bulk_commands: u64,
    /// Failed, and to be tried again.
    pub parked: u64,
    /// Entries of the broker not settled yet: of messages that wait, and
    /// copies of those that do not. Unknown while the broker cannot be asked.
    entries: Option<u64>,
}

impl Waiting {
    /// True when there is nothing left to do.
    pub fn is_over(self) -> bool {
        self.primary + self.backfill + self.parked == 0 && self.entries == Some(0)
    }
}

impl Backlog {
    /// Of this domain.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn of(domain: &Domain) -> Result<Self> {
        Ok(Self { domain: domain.clone(), store: Arc::clone(domain.store().await?) })
    }

    /// Counts what waits.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count(&self) -> Result<Waiting> {
        let mut waiting = Waiting::default();
        for group in self.domain.groups() {
            let standing = self.store.group_status(&group.name, &group.category).await?;
            for lane in &standing.lanes {
                match self.domain.lanes().lane(lane.priority) {
                    Lane::Primary => waiting.primary += lane.lag,
                    Lane::Backfill => {
                        waiting.backfill += lane.lag;
                        if group.kind == HandlerKind::Commands {
                            waiting.bulk_commands += lane.lag;
                        }
                    }
                }
            }
            waiting.parked += standing.parked();
        }
        waiting.entries = match self.entries().await {
            Err(error) if error.is_unavailable() => None,
            entries => Some(entries?),
        };
        Ok(waiting)
    }

    /// Those in the streams that the groups of this domain read.
    async fn entries(&self) -> Result<u64> {
        let (config, groups) = (self.domain.config(), self.domain.groups().iter());
        let mut streams = Vec::new();
        for of in groups.filter(|of| of.subscription.subscription_type == SubscriptionType::Stream)
        {
            for lane in self.domain.lanes().lanes() {
                let stream = match lane {
                    Lane::Primary => of.category.to_string(),
                    Lane::Backfill => {
                        format!("{}:{}", of.category, config.server.priority_lanes.backfill_suffix)
                    }
                };
                streams.push(BrokerGroup { stream: stream.into(), group: Arc::clone(&of.name) });
            }
        }
        if streams.is_empty() {
            return Ok(0);
        }
        let standing =
            broker(&self.domain, &config.outbox.broker).await?.group_status(&streams).await?;
        Ok(standing.iter().flatten().map(|of| of.pending + of.lag.unwrap_or(0)).sum())
    }

    /// True when no bulk command waits.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn bulk_commands_are_over(&self) -> Result<bool> {
        self.is_over_for(Lane::Backfill, |kind| kind == HandlerKind::Commands).await
    }

    /// True when no message of this lane waits, provided that nobody sends any. Commands lead to
    /// events: when none of the first is left, no more of the second come.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn is_over(&self, lane: Lane) -> Result<bool> {
        Ok(self.is_over_for(lane, |kind| kind == HandlerKind::Commands).await?
            && self.is_over_for(lane, |kind| kind != HandlerKind::Commands).await?)
    }

    async fn is_over_for(&self, lane: Lane, takes: fn(HandlerKind) -> bool) -> Result<bool> {
        for group in self.domain.groups().iter().filter(|group| takes(group.kind)) {
            let read = LaneRead {
                group: group.name.to_string(),
                category: group.category.clone(),
                range: self.domain.lanes().range(lane),
                after: Vec::new(),
                limit: 1,
            };
            if !self.store.lane(read).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
