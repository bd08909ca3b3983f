//! The server: one worker a group, from start to drained stop.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protean_core::config::SubscriptionType;
use protean_core::domain::{
    Domain, Group, base_store, broker, known_ids, preflight, prepared_store, registrations,
};
use protean_port::message::Lane;
use protean_port::port::{Broker, MetricsSink, Store};
use protean_port::{Error, Result};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::bulk_steps::BulkSteps;
use crate::dead_letters::DlqPublisher;
use crate::group_reader::{GroupReader, ServerSlots};
use crate::handover::Handover;
use crate::inbox;
use crate::maintenance::maintain;
use crate::minute_checks::check_every_minute;
use crate::observe::metrics::Metrics;
use crate::observe::{HealthPage, check_vanished, report_metrics};
use crate::pacing::Pacing;
use crate::relay::ownership::check;
use crate::relay::{Relay, RelayPlan, relay_plans};
use crate::rounds::move_into_log;
use crate::worker::runner::HandlerRunner;

/// The wait before a broker that cannot be reached is opened again.
const BROKER_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Handles the messages of a domain's log, and those that come in, until it is stopped.
#[derive(Clone)]
pub struct Server {
    domain: Domain,
    health: Option<HealthPage>,
    metrics: Option<Arc<dyn MetricsSink>>,
    ready: Arc<dyn Fn() + Send + Sync>,
}

impl Server {
    /// A server for this domain.
    pub fn new(domain: Domain) -> Self {
        Self { domain, health: None, metrics: None, ready: Arc::new(|| ()) }
    }

    /// Serves a health page, from before the store is opened until the server has ended.
    /// Without this call there is none.
    #[must_use]
    pub fn with_health(self, page: HealthPage) -> Self {
        Self { health: Some(page), ..self }
    }

    /// Also reports the metrics of the page `/metrics` to `sink`, periodically until the server has
    /// ended.
    #[must_use]
    pub fn with_metrics(self, sink: Arc<dyn MetricsSink>) -> Self {
        Self { metrics: Some(sink), ..self }
    }

    /// Calls `told` once the server handles messages, or stands by for a process that does.
    #[must_use]
    pub fn when_ready(self, told: impl Fn() + Send + Sync + 'static) -> Self {
        Self { ready: Arc::new(told), ..self }
    }

    /// Checks that a server can start: opens the store and the brokers, and closes them
    /// again. A supervisor of several servers reports a fault once this way.
    ///
    /// # Errors
    /// Those with which [`run`](Self::run) would end at its beginning.
    pub async fn preflight(&self) -> Result {
        let config = self.domain.config();
        let outbox = config.enable_outbox.then_some(config.outbox.broker.as_str());
        let brokers: BTreeSet<&str> =
            outbox.into_iter().chain(inbox::brokers(&self.domain)).collect();
        let opened = preflight(&self.domain, &Vec::from_iter(brokers)).await?;
        check_vanished(&self.domain, &*opened.store).await?;
        let Some(name) = outbox else { return Ok(()) };
        let plan = RelayPlan::of(&self.domain, name);
        // A broker that cannot be reached now is waited for.
        let Some(broker) = opened.brokers.get(name) else { return Ok(()) };
        let checked = check(&*opened.store, &**broker, &plan).await;
        checked.or_else(|failed| if failed.is_unavailable() { Ok(()) } else { Err(failed) })
    }

