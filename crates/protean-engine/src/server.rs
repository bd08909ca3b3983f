//! The server: one worker a group, from start to drained stop.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protean_core::config::SubscriptionType;
use protean_core::domain::{Domain, Group, broker, preflight};
use protean_port::message::Lane;
use protean_port::port::{Broker, Store};
use protean_port::{Error, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::dead_letters::DlqPublisher;
use crate::inbox;
use crate::maintenance::maintain;
use crate::observe::HealthPage;
use crate::observe::metrics::{GroupMetrics, Metrics, Role};
use crate::relay::{Relay, RelayPlan};
use crate::worker::runner::HandlerRunner;
use crate::worker::{Access, Worker};

/// How often a process that stands by asks whether it may take over a group.
pub(crate) const STAND_BY: Duration = Duration::from_millis(500);

/// Handles what a domain's log holds and what comes in, until it is told to stop.
#[derive(Clone)]
pub struct Server {
    domain: Domain,
    health: Option<HealthPage>,
}

impl Server {
    /// A server for this domain.
    pub fn new(domain: Domain) -> Self {
        Self { domain, health: None }
    }

    /// Tells how it is in this place as well, from before the store is opened
    /// until the server has ended. A server tells nobody unless this is called.
    #[must_use]
    pub fn with_health(self, page: HealthPage) -> Self {
        Self { health: Some(page), ..self }
    }

    /// Finds out whether a server could begin: opens what it would open, and closes it
    /// again. For who starts several: what each of them would end with is told once.
    ///
    /// # Errors
    /// Those that [`run`](Self::run) ends with at its beginning.
    pub async fn preflight(&self) -> Result {
        let config = self.domain.config();
        let outbox = config.enable_outbox.then_some(config.outbox.broker.as_str());
        let brokers: BTreeSet<&str> =
            outbox.into_iter().chain(inbox::brokers(&self.domain)).collect();
        preflight(&self.domain, &Vec::from_iter(brokers)).await
    }

    /// Works until `shutdown` ends, then until what runs has ended and is
    /// committed, at most `server.drain_timeout`. What has not started stays in
    /// the log with no attempt burnt.
    ///
    /// A group is read by one process; others stand by and take over when it ends.
    /// Dropping the future stops at once; nothing is lost or half-applied.
    ///
    /// # Errors
    /// When the store cannot be opened, or a part of the server itself has failed;
    /// the other parts have stopped properly then.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result {
        let metrics = Arc::new(Metrics::of(&self.domain));
        // Ends with this future, however that ends.
        let mut pages = JoinSet::new();
        if let Some(page) = self.health {
            pages.spawn(page.serve(self.domain.clone(), Arc::clone(&metrics)));
        }
        let mut shutdown = pin!(shutdown);
        let store = tokio::select! {
            opened = self.domain.store() => Arc::clone(opened?),
            // Nothing has begun that could be finished.
            () = &mut shutdown => return Ok(()),
        };
        // What is committed from now on is for others as well, reachable or not.
        for broker in &self.domain.config().outbox.external_brokers {
            let plan = RelayPlan::external(&self.domain, broker);
            store.prepare(&[], &plan.registrations()).await?;
        }
        let broker = tokio::select! {
            opened = open_broker(&self.domain) => opened?,
            () = &mut shutdown => return Ok(()),
        };
        let stop = CancellationToken::new();
        let mut inboxes = inbox::start(&self.domain, &store, &stop);
        let mut workers = start(&self.domain, (store, broker), &metrics, &stop);
        let mut failure = None;
        tokio::select! {
            () = &mut shutdown => info!("stopping: what runs is finished, what waits stays in the log"),
            Some(Err(error)) = workers.join_next() => {
                failure = Some(Error::failed("a worker of the server panicked").with_source(error));
            }
            Some(ended) = inboxes.join_next() => failure = inbox::failure(ended),
        }
        metrics.stop();
        stop.cancel();
        let drain = self.domain.config().server.drain_timeout;
        let drained = tokio::time::timeout(drain, async {
            while let Some(ended) = workers.join_next().await {
                if let Err(error) = ended {
                    warn!("a worker ended badly: {error}");
                }
            }
            inboxes.join_all().await;
        });
        match drained.await {
            Ok(()) => info!("stopped"),
            Err(_) => warn!("stopped after {drain:?} with handlers still running: they run again"),
        }
        failure.map_or(Ok(()), Err)
    }
}

