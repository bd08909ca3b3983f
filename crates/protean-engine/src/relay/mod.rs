//! The relay: from the log to a broker.
//!
//! ```text
//! log ─▶ page ─▶ envelopes ─▶ Broker::publish ─▶ settling ─▶ Store::commit (cursor)
//!          ▲ window (bulk)         │ mark
//!          └────── gaps ◀──────────┘ the broker has lost something: what its
//!                                    groups have not settled goes out again
//! ```
//!
//! To the ledger a relay is a group of its own: what it has published it has
//! settled. It is at least once: after an abrupt end the last page goes out again,
//! with the same ids.

mod batch_mark;
mod batch_sizer;
mod broker_publisher;
mod gaps;
mod outbox;
mod plan;
mod publish_loop;
mod settling;
mod window;

use std::sync::Arc;
use std::time::Duration;

use protean_core::domain::Domain;
use protean_port::Result;
use protean_port::port::{Broker, Claim, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::leadership::{Leadership, Term};
pub use outbox::{Outbox, Refused, RelayStatus};
pub(crate) use plan::prefix;
pub use plan::{RelayPlan, RelayRoute};
use publish_loop::PublishLoop;

/// The first wait after a failure, and the longest.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Publishes what the log holds for others to read. One of a name works at a
/// time, whichever process it is in; the others stand by.
pub struct Relay {
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    domain: Domain,
    plan: RelayPlan,
}

impl Relay {
    /// A relay from the store of this domain to this broker.
    pub fn new(
        domain: Domain,
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        plan: RelayPlan,
    ) -> Self {
        Self { store, broker, domain, plan }
    }

    /// Publishes until `stop` says so, and then until the page in hand is settled.
    /// An outage of either side is waited out: nothing is given up for it.
    ///
    /// Dropping the future loses nothing: the page in hand may go out again.
    pub async fn run(&self, stop: CancellationToken) {
        let leadership = Leadership::new(Arc::clone(&self.store), Arc::clone(&self.plan.name));
        let work = |claim, term: Term| async move { self.work(claim, term.over()).await };
        leadership.run(&stop, work).await;
    }

    /// Publishes with the claim, until `stop` says so.
    async fn work(&self, claim: Box<dyn Claim>, stop: &CancellationToken) {
        let mut rounds = PublishLoop::new(self, claim);
        let mut wait = PATIENCE.0;
        loop {
            let failed = match self.publish_all(&mut rounds, stop).await {
                Ok(()) => return,
                Err(error) => error,
            };
            wait = if rounds.take_progress() { PATIENCE.0 } else { (wait * 2).min(PATIENCE.1) };
            warn!(relay = %self.plan.name, "cannot publish, trying again in {wait:?}: {failed}");
            if tokio::time::timeout(wait, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Publishes until `stop` says so or something is out of order.
    async fn publish_all(
        &self,
        rounds: &mut PublishLoop<'_>,
        stop: &CancellationToken,
    ) -> Result<()> {
        self.store.prepare(&[], &self.plan.registrations()).await?;
        let (mut commits, tick) = (self.store.commits(), self.plan.outbox.tick_interval);
        let mut look_at = Instant::now();
        while !stop.is_cancelled() {
            // However much there is to publish.
            if Instant::now() >= look_at {
                rounds.maintain().await?;
                look_at = Instant::now() + tick;
            }
            commits.mark_unchanged();
            if rounds.publish().await? {
                continue;
            }
            tokio::select! {
                _ = stop.cancelled() => return Ok(()),
                _ = commits.changed() => {}
                () = tokio::time::sleep_until(look_at) => {}
            }
        }
        Ok(())
    }
}
