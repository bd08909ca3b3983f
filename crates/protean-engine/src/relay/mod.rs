//! The relay: from the log to a broker.
//!
//! ```text
//! log ─▶ page ─▶ envelopes ─▶ Broker::publish ─▶ settling ─▶ settlements ─▶ Store::commit
//!          ▲ window (bulk)         │ batch mark
//!          └────── gaps ◀──────────┘ the broker lost something: messages that its
//!                                    groups have not settled are published again
//! ```
//!
//! Each lane has a task, a batch mark and a number in the claim's note of its own, so that
//! production never waits for a page of bulk work. In the ledger a relay is a group of its own: a published message is a settled one.
//! Publishing is at least once: after a crash the pages of the last moment go out again, with the
//! same ids.

mod batch_mark;
mod batch_notes;
mod broker_publisher;
mod broker_stream;
mod gaps;
mod outbox;
pub(crate) mod ownership;
mod page;
mod page_spans;
mod plan;
mod publish_loop;
mod settlements;
mod settling;
mod streams;
mod window;

use std::sync::Arc;
use std::time::Duration;

use protean_core::domain::Domain;
use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::{Broker, Claim, Store};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bulk_steps::BulkSteps;
use crate::handover::Handover;
use crate::leadership::{LeaderTerm, Leadership};
use crate::pacing::Pacing;
use batch_notes::BatchNotes;
pub use outbox::{Abandoned, Adopted, Outbox, Refused, RelayStatus};
pub(crate) use plan::relay_plans;
pub use plan::{RelayPlan, RelayRoute};
use publish_loop::PublishLoop;
pub use streams::{BrokerStream, broker_streams};

/// The wait after the first failure; it doubles from there.
const FIRST_RETRY_WAIT: Duration = Duration::from_millis(100);
const LONGEST_RETRY_WAIT: Duration = Duration::from_secs(5);
/// How long the bulk lane waits after a commit before it looks for messages: those of all
/// commits of this time go out together.
const BULK_WAKE_DELAY: Duration = Duration::from_millis(20);

/// Publishes the messages of the log to a broker. Of all relays with one name, one
/// works at a time, in whichever process; the others stand by.
#[derive(Clone)]
pub struct Relay {
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    domain: Domain,
    plan: RelayPlan,
    steps: BulkSteps,
    handover: Option<Handover>,
}

impl Relay {
    /// A relay from the store of this domain to this broker.
    pub fn new(
        domain: Domain,
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        plan: RelayPlan,
    ) -> Self {
        let steps = BulkSteps::of_machine(&domain, Arc::new(Pacing::none()));
        Self { store, broker, domain, plan, steps, handover: None }
    }

    /// Takes turns with the other bulk work of a server.
    pub(crate) fn in_turn(self, steps: BulkSteps) -> Self {
        Self { steps, ..self }
    }

    /// Keeps what it publishes for the first time for the readers of this process.
    pub(crate) fn handing_over(self, handover: Handover) -> Self {
        Self { handover: Some(handover), ..self }
    }

    /// Publishes until `stop` is cancelled and the page in hand is settled. An outage of
    /// the store or the broker is waited out; no message is given up because of it.
    ///
    /// Cancel safe: nothing is lost, though the page in hand may be published again.
    pub async fn run(&self, stop: CancellationToken) {
        let leadership = Leadership::new(Arc::clone(&self.store), Arc::clone(&self.plan.name));
        let work = |claim, term: LeaderTerm| async move { self.work(claim, term.over()).await };
        leadership.run(&stop, work).await;
    }

    /// Publishes every lane while this process holds the claim, until `stop` is cancelled.
    async fn work(&self, claim: Box<dyn Claim>, stop: &CancellationToken) {
        let lanes = self.plan.lanes.lanes();
        let notes = Arc::new(BatchNotes::of(claim, lanes));
        let mut working = JoinSet::new();
        for lane in lanes {
            let (relay, notes, stop) = (self.clone(), Arc::clone(&notes), stop.clone());
            working.spawn(async move { relay.publish_lane(*lane, notes, &stop).await });
        }
        while let Some(ended) = working.join_next().await {
            // A panic ends the server, as it does everywhere else.
            if let Err(panicked) = ended {
                std::panic::resume_unwind(panicked.into_panic());
            }
        }
    }

    async fn publish_lane(&self, lane: Lane, notes: Arc<BatchNotes>, stop: &CancellationToken) {
        let (store, broker) = (Arc::clone(&self.store), Arc::clone(&self.broker));
        let (domain, plan) = (self.domain.clone(), self.plan.clone());
        let mut publishing = PublishLoop::new(domain, store, broker, plan, lane, notes);
        // Bulk work is looked up many messages at a time.
        if lane == Lane::Primary {
            publishing.handover = self.handover.clone();
        }
        let mut wait = FIRST_RETRY_WAIT;
        loop {
            let failed = match self.publish_all(&mut publishing, lane, stop).await {
                Ok(()) => return,
                Err(error) => error,
            };
            wait = match publishing.take_progress() {
                true => FIRST_RETRY_WAIT,
                false => (wait * 2).min(LONGEST_RETRY_WAIT),
            };
            warn!(
                relay = %self.plan.name, %lane, error = format_args!("{failed:#}"), next_try = ?wait,
                "publishing failed, trying again"
            );
            if tokio::time::timeout(wait, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Publishes until `stop` is cancelled or something fails.
    async fn publish_all(
        &self,
        publishing: &mut PublishLoop,
        lane: Lane,
        stop: &CancellationToken,
    ) -> Result<()> {
        self.store.prepare(&[], &self.plan.registrations()).await?;
        publishing.begin().await?;
        let mut arrivals = self.store.watch(self.plan.watched(lane));
        let (tick, mut maintain_at) = (self.plan.outbox.tick_interval, Instant::now());
        while !stop.is_cancelled() {
            // Even while there is always more to publish.
            if Instant::now() >= maintain_at {
                publishing.maintain().await?;
                maintain_at = Instant::now() + tick;
            }
            publishing.look_at(arrivals.take_changed());
            if self.steps.run(lane, publishing.publish()).await? {
                if lane == Lane::Backfill {
                    self.steps.pacing().bulk_worked();
                }
                continue;
            }
            let wake_at = maintain_at.min(Instant::now() + publishing.retry_after());
            tokio::select! {
                () = stop.cancelled() => break,
                settled = publishing.settled() => settled?,
                _ = arrivals.changed() => if lane == Lane::Backfill {
                    let stopped = tokio::time::timeout(BULK_WAKE_DELAY, stop.cancelled());
                    stopped.await.unwrap_or_default();
                },
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
        publishing.settle_all().await
    }
}
