//! Reads for one group, from the log or from a broker.
//!
//! ```text
//!                      the claim of the group       the claim to read it from the log
//! reads the log        held                         held as well, after the other
//! reads a broker       held by the one that leads   free: probed now and then
//! ```
//!
//! A process that reads the log cannot begin while one that reads a broker leads. One that reads a
//! broker waits while the log is read, as during the rollout of a broker. When a leader that reads a
//! broker ends, the others notice within seconds that the log is read instead of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protean_core::config::ServerConfig;
use protean_core::domain::{known_ids, program_version};
use protean_port::message::Lane;
use protean_port::port::{Broker, Claim, Delivery, GroupRegistration, generation};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::leadership::{LeaderTerm, Leadership};
use crate::observe::metrics::{GroupMetrics, Role};
use crate::pause::pause;
use crate::source::Source;
use crate::source::shared_reads::SharedReads;
use crate::worker::Worker;
use crate::worker::leadership_change::LeadershipChange;
use crate::worker::own_notes::OwnNotes;
use crate::worker::recall::recall;
use crate::worker::runner::HandlerRunner;
use crate::worker::seat::SlotPool;

/// How often a process that reads a broker looks whether another reads the log.
const LOG_PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// The wait before the claim to read from the log is asked for again: a probe holds it for a
/// moment.
const PROBE_END_WAIT: Duration = Duration::from_millis(100);
/// The wait before a table that could not be looked at is looked at again.
const TABLE_RETRY_DELAY: Duration = Duration::from_secs(1);
/// A claim that is held at so many looks in a row is not held by a probe.
const PROBES: usize = 3;

/// Reads for one group.
#[derive(Clone)]
pub(crate) struct GroupReader {
    runner: HandlerRunner,
    metrics: Arc<GroupMetrics>,
    slots: ServerSlots,
    own_notes: Arc<Mutex<OwnNotes>>,
    stop: CancellationToken,
}

/// What the readers of a process share.
#[derive(Clone)]
pub(crate) struct ServerSlots {
    slots: SlotPool,
    /// Held while a suspect runs.
    alone: Arc<Semaphore>,
}

impl ServerSlots {
    /// Those of a server with these settings.
    pub(crate) fn of(settings: &ServerConfig) -> Self {
        Self { slots: SlotPool::of(settings), alone: Arc::new(Semaphore::new(1)) }
    }
}

impl GroupReader {
    /// A reader that runs what it reads with this runner, until `stop` is cancelled.
    pub(crate) fn new(
        runner: HandlerRunner,
        metrics: &Arc<GroupMetrics>,
        slots: &ServerSlots,
        stop: &CancellationToken,
    ) -> Self {
        let (metrics, slots, own_notes) = (Arc::clone(metrics), slots.clone(), Arc::default());
        Self { runner, metrics, slots, own_notes, stop: stop.clone() }
    }

    /// Reads from a broker, or without one from the log, until the server stops. When the group gets
    /// another id, since its projection was rebuilt, the reader begins anew under that one.
    pub(crate) async fn read(self, broker: Option<Arc<dyn Broker>>) {
        let HandlerRunner { domain, group, .. } = &self.runner;
        let ids = known_ids(domain);
        while !self.stop.is_cancelled() {
            let id = ids.id(&group.name);
            let reader = self.under(&id);
            let stop = reader.stop.clone();
            let reading = async {
                match (reader.fits().await, &broker) {
                    (false, _) => stop.cancelled().await,
                    (true, None) => reader.read_log().await,
                    (true, Some(broker)) => reader.read_shared(Arc::clone(broker)).await,
                }
            };
            let changed = async {
                tokio::select! {
                    () = ids.changed(&group.name, &id) => {
                        info!(handler = %group.handler, "the projection was rebuilt, goes on with its new table");
                    }
                    () = stop.cancelled() => {}
                }
                stop.cancel();
            };
            tokio::join!(reading, changed);
        }
    }

    /// The same reader for the group under this id.
    fn under(&self, id: &Arc<str>) -> Self {
        let runner = self.runner.under(id);
        // What another generation has noted is not what this one has.
        let own_notes = Arc::default();
        Self { runner, own_notes, stop: self.stop.child_token(), ..self.clone() }
    }

    /// True once the table of the projection, which another version of the program may have rebuilt,
    /// is known to be one that this version can write; false when it is not, or the reader stops
    /// first.
    async fn fits(&self) -> bool {
        const LOOK: &str = "look at the table";
        let HandlerRunner { domain, store, group, faults, .. } = &self.runner;
        let Some(projection) = group.projection.as_ref().filter(|_| generation(&group.name) > 1)
        else {
            return true;
        };
        // The version as well: this one may have come while another rebuilt the projection.
        let version = program_version(domain.groups(), group);
        let registration = [GroupRegistration { version, ..group.registration() }];
        let table = [(*projection.table).clone()];
        loop {
            let misfit = match store.prepare(&table, &registration).await {
                Ok(()) => {
                    if let Some(failures) = faults.ended(LOOK, Lane::Primary) {
                        let handler = &group.handler;
                        info!(%handler, failures, "the table can be looked at again");
                    }
                    return true;
                }
                Err(error) => error,
            };
            let handler = &group.handler;
            if misfit.is_misuse() {
                self.metrics.take(Role::StandingBy);
                warn!(
                    %handler, error = format_args!("{misfit:#}"),
                    "another version of the program has rebuilt the projection, and this one cannot \
                     write its table: standing by"
                );
                return false;
            }
            // Production stands for the group: its lanes share the table.
            if let Some(failures) = faults.failed(LOOK, Lane::Primary) {
                warn!(
                    %handler, error = format_args!("{misfit:#}"), failures,
                    "cannot look at the table of the projection, trying again"
                );
            }
            if !pause(&self.stop, TABLE_RETRY_DELAY).await {
                return false;
            }
        }
    }

