//! What other systems publish, on its way into the log, where subscribers find it.
//!
//! ```text
//! read ─▶ inbox_reader ─▶ Store::commit ─(durable)─▶ settled ─▶ gone
//!            └ nothing a log can take: its dead-letter stream ──▲
//! ```
//!
//! One process reads for a subscriber; that an entry comes twice, after an abrupt end
//! or an outage, is seen from the log, which has one place for it. What is heard where
//! nothing is kept has no name that could tell: one process reads it for all.

mod inbox_reader;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use protean_core::config;
use protean_core::domain::{Domain, Group, HandlerKind, broker};
use protean_port::port::{Broker, Store};
use protean_port::{Error, Result};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::leadership::{Leadership, Term};
use inbox_reader::InboxReader;

/// The wait before a broker that cannot be reached is opened again.
const BROKER_RETRY_DELAY: Duration = Duration::from_millis(500);

/// The stream of one subscriber.
struct Inbox {
    domain: Domain,
    store: Arc<dyn Store>,
    group: Arc<Group>,
    broker: &'static str,
    has_streams: bool,
}

/// Starts to take in the stream of every subscriber, each until it is told to stop;
/// one whose broker is within this process is idle.
pub(crate) fn start(
    domain: &Domain,
    store: &Arc<dyn Store>,
    stopped: &CancellationToken,
) -> JoinSet<Result> {
    let (mut inboxes, mut heard) = (JoinSet::new(), HashSet::new());
    for group in domain.registry().groups() {
        let HandlerKind::Subscriber { broker } = group.kind else { continue };
        let configured = domain.config().brokers.get(broker);
        if !configured.is_some_and(config::Broker::reaches_others) {
            let (handler, stream) = (&group.handler, &group.category);
            info!("{handler} is idle: brokers.{broker} is inline, so '{stream}' is not read");
            continue;
        }
        let has_streams = configured.is_some_and(config::Broker::has_streams);
        // What has no name at its broker is taken in by one for all subscribers.
        if !has_streams && !heard.insert((broker, &group.category)) {
            continue;
        }
        let (domain, store) = (domain.clone(), Arc::clone(store));
        let inbox = Inbox { domain, store, group: Arc::clone(group), broker, has_streams };
        inboxes.spawn(inbox.run(stopped.clone()));
    }
    inboxes
}

/// The brokers that subscribers read.
pub(crate) fn brokers(domain: &Domain) -> impl Iterator<Item = &str> {
    let brokers = domain.registry().groups().iter().filter_map(|group| match group.kind {
        HandlerKind::Subscriber { broker } => Some(broker),
        _ => None,
    });
    let configured = |name: &str| domain.config().brokers.get(name);
    brokers.filter(move |name| configured(name).is_some_and(config::Broker::reaches_others))
}

/// Why one has ended, unless it was told to.
pub(crate) fn failure(ended: Result<Result, JoinError>) -> Option<Error> {
    match ended {
        Ok(ended) => ended.err(),
        Err(panic) => Some(Error::failed("an inbox of the server panicked").with_source(panic)),
    }
}

impl Inbox {
    /// Takes in what comes until it is told to stop.
    ///
    /// # Errors
    /// When something about the broker has to be changed first.
    async fn run(self, stop: CancellationToken) -> Result {
        let Some(broker) = self.open(&stop).await? else { return Ok(()) };
        let leadership = Leadership::new(Arc::clone(&self.store), self.claim_name());
        let work = |claim, term: Term| {
            InboxReader::new(&self, Arc::clone(&broker), claim, term.over().clone()).work()
        };
        leadership.run(&stop, work).await;
        Ok(())
    }

    /// What the right to take in is called: among the readers of this group where they
    /// share a stream with others, among all of the channel where nothing has a name.
    fn claim_name(&self) -> Arc<str> {
        let Group { name, category, .. } = &*self.group;
        let group = if self.has_streams { name } else { "" };
        format!("{group}@{}:{category}", self.broker).into()
    }

    /// The broker, once it can be reached; none when it is told to stop before.
    async fn open(&self, stop: &CancellationToken) -> Result<Option<Arc<dyn Broker>>> {
        loop {
            let opened = tokio::select! {
                opened = broker(&self.domain, self.broker) => opened,
                _ = stop.cancelled() => return Ok(None),
            };
            match opened {
                Ok(opened) => return Ok(Some(Arc::clone(opened))),
                Err(failed) if failed.is_unavailable() => {
                    warn!("waiting for the broker '{}': {failed}", self.broker);
                }
                Err(failed) => return Err(failed),
            }
            if !pause(stop, BROKER_RETRY_DELAY).await {
                return Ok(None);
            }
        }
    }
}

/// Waits; false when it is told to stop.
async fn pause(stop: &CancellationToken, wait: Duration) -> bool {
    tokio::time::timeout(wait, stop.cancelled()).await.is_err()
}