    /// Runs until `shutdown` completes, then until running handlers have ended and are
    /// committed, for at most `server.drain_timeout`. A message that has not started stays
    /// in the log and uses up no attempt.
    ///
    /// One process reads for a group; the others stand by and take over when it ends or
    /// loses its claim. Cancel safe: dropping the future stops at once, and nothing is lost
    /// or applied by half.
    ///
    /// # Errors
    /// When the store cannot be opened, or a part of the server itself has failed; the
    /// other parts have been stopped then.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result {
        let pacing = Arc::new(Pacing::of(&self.domain));
        let metrics = Arc::new(Metrics::of(&self.domain, Arc::clone(&pacing)));
        // Dropped, and so ended, with this future.
        let _observed = self.observe(&metrics);
        let mut shutdown = pin!(shutdown);
        let store = tokio::select! {
            opened = prepared_store(&self.domain) => Arc::clone(opened?),
            // Nothing has started that would have to be finished.
            () = &mut shutdown => return Ok(()),
        };
        metrics.opened(store.log_id().await?);
        // The groups once more: one may have been forgotten since the domain was opened. Messages
        // committed from now on wait for their brokers, reachable or not and whichever server
        // leads the relay.
        let relays = relay_plans(&self.domain).into_iter().flat_map(|plan| plan.registrations());
        let registrations = registrations(self.domain.groups()).into_iter().chain(relays);
        store.prepare(&[], &Vec::from_iter(registrations)).await?;
        check_vanished(&self.domain, &*store).await?;
        let broker = tokio::select! {
            opened = open_broker(&self.domain, &*store) => opened?,
            () = &mut shutdown => return Ok(()),
        };
        let stop = CancellationToken::new();
        let mut inboxes = inbox::start(&self.domain, &store, &stop);
        let steps = BulkSteps::of_machine(&self.domain, Arc::clone(&pacing));
        let domain = self.domain.clone();
        let base = Arc::clone(base_store(&domain).await?);
        let running = Running { domain, store, base, broker, steps, stop: stop.clone() };
        let mut workers = running.start(&metrics);
        workers.spawn(pacing.run(stop.clone()));
        (self.ready)();
        let mut failure = None;
        tokio::select! {
            () = &mut shutdown => info!("stopping: waiting for running handlers, other messages stay in the log"),
            Some(error) = first_panic(&mut workers) => {
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
                    warn!(
                        error = format_args!("{error:#}"),
                        "a worker panicked while the server stopped"
                    );
                }
            }
            inboxes.join_all().await;
        });
        match drained.await {
            Ok(()) => info!("server stopped"),
            Err(_) => {
                warn!(drain_timeout = ?drain, "stopped with handlers still running: their messages run again")
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

impl Server {
    /// Serves the pages and reports the metrics, until the tasks are dropped.
    fn observe(&self, metrics: &Arc<Metrics>) -> JoinSet<()> {
        let mut observing = JoinSet::new();
        if let Some(page) = self.health.clone() {
            observing.spawn(page.serve(self.domain.clone(), Arc::clone(metrics)));
        }
        if let Some(sink) = self.metrics.clone() {
            observing.spawn(report_metrics(self.domain.clone(), Arc::clone(metrics), sink));
        }
        observing
    }
}

/// Waits for a task that panics; none once all have ended properly. Cancel safe.
async fn first_panic(workers: &mut JoinSet<()>) -> Option<JoinError> {
    while let Some(ended) = workers.join_next().await {
        if let Err(error) = ended {
            return Some(error);
        }
    }
    None
}

/// What the parts of a running server share.
struct Running {
    domain: Domain,
    store: Arc<dyn Store>,
    /// The store as it is: what runs knows the groups by their ids.
    base: Arc<dyn Store>,
    broker: Option<Arc<dyn Broker>>,
    steps: BulkSteps,
    stop: CancellationToken,
}

impl Running {
    /// Starts everything that works until the server stops.
    fn start(&self, metrics: &Metrics) -> JoinSet<()> {
        let (mut workers, handover) = (JoinSet::new(), Handover::default());
        self.start_groups(metrics, &handover, &mut workers);
        info!(domain = self.domain.name(), groups = workers.len(), "server ready");
        for name in self.domain.config().outbox.external_brokers.clone() {
            let (domain, store) = (self.domain.clone(), Arc::clone(&self.store));
            workers.spawn(publish_externally(domain, store, name, self.stop.clone()));
        }
        if let Some(broker) = &self.broker {
            self.start_publishing(broker, handover, &mut workers);
        }
        workers.spawn(maintain(self.domain.clone(), self.stop.clone()));
        let (domain, store) = (self.domain.clone(), Arc::clone(&self.store));
        let (steps, stop) = (self.steps.clone(), self.stop.clone());
        workers.spawn(check_every_minute(domain.clone(), stop.clone()));
        workers.spawn(move_into_log(domain, store, steps, stop));
        workers
    }

    /// Starts the worker of each group.
    fn start_groups(&self, metrics: &Metrics, handover: &Handover, workers: &mut JoinSet<()>) {
        let slots = ServerSlots::of(&self.domain.config().server);
        for metrics in metrics.groups() {
            announce(&self.domain, &metrics.group);
            let (store, group) = (Arc::clone(&self.base), Arc::clone(&metrics.group));
            let runner = HandlerRunner::new(&self.domain, store, group, &self.steps)
                .handed(handover.clone());
            let broker = match metrics.group.subscription.subscription_type {
                SubscriptionType::EventStore => None,
                SubscriptionType::Stream => self.broker.clone(),
            };
            let reader = GroupReader::new(runner, metrics, &slots, &self.stop);
            workers.spawn(reader.read(broker));
        }
    }

    /// Starts what publishes messages and dead letters to the broker of this domain.
    fn start_publishing(
        &self,
        broker: &Arc<dyn Broker>,
        handover: Handover,
        workers: &mut JoinSet<()>,
    ) {
        let (domain, store) = (self.domain.clone(), Arc::clone(&self.store));
        let dlq_publisher = DlqPublisher::new(domain, store, Arc::clone(broker));
        let stop = self.stop.clone();
        workers.spawn(async move { dlq_publisher.run(stop).await });
        let (domain, store) = (self.domain.clone(), Arc::clone(&self.base));
        let (broker, steps) = (Arc::clone(broker), self.steps.clone());
        workers.spawn(publish(domain, store, broker, steps, handover, self.stop.clone()));
    }
}

/// Logs where a subscription reads.
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

/// The broker of the outbox, once it can be reached; none without an outbox.
async fn open_broker(domain: &Domain, store: &dyn Store) -> Result<Option<Arc<dyn Broker>>> {
    let config = domain.config();
    if !config.enable_outbox {
        return Ok(None);
    }
    let plan = RelayPlan::of(domain, &config.outbox.broker);
    reach(domain, store, &plan).await.map(Some)
}

/// Publishes to the broker of this domain. When groups get other ids, since their projections were
/// rebuilt, the relay begins anew with those.
async fn publish(
    domain: Domain,
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    steps: BulkSteps,
    handover: Handover,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let ids = known_ids(&domain).current();
        let plan = RelayPlan::of(&domain, &domain.config().outbox.broker);
        let relay = Relay::new(domain.clone(), Arc::clone(&store), Arc::clone(&broker), plan)
            .in_turn(steps.clone())
            .handing_over(handover.clone());
        let term = stop.child_token();
        let renewed = async {
            tokio::select! {
                () = known_ids(&domain).renewed(&ids) => {}
                () = term.cancelled() => {}
            }
            term.cancel();
        };
        tokio::join!(relay.run(term.clone()), renewed);
    }
}

/// Publishes to an external broker. The server starts without waiting for it.
async fn publish_externally(
    domain: Domain,
    store: Arc<dyn Store>,
    name: String,
    stop: CancellationToken,
) {
    let plan = RelayPlan::external(&domain, &name);
    let broker = tokio::select! {
        reached = reach(&domain, &*store, &plan) => reached,
        _ = stop.cancelled() => return,
    };
    match broker {
        Ok(broker) => {
            Relay::new(domain, store, broker, plan).run(stop).await;
        }
        Err(error) => {
            error!(
                broker = %name, error = format_args!("{error:#}"),
                "cannot use the broker, its messages are not published"
            )
        }
    }
}

/// The broker of a relay, once it can be reached and is known to be this log's.
async fn reach(domain: &Domain, store: &dyn Store, plan: &RelayPlan) -> Result<Arc<dyn Broker>> {
    loop {
        let checked = async {
            let opened = broker(domain, &plan.broker).await?;
            check(store, &**opened, plan).await.map(|()| Arc::clone(opened))
        };
        match checked.await {
            Ok(opened) => return Ok(opened),
            Err(error) if error.is_unavailable() => {
                warn!(
                    broker = %plan.broker, error = format_args!("{error:#}"),
                    "broker unavailable, trying again"
                );
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(BROKER_RETRY_DELAY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::JoinSet;

    use super::first_panic;

    #[tokio::test]
    async fn a_panic_is_noticed_after_other_tasks_have_ended() {
        let mut workers = JoinSet::new();
        workers.spawn(async {});
        workers.spawn(pending());
        workers.spawn(async {
            tokio::task::yield_now().await;
            panic!("a worker fails");
        });
        assert!(first_panic(&mut workers).await.is_some_and(|error| error.is_panic()));
    }
}
