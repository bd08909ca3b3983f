//! Moves scheduled messages into the log when they are due.
//!
//! ```text
//! scheduled ─▶ due, the most urgent first ─▶ one unit each: out of the schedule, into the log
//! ```
//! One process does so at a time; a message that two processes take goes into the log once.

use std::sync::Arc;
use std::time::Duration;

use protean_core::domain::{Domain, ScheduledMessages};
use protean_port::Result;
use protean_port::message::Lane;
use protean_port::port::Store;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bulk_steps::BulkSteps;
use crate::leadership::{LeaderTerm, Leadership};
use crate::rounds::repeat_rounds;

/// How often each server checks that its recurring commands are scheduled.
const RECURRING_INTERVAL: Duration = Duration::from_secs(60);
/// The most messages of production that one commit moves.
const PRODUCTION_MESSAGES: usize = 256;
/// The same of bulk work, which takes a turn for it.
const BULK_MESSAGES: usize = 64;

/// Moves what is due until `stop` is cancelled, while this process holds the claim. Cancel safe:
/// what was not moved stays scheduled.
pub(crate) async fn move_due_messages(
    domain: Domain,
    store: Arc<dyn Store>,
    steps: BulkSteps,
    stop: CancellationToken,
) {
    let work = |claim, term: LeaderTerm| {
        let (domain, steps) = (&domain, &steps);
        async move {
            let round = || round(domain, steps);
            repeat_rounds(term.over(), "move scheduled messages into the log", round).await;
            drop(claim);
        }
    };
    let claim = format!("{}.schedule", domain.name());
    Leadership::new(store, claim).run(&stop, work).await;
}

/// Keeps each recurring command of this program scheduled until `stop` is cancelled: it may have
/// been cancelled, or its pattern may have changed. Cancel safe.
pub(crate) async fn schedule_recurring(domain: Domain, stop: CancellationToken) {
    loop {
        look(&domain).await;
        if tokio::time::timeout(RECURRING_INTERVAL, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

async fn look(domain: &Domain) {
    if let Err(error) = ScheduledMessages::of(domain).schedule_recurring().await {
        warn!(
            error = format_args!("{error:#}"),
            "cannot schedule recurring commands, trying again in a minute"
        );
    }
}

/// Moves some of what is due: that of production, then a step of bulk work. True when more may be.
async fn round(domain: &Domain, steps: &BulkSteps) -> Result<bool> {
    let scheduled = ScheduledMessages::of(domain);
    let mut is_full = false;
    for lane in domain.lanes().lanes() {
        let range = domain.lanes().range(*lane);
        let most = match lane {
            Lane::Primary => PRODUCTION_MESSAGES,
            Lane::Backfill => BULK_MESSAGES,
        };
        // A step of bulk work waits for its turn, so take one only when something is due.
        if scheduled.is_due(range).await? {
            is_full |= steps.run(*lane, scheduled.release(range, most)).await? == most;
        }
    }
    Ok(is_full)
}