    /// Reads the log while no other process does: all of it belongs to the claim.
    pub(crate) async fn read_log(&self) {
        let metrics = Arc::clone(&self.metrics);
        let leadership = self.leadership().observed(move |state| metrics.take(Role::of(state)));
        let reader = self;
        let work = |claim: Box<dyn Claim>, term: LeaderTerm| async move {
            let Some(_log) = reader.claim_log(&term).await else { return };
            let Some(left) = reader.recall(&*claim, &term).await else { return };
            reader.worker(Source::Log).lead(claim, left, term).await;
        };
        leadership.run(&self.stop, work).await;
    }

    /// The claim to read the group from the log; none when the term is over first.
    async fn claim_log(&self, term: &LeaderTerm) -> Option<Box<dyn Claim>> {
        loop {
            if let Ok(Some(claim)) = self.runner.store.claim(&self.log_claim()).await {
                return Some(claim);
            }
            if !pause(term.over(), PROBE_END_WAIT).await {
                return None;
            }
        }
    }

    /// Reads from a broker together with every other process that does, while none reads the log.
    async fn read_shared(&self, broker: Arc<dyn Broker>) {
        let mut is_waiting = false;
        while !self.stop.is_cancelled() {
            if self.is_log_read().await {
                if !std::mem::replace(&mut is_waiting, true) {
                    self.metrics.take(Role::StandingBy);
                    let handler = &self.runner.group.handler;
                    warn!(
                        %handler,
                        "another process reads the group from the log, and not from the broker: \
                         waiting until it has stopped"
                    );
                }
                pause(&self.stop, LOG_PROBE_INTERVAL).await;
                continue;
            }
            if std::mem::take(&mut is_waiting) {
                info!(handler = %self.runner.group.handler, "reads the broker now");
            }
            self.metrics.take(Role::Reading);
            let term = self.stop.child_token();
            tokio::join!(self.share(Arc::clone(&broker), &term), async {
                while pause(&term, LOG_PROBE_INTERVAL).await && !self.is_log_read().await {}
                term.cancel();
            });
        }
    }

    /// Reads from a broker until `stop` is cancelled. To the claim belong what is parked and what
    /// dead processes have left.
    async fn share(&self, broker: Arc<dyn Broker>, stop: &CancellationToken) {
        let (changes, leadership) = mpsc::channel(1);
        let reads = SharedReads::new(&self.runner, broker, stop.clone());
        let worker = self.worker(Source::Broker(Box::new(reads)));
        let ended = stop.child_token();
        let changes = &changes;
        let work = |claim: Box<dyn Claim>, term: LeaderTerm| async move {
            let Some(left) = self.recall(&*claim, &term).await else { return };
            // A worker that has ended takes no claim, which is dropped then.
            changes.send(LeadershipChange::Won(claim, left)).await.unwrap_or_default();
            term.over().cancelled().await;
            if term.is_lost() {
                changes.send(LeadershipChange::Lost).await.unwrap_or_default();
            }
        };
        tokio::join!(self.leadership().run(&ended, work), async {
            worker.share(stop, leadership).await;
            ended.cancel();
        });
    }

    /// True when another process reads the group from the log.
    async fn is_log_read(&self) -> bool {
        for _ in 0..PROBES {
            match self.runner.store.claim(&self.log_claim()).await {
                Ok(None) => {}
                // What is not known changes nothing.
                Ok(Some(_)) | Err(_) => return false,
            }
            if !pause(&self.stop, PROBE_END_WAIT).await {
                return false;
            }
        }
        true
    }

    /// The name of the claim to read the group from the log.
    fn log_claim(&self) -> String {
        format!("{} from the log", self.runner.group.claim())
    }

    fn leadership(&self) -> Leadership {
        Leadership::new(Arc::clone(&self.runner.store), self.runner.group.claim())
    }

    fn worker(&self, source: Source) -> Worker {
        let ServerSlots { slots, alone } = &self.slots;
        let (alone, own_notes) = (Arc::clone(alone), Arc::clone(&self.own_notes));
        let (runner, metrics) = (self.runner.clone(), Arc::clone(&self.metrics));
        Worker::new(runner, source, slots, alone, own_notes, metrics)
    }

    /// Parks and gives the suspects among the messages left in flight; none when the term
    /// is over first.
    async fn recall(&self, claim: &dyn Claim, term: &LeaderTerm) -> Option<Vec<Delivery>> {
        let suspects = {
            let own_notes = self.own_notes.lock().unwrap_or_else(PoisonError::into_inner);
            own_notes.suspects(claim.left())
        };
        recall(&self.runner, &suspects, term.over()).await
    }
}