/// Starts everything that works until it is stopped.
fn start(
    domain: &Domain,
    (store, broker): (Arc<dyn Store>, Option<Arc<dyn Broker>>),
    metrics: &Metrics,
    stopped: &CancellationToken,
) -> JoinSet<()> {
    let alone = Arc::new(Semaphore::new(1));
    let mut workers = JoinSet::new();
    for metrics in metrics.groups() {
        announce(domain, &metrics.group);
        let (group, store) = (Arc::clone(&metrics.group), Arc::clone(&store));
        let runner = HandlerRunner { domain: domain.clone(), store, group };
        let reads = match metrics.group.subscription.subscription_type {
            SubscriptionType::EventStore => None,
            SubscriptionType::Stream => broker.clone(),
        };
        let part = (Arc::clone(metrics), Arc::clone(&alone));
        match reads {
            None => workers.spawn(serve(runner, part, stopped.clone())),
            Some(broker) => workers.spawn(share(runner, broker, part, stopped.clone())),
        };
    }
    info!(domain = domain.name(), groups = workers.len(), "ready");
    for name in domain.config().outbox.external_brokers.clone() {
        let (domain, store) = (domain.clone(), Arc::clone(&store));
        workers.spawn(tell_others(domain, store, name, stopped.clone()));
    }
    if let Some(broker) = broker {
        let mirror = DlqPublisher::new(domain.clone(), Arc::clone(&store), Arc::clone(&broker));
        let until = stopped.clone();
        workers.spawn(async move { mirror.run(until).await });
        let plan = RelayPlan::of(domain, &domain.config().outbox.broker);
        let relay = Relay::new(domain.clone(), store, broker, plan);
        let stopped = stopped.clone();
        workers.spawn(async move { relay.run(stopped).await });
    }
    workers.spawn(maintain(domain.clone(), stopped.clone()));
    workers
}

/// Says where a subscription reads.
fn announce(domain: &Domain, group: &Group) {
    let lanes = &domain.config().server.priority_lanes;
    let (handler, category) = (&group.handler, &group.category);
    if domain.lanes().lanes().contains(&Lane::Backfill) {
        let suffix = &lanes.backfill_suffix;
        info!(
            "Initialized priority lanes for {handler}: primary='{category}', \
             backfill='{category}:{suffix}'"
        );
    } else {
        info!("Initialized subscription for {handler}: stream='{category}'");
    }
}

/// Reads for a group as soon as no other process does.
async fn serve(
    runner: HandlerRunner,
    (metrics, alone): (Arc<GroupMetrics>, Arc<Semaphore>),
    stop: CancellationToken,
) {
    let group = Arc::clone(&runner.group);
    let mut told = false;
    while !stop.is_cancelled() {
        let asked = runner.store.claim(&group.claim()).await;
        metrics.take(Role::after(&asked));
        match asked {
            Ok(Some(claim)) => {
                let access = Access::Alone(claim);
                return Worker::new(runner.clone(), access, alone, metrics).work(stop).await;
            }
            Ok(None) if !told => {
                info!(group = %group.name, "another process reads for this group: standing by");
                told = true;
            }
            Ok(None) => {}
            Err(error) => warn!(group = %group.name, "cannot claim the group: {error}"),
        }
        let _ = tokio::time::timeout(STAND_BY, stop.cancelled()).await;
    }
}

/// Reads for a group together with every other process that does.
async fn share(
    runner: HandlerRunner,
    broker: Arc<dyn Broker>,
    (metrics, alone): (Arc<GroupMetrics>, Arc<Semaphore>),
    stop: CancellationToken,
) {
    metrics.take(Role::Reading);
    let access = Access::Shared(broker, stop.clone());
    Worker::new(runner, access, alone, metrics).work(stop).await;
}

/// The broker that messages go through, when any do, once it can be reached.
async fn open_broker(domain: &Domain) -> Result<Option<Arc<dyn Broker>>> {
    let config = domain.config();
    if !config.enable_outbox {
        return Ok(None);
    }
    reach(domain, &config.outbox.broker).await.map(Some)
}

/// Publishes events to a broker that belongs to others; nobody waits for it.
async fn tell_others(domain: Domain, store: Arc<dyn Store>, name: String, stop: CancellationToken) {
    let broker = tokio::select! {
        reached = reach(&domain, &name) => reached,
        _ = stop.cancelled() => return,
    };
    match broker {
        Ok(broker) => {
            let plan = RelayPlan::external(&domain, &name);
            Relay::new(domain, store, broker, plan).run(stop).await;
        }
        Err(failed) => error!("nothing is published to the broker '{name}': {failed}"),
    }
}

/// A broker, once it can be reached.
async fn reach(domain: &Domain, name: &str) -> Result<Arc<dyn Broker>> {
    loop {
        match broker(domain, name).await {
            Ok(opened) => return Ok(Arc::clone(opened)),
            Err(failed) if failed.is_unavailable() => {
                warn!("waiting for the broker '{name}': {failed}");
            }
            Err(failed) => return Err(failed),
        }
        tokio::time::sleep(STAND_BY).await;
    }
}
